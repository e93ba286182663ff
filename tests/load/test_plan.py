"""The plan is made without a server: what is sent, why so, and what is refused beforehand."""

from __future__ import annotations

from copy import deepcopy
from typing import Any
from uuid import UUID

import pytest

from fhir_case.errors import BundleError, RejectedError
from fhir_case.server.capabilities import Capabilities, TypeCapabilities
from load.sample import Planned, plan

OWN_IDS = TypeCapabilities(update_create=False, conditional_create=True, identifier_search=True)
GIVES_IDS = Capabilities(types=dict.fromkeys(("Patient", "Observation", "Provenance"), OWN_IDS))


def lines(planned: Planned) -> list[tuple[str, str, str]]:
    return [(each.method, each.url, each.condition) for each in planned.entries]


def sent(planned: Planned, index: int) -> dict[str, Any]:
    resource: dict[str, Any] = planned.transactions[0].body()["entry"][index]["resource"]
    return resource


def posts(*resources: dict[str, Any], **request: Any) -> dict[str, Any]:
    return {
        "resourceType": "Bundle",
        "type": "transaction",
        "entry": [
            {
                "fullUrl": f"urn:uuid:00000000-0000-4000-8000-00000000000{number}",
                "resource": resource,
                "request": {"method": "POST", "url": resource["resourceType"], **request},
            }
            for number, resource in enumerate(resources)
        ],
    }


def test_our_transaction_is_sent_as_it_is(bundle: dict[str, Any]) -> None:
    planned = plan(bundle)

    assert bundle == planned.transactions[0].body()
    assert ("PUT", "Patient/demo-patient", "") == lines(planned)[0]
    assert planned.repeatable
    assert () == planned.warnings


def test_planning_changes_nothing_of_the_bundle(bundle: dict[str, Any]) -> None:
    before = deepcopy(bundle)
    plan(bundle, GIVES_IDS)

    assert before == bundle


def test_a_plan_stays_what_it_is_when_the_bundle_changes_later(bundle: dict[str, Any]) -> None:
    planned = plan(bundle)
    bundle["entry"][0]["resource"]["gender"] = "male"

    assert "female" == planned.entries[0].original.resource["gender"]


def test_a_collection_is_put_by_its_ids(bundle: dict[str, Any], collection: dict[str, Any]) -> None:
    assert plan(bundle).transactions[0].body() == plan(collection).transactions[0].body()


def test_a_server_that_gives_the_ids_gets_conditional_creates_and_rewritten_references(bundle: dict[str, Any]) -> None:
    planned = plan(bundle, GIVES_IDS)

    patient, observation, provenance = planned.transactions[0].body()["entry"]
    assert ("POST", "Patient", "identifier=urn:fhir-case:demo%7Cpatient") == lines(planned)[0]
    expected = {"method": "POST", "url": "Patient", "ifNoneExist": "identifier=urn:fhir-case:demo%7Cpatient"}
    assert expected == patient["request"]
    assert "id" not in patient["resource"]
    assert 5 == UUID(patient["fullUrl"].removeprefix("urn:uuid:")).version
    assert patient["fullUrl"] == observation["resource"]["subject"]["reference"]
    assert [{"reference": patient["fullUrl"]}] == provenance["resource"]["target"]
    assert planned.transactions[0].body() == plan(bundle, GIVES_IDS).transactions[0].body()


def test_what_has_no_identifier_is_created_with_a_warning(bundle: dict[str, Any]) -> None:
    planned = plan(bundle, GIVES_IDS)

    assert ("POST", "Provenance", "") == lines(planned)[2]
    assert not planned.repeatable
    assert ("loading twice will duplicate what has no condition: Provenance/demo-provenance",) == planned.warnings


@pytest.mark.parametrize("lacking", ["conditional_create", "identifier_search"])
def test_a_condition_that_the_server_cannot_check_is_not_sent(bundle: dict[str, Any], lacking: str) -> None:
    able = {"update_create": False, "conditional_create": True, "identifier_search": True, lacking: False}
    planned = plan(bundle, Capabilities(types={"Patient": TypeCapabilities(**able)}))

    assert ("POST", "Patient", "") == lines(planned)[0]
    assert any("loading twice" in warning for warning in planned.warnings)
    assert any("does not list these types: Observation, Provenance" in warning for warning in planned.warnings)


def test_the_signs_of_an_identifier_that_mean_something_in_a_search_are_escaped() -> None:
    identifier = [{"system": "urn:x"}, {"system": "urn:x", "value": "a,b|c$d&e f\\g=ä"}]
    resource = {"resourceType": "Patient", "identifier": identifier}
    bundle = {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": resource}]}

    expected = "identifier=urn:x%7Ca%5C%2Cb%5C%7Cc%5C%24d%26e%20f%5C%5Cg%3D%C3%A4"
    assert expected == plan(bundle).entries[0].condition


def test_an_id_that_is_a_number_is_not_forced_upon_another_server() -> None:
    entries = [
        {"fullUrl": "http://a/fhir/Patient/1001", "resource": {"resourceType": "Patient", "id": "1001"}},
        {"resource": {"resourceType": "Observation", "subject": {"reference": "Patient/1001"}}},
        {"resource": {"resourceType": "OperationOutcome"}, "search": {"mode": "outcome"}},
    ]
    planned = plan({"resourceType": "Bundle", "type": "searchset", "entry": entries})

    assert [("POST", "Patient", ""), ("POST", "Observation", "")] == lines(planned)
    assert planned.transactions[0].body()["entry"][0]["fullUrl"] == sent(planned, 1)["subject"]["reference"]
    assert "left out, as remarks of the server that was searched: 1: the Bundle" == planned.warnings[0]


def test_an_absolute_reference_inside_the_bundle_becomes_relative() -> None:
    entries = [
        {"fullUrl": "http://a/fhir/Patient/p", "resource": {"resourceType": "Patient", "id": "p"}},
        {
            "resource": {
                "resourceType": "Observation",
                "id": "o",
                "subject": {"reference": "http://a/fhir/Patient/p"},
                "focus": [{"reference": "Patient/p/_history/3"}],
            }
        },
    ]
    planned = plan({"resourceType": "Bundle", "type": "collection", "entry": entries})

    assert {"reference": "Patient/p"} == sent(planned, 1)["subject"]
    assert [{"reference": "Patient/p"}] == sent(planned, 1)["focus"]
    [warning] = planned.warnings
    assert warning.endswith("is sent without it: Observation/o: Patient/p/_history/3")


def test_an_attachment_that_points_into_the_bundle_is_rewritten_too(collection: dict[str, Any]) -> None:
    collection["entry"][1]["resource"]["valueAttachment"] = {"url": "Patient/demo-patient"}
    planned = plan(collection, GIVES_IDS)

    assert {"url": planned.entries[0].target} == sent(planned, 1)["valueAttachment"]


def test_the_transaction_of_somebody_else_is_sent_as_it_requests() -> None:
    bundle = posts({"resourceType": "Patient"}, ifNoneExist="Patient?identifier=x%7C1")
    bundle["entry"].append(
        {
            "fullUrl": "urn:uuid:other",
            "resource": {"resourceType": "Observation", "subject": {"reference": bundle["entry"][0]["fullUrl"]}},
            "request": {"method": "PUT", "url": "Observation?identifier=x%7C2"},
        }
    )
    planned = plan(bundle)

    expected = [("POST", "Patient", "identifier=x%7C1"), ("PUT", "Observation?identifier=x%7C2", "identifier=x%7C2")]
    assert expected == lines(planned)
    assert bundle["entry"][1] == planned.transactions[0].body()["entry"][1]
    assert planned.repeatable
    assert () == planned.warnings


def test_a_plain_post_and_a_put_with_a_version_are_not_repeatable(bundle: dict[str, Any]) -> None:
    bundle["entry"][0]["request"]["ifMatch"] = 'W/"1"'

    assert not plan(posts({"resourceType": "Patient"})).repeatable
    assert not plan(bundle).repeatable
    assert 'W/"1"' == plan(bundle).transactions[0].body()["entry"][0]["request"]["ifMatch"]


def test_an_update_with_a_version_is_sent_with_it_whatever_else_it_depends_on(bundle: dict[str, Any]) -> None:
    """A server that does not support it refuses it; without it, it would overwrite what it must not."""
    request = {"method": "PUT", "url": "Patient?identifier=x|1", "ifMatch": 'W/"7"', "ifNoneMatch": "*"}
    bundle["entry"][0]["request"] = request
    bundle["entry"][1]["request"]["ifMatch"] = 'W/"2"'
    planned = plan(bundle, GIVES_IDS)

    assert [request, bundle["entry"][1]["request"]] == [
        each["request"] for each in planned.transactions[0].body()["entry"]
    ][:2]
    assert not planned.entries[0].repeatable
    assert not [each for each in planned.warnings if "loading twice" in each and "Patient" in each]


def test_a_batch_is_announced_as_all_or_nothing(bundle: dict[str, Any]) -> None:
    assert ("the batch is sent as one transaction: all of it is stored, or nothing: the Bundle",) == plan(
        {**bundle, "type": "batch"}
    ).warnings


@pytest.mark.parametrize(
    ("kind", "word"),
    [
        ("message", r"\$process-message"),
        ("transaction-response", "answer"),
        ("x", "can be transaction"),
        (None, "can be transaction"),
        ([], "can be transaction"),
    ],
)
def test_a_bundle_that_cannot_be_loaded_says_why(bundle: dict[str, Any], kind: object, word: str) -> None:
    with pytest.raises(BundleError, match=word):
        plan({**bundle, "type": kind})


@pytest.mark.parametrize("entries", [[], None, 3, [{"search": {"mode": "outcome"}}]])
def test_a_bundle_without_anything_to_load_is_an_error(entries: object) -> None:
    with pytest.raises(BundleError, match="nothing to load"):
        plan({"resourceType": "Bundle", "type": "searchset", "entry": entries})


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"request": {"method": "DELETE", "url": "Patient/x"}}, "DELETE"),
        ({"request": {"method": "PUT"}}, "no url"),
        ({"request": 3}, "PUT or POST"),
        ({"request": {"method": "PUT", "url": "Patient/other"}}, "PUT Patient/other, but its resource is"),
        ({"request": {"method": "POST", "url": "Group"}}, "POST Group, but its resource is a Patient"),
        ({"resource": None}, "no resource"),
        ({"resource": {"resourceType": "Patient", "id": 5}}, "5 is not a FHIR id"),
        ({"resource": {"resourceType": "Patient", "id": "../x?y"}}, "is not a FHIR id; an id has 1 to 64"),
        ({"resource": {"resourceType": "Patient/..", "id": "x"}}, "no resource"),
        ({"resource": {"resourceType": None}}, "no resource"),
    ],
)
def test_a_malformed_entry_is_named(bundle: dict[str, Any], change: dict[str, Any], word: str) -> None:
    bundle["entry"][0] |= change
    with pytest.raises(BundleError, match=word):
        plan(bundle)


def test_an_entry_that_is_no_object_is_named(bundle: dict[str, Any]) -> None:
    bundle["entry"][1] = "x"
    with pytest.raises(BundleError, match=r"Bundle.entry\[1\]: the entry is not a JSON object"):
        plan(bundle)


def test_the_same_id_twice_is_refused_with_both_places(bundle: dict[str, Any]) -> None:
    bundle["entry"].append({**bundle["entry"][0], "fullUrl": "http://a/b"})
    with pytest.raises(BundleError, match=r"entry\[0\] and \[3\].*same id: Patient/demo-patient"):
        plan(bundle)


def test_the_same_full_url_twice_is_refused(bundle: dict[str, Any]) -> None:
    bundle["entry"][1]["fullUrl"] = bundle["entry"][0]["fullUrl"]
    with pytest.raises(BundleError, match="Observation/demo-afp and Patient/demo-patient have the same fullUrl"):
        plan(bundle)


def test_the_same_condition_twice_is_refused_before_a_server_drops_one_of_them() -> None:
    bundle = posts({"resourceType": "Patient"}, {"resourceType": "Patient"}, ifNoneExist="identifier=x|1")
    with pytest.raises(BundleError, match="same condition"):
        plan(bundle)


def test_references_that_leave_the_bundle_are_counted_and_named(bundle: dict[str, Any]) -> None:
    away = [
        "Group/g",
        "urn:uuid:x",
        "Device/d",
        "Device/e",
        "http://a/Patient/1",
        "#inside",
        "Practitioner?identifier=x",
    ]
    bundle["entry"][1]["resource"]["focus"] = [{"reference": each} for each in away]
    words = "references that leave the Bundle, which the server has to know"

    assert (f"{words}: Device/d, Device/e, Group/g and 1 more",) == plan(bundle).warnings


@pytest.mark.parametrize(
    ("version", "fhir", "fits"),
    [("4.0.1", "R4", True), ("4.3.0", "R4", True), ("5.0.0", "R4", False), ("4.0.1", "R5", False), ("", "R4", True)],
)
def test_a_server_of_another_release_is_refused(bundle: dict[str, Any], version: str, fhir: str, *, fits: bool) -> None:
    if fits:
        assert plan(bundle, Capabilities(fhir_version=version), fhir=fhir).repeatable
    else:
        with pytest.raises(
            RejectedError, match=f"the server speaks FHIR {version}, and what is loaded counts as {fhir}"
        ):
            plan(bundle, Capabilities(fhir_version=version), fhir=fhir)


def test_a_server_without_transactions_is_refused(bundle: dict[str, Any]) -> None:
    with pytest.raises(RejectedError, match="no transactions"):
        plan(bundle, Capabilities(transaction=False))


@pytest.mark.parametrize("value", [{1, 2}, "\ud800", 2**70])
def test_what_cannot_be_written_is_refused(bundle: dict[str, Any], value: object) -> None:
    bundle["entry"][0]["resource"]["x"] = value
    with pytest.raises(BundleError, match="cannot be written as JSON"):
        plan(bundle)


def test_what_is_nested_without_end_is_refused(bundle: dict[str, Any]) -> None:
    bundle["entry"][0]["resource"]["x"] = bundle
    with pytest.raises(BundleError, match="cannot be written as JSON"):
        plan(bundle)

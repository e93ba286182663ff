"""What `assert_same_resource` takes for the same, and what it says when it is not."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from fhir_case.errors import BundleError
from fhir_case.fhir import wire
from fhir_case.testing import assert_same_resource, to_json

if TYPE_CHECKING:
    from collections.abc import Callable

AFP: dict[str, Any] = {
    "resourceType": "Observation",
    "status": "final",
    "code": {"text": "AFP"},
    "effectiveDateTime": "2018-05-01T10:00:00Z",
    "subject": {"reference": "urn:uuid:1"},
    "component": [
        {"code": {"text": "a"}, "valueQuantity": {"value": Decimal("15.00")}},
        {"code": {"text": "b"}, "valueQuantity": {"value": 2}},
    ],
}
STORED: dict[str, Any] = {
    **AFP,
    "id": "7",
    "meta": {"versionId": "1", "lastUpdated": "2026-01-01T00:00:00Z"},
    "effectiveDateTime": "2018-05-01T12:00:00+02:00",
    "subject": {"reference": "Patient/9"},
}
PLACES = {"urn:uuid:1": "Patient/9"}


def refusal(*arguments: Any, **options: Any) -> str:
    """Return what the assertion says when it fails."""
    with pytest.raises(AssertionError) as caught:
        assert_same_resource(*arguments, **options)
    return str(caught.value)


def test_what_servers_add_and_rewrite_is_the_same_resource() -> None:
    assert_same_resource(AFP, STORED, places=PLACES)


def test_each_difference_is_told_with_its_path_and_both_values() -> None:
    stored = {**STORED, "status": "amended", "note": [{"text": "new"}]}
    del stored["code"]

    assert refusal(AFP, stored, places=PLACES) == (
        "the Observation is not stored as it was sent, 3 differences:\n"
        "  Observation.status: another value\n"
        '    sent:   "final"\n'
        '    stored: "amended"\n'
        "  Observation.code: not stored\n"
        '    sent:   {"text":"AFP"}\n'
        "  Observation.note: was not sent\n"
        '    stored: [{"text":"new"}]\n'
        "  not a failure, what servers add or rewrite: id, meta.versionId, meta.lastUpdated, effectiveDateTime, "
        "subject.reference"
    )


def test_strict_also_refuses_what_the_server_added_and_rewrote() -> None:
    told = refusal(AFP, STORED, places=PLACES, strict=True)

    assert "5 differences" in told
    assert "Observation.meta.versionId: added by the server" in told
    assert "Observation.effectiveDateTime: in another spelling" in told
    assert "no failure" not in told


def test_a_reference_to_another_resource_is_a_difference() -> None:
    assert '"Patient/9"' in refusal(AFP, STORED, places={"urn:uuid:1": "Patient/8"})


@pytest.mark.parametrize(
    "ignore",
    [
        "component",
        "component.valueQuantity",
        ["Observation.component.valueQuantity.value"],
        {"component[0]", "meta"},
        ["component[0].valueQuantity"],
    ],
)
def test_what_is_ignored_may_differ_with_all_below_it(ignore: Any) -> None:
    stored = {**STORED, "component": [{**AFP["component"][0], "valueQuantity": {"value": 16}}, AFP["component"][1]]}

    assert_same_resource(AFP, stored, places=PLACES, ignore=ignore)


@pytest.mark.parametrize("ignore", ["component[1]", "comp", "component.valueQuantity.val", "valueQuantity"])
def test_what_is_not_named_is_not_ignored(ignore: str) -> None:
    stored = {**STORED, "component": [{**AFP["component"][0], "valueQuantity": {"value": 16}}, AFP["component"][1]]}

    assert "Observation.component[0].valueQuantity.value: another value" in refusal(
        AFP, stored, places=PLACES, ignore=ignore
    )


def test_lost_digits_are_a_difference_where_both_sides_have_digits() -> None:
    stored = wire.dump(STORED).replace(b"15.00", b"15.0")

    assert "the same number with other digits\n    sent:   15.00\n    stored: 15.0" in refusal(
        AFP, stored, places=PLACES
    )


def test_a_float_has_no_digits_to_lose_but_a_value() -> None:
    stored = {**STORED, "component": [{**AFP["component"][0], "valueQuantity": {"value": 15.0}}, AFP["component"][1]]}
    assert_same_resource(AFP, stored, places=PLACES)

    stored["component"][0]["valueQuantity"]["value"] = 15.01
    assert "stored: 15.01" in refusal(AFP, stored, places=PLACES)


def test_json_and_models_are_taken_and_keep_their_digits() -> None:
    from fhir.resources.R4B.observation import Observation

    model = Observation.model_validate(AFP)

    assert_same_resource(model, wire.dump(STORED), places=PLACES)
    assert_same_resource(wire.dump(AFP).decode(), Observation.model_validate(STORED), places=PLACES)
    assert "sent:   15.00" in refusal(model, wire.dump(STORED).replace(b"15.00", b"15"), places=PLACES)


def test_a_resource_with_decimals_becomes_json_with_their_digits() -> None:
    assert '"value":15.00}' in to_json(AFP)
    with pytest.raises(BundleError, match="cannot be written as JSON"):
        to_json({"resourceType": "Basic", "x": object()})


def test_another_type_is_told_with_what_the_server_said() -> None:
    outcome = {"resourceType": "OperationOutcome", "issue": [{"code": "not-found", "diagnostics": "no such id"}]}

    assert refusal(AFP, outcome) == "Observation was sent, and this is OperationOutcome: no such id"


@pytest.mark.parametrize("given", [b"<html>", {"status": "final"}, [], None, 7])
def test_what_is_no_resource_is_refused_as_such(given: object) -> None:
    with pytest.raises(BundleError, match=r"is not a FHIR resource|cannot be read as a resource"):
        assert_same_resource(AFP, given)


def test_of_a_long_text_the_part_is_shown_that_differs() -> None:
    long = "x" * 5000
    told = refusal({**AFP, "note": [{"text": f"{long}sent{long}"}]}, {**AFP, "note": [{"text": f"{long}stored{long}"}]})

    assert "xsent" in told
    assert "xstored" in told
    assert len(told) < 800


def bundle(kind: str, *resources: dict[str, Any]) -> dict[str, Any]:
    return {"resourceType": "Bundle", "type": kind, "entry": [{"resource": each} for each in resources]}


def test_the_resources_of_a_bundle_are_found_by_place_id_or_identifier() -> None:
    identifier = [{"system": "urn:x", "value": "1"}]
    patient = {"resourceType": "Patient", "id": "p", "identifier": identifier, "gender": "male"}
    finding = {"resourceType": "Observation", "id": "o", "status": "final", "subject": {"reference": "Patient/p"}}
    report = {"resourceType": "DiagnosticReport", "id": "d", "status": "final"}
    stored = bundle(
        "searchset",
        {**report, "status": "amended"},
        {**finding, "id": "22", "subject": {"reference": "Patient/11"}},
        {**patient, "id": "11"},
        {"resourceType": "Patient", "id": "other"},
    )

    told = refusal(bundle("collection", patient, finding, report), stored, places={"Observation/o": "Observation/22"})
    assert told.startswith("DiagnosticReport/d is not stored as it was sent, 1 difference:")
    assert "Patient" not in told
    told = refusal(bundle("collection", patient, finding), stored)
    assert told == "Observation/o is not there"
    sent = bundle("collection", patient)
    assert_same_resource(sent, stored)
    assert "Patient/other was not sent" in refusal(sent, stored, strict=True)


def test_the_failure_points_to_the_line_of_the_test(run: Callable[..., pytest.RunResult]) -> None:
    result = run("""
        from fhir_case.testing import assert_same_resource

        def test_gender():
            assert_same_resource({"resourceType": "Patient", "gender": "male"}, b'{"resourceType": "Patient"}')

        def test_nothing():
            assert_same_resource({"resourceType": "Patient"}, None)
    """)

    result.assert_outcomes(failed=2)
    lines = result.stdout.str()
    assert "E       AssertionError: the Patient is not stored as it was sent, 1 difference:" in lines
    assert "E       fhir_case.errors.BundleError: this NoneType is not a FHIR resource" in lines
    assert "fhir_case/testing" not in lines.replace("\\", "/")


def test_no_part_of_a_secret_is_left_where_a_difference_is_cut() -> None:
    from fhir_case.server.redaction import forget_secrets, hide

    hide("SeCrEtToKeN-4711")
    stored = {"resourceType": "Patient", "language": f"{'x' * 190}SeCrEtToKeN-4711"}
    try:
        with pytest.raises(AssertionError) as caught:
            assert_same_resource({"resourceType": "Patient", "language": "de"}, stored)
    finally:
        forget_secrets()

    assert "SeC" not in str(caught.value)
    assert "***" in str(caught.value)


def test_what_a_server_stored_steers_no_terminal_and_shows_no_secret() -> None:
    from fhir_case.server.redaction import forget_secrets, hide

    hide("SeCrEtToKeN-4711")
    stored = {"resourceType": "Patient", "gender": "\x9b31m\u202e##[error] SeCrEtToKeN-4711", "\x1b]0;PWN\x07": 1}
    try:
        with pytest.raises(AssertionError) as caught:
            assert_same_resource({"resourceType": "Patient", "gender": "female"}, stored)
    finally:
        forget_secrets()

    text = str(caught.value)
    assert [] == [sign for sign in text if not sign.isprintable() and sign != "\n"]
    assert [] == [each for each in ("##[", "SeCrEtToKeN-4711") if each in text]
    assert "PWN" in text

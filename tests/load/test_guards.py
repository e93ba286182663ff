"""Nothing that may be of a real patient leaves this machine unlabelled, wherever it is in what is sent."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from zlib import crc32

import pytest

from fhir_case import BundleError, upload
from fhir_case.fhir.wire import dump
from fhir_case.load.journal.reader import read_requests
from load.sample import TEST_DATA, labelled, patient, write
from load.sample import bundle as sample

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from smallserver import SmallServer

    Run = Callable[..., tuple[int, str, str]]

REAL = {"resourceType": "Patient", "id": "real-1", "name": [{"family": "Realperson"}]}
LABELLED = {**REAL, "id": "test-1", "meta": TEST_DATA}


def put(resource: dict[str, Any], **more: Any) -> dict[str, Any]:
    url = f"{resource['resourceType']}/{resource['id']}"
    return {"resource": resource, "request": {"method": "PUT", "url": url}, **more}


def transaction(*entries: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"resourceType": "Bundle", "type": "transaction", **more, "entry": list(entries)}


def inside(resource: dict[str, Any], kind: str = "collection") -> dict[str, Any]:
    """A labelled Bundle, to be stored as a resource, that holds another resource."""
    return {
        "resourceType": "Bundle",
        "id": "outer",
        "type": kind,
        "meta": TEST_DATA,
        "entry": [{"fullUrl": "urn:uuid:0e8a3c9a-0000-4000-8000-000000000042", "resource": resource}],
    }


def parameters(resource: dict[str, Any]) -> dict[str, Any]:
    part = {"name": "group", "part": [{"name": "one", "resource": resource}]}
    return {"resourceType": "Parameters", "id": "outer", "meta": TEST_DATA, "parameter": [part]}


@pytest.fixture
def elsewhere(fake: SmallServer, monkeypatch: pytest.MonkeyPatch) -> SmallServer:
    """A server that is taken for another machine."""
    for place in ("fhir_case.load.run.load", "fhir_case.load.survey.preparation", "fhir_case.server.guard"):
        monkeypatch.setattr(f"{place}.is_loopback", lambda _: False)
    return fake


HIDDEN = {
    "search.mode of an outcome": transaction(put(LABELLED), put(REAL, search={"mode": "outcome"})),
    "a resource beside DELETE": transaction(
        put(LABELLED), {"resource": REAL, "request": {"method": "DELETE", "url": "Patient/x"}}
    ),
    "a resource without type beside DELETE": transaction(
        put(LABELLED), {"resource": {"name": REAL["name"]}, "request": {"method": "DELETE", "url": "Patient/x"}}
    ),
    "response.outcome": transaction(put(LABELLED, response={"status": "200", "outcome": REAL})),
    "response.outcome without type": transaction(
        put(LABELLED, response={"status": "200", "outcome": {"name": REAL["name"]}})
    ),
    "an element that Bundles do not have": transaction(put(LABELLED), other={"deep": [{"deeper": REAL}]}),
    "an element of a request": transaction(
        {"resource": LABELLED, "request": {"method": "PUT", "url": "Patient/test-1", "extension": [{"valueX": REAL}]}}
    ),
    "a Bundle inside": transaction(put(inside(REAL))),
    "a document inside of Parameters": transaction(put(parameters(inside(REAL, "document")))),
    "Parameters": transaction(put(parameters(REAL))),
    "contained in the Bundle itself": transaction(put(LABELLED), contained=[REAL]),
    "contained in an entry": transaction(put(LABELLED, contained=[REAL])),
    "contained in an extension": transaction(put({**LABELLED, "extension": [{"contained": [REAL]}]})),
    "contained in a list in a list": transaction(put({**LABELLED, "contained": [[REAL]]})),
    "a Bundle without a label of its own": transaction(put({**inside(LABELLED), "meta": {}})),
}


WITHOUT_TYPE = {"name": [{"family": "Realperson"}]}
UNTYPED = {
    "Parameters alone": parameters(WITHOUT_TYPE),
    "Parameters in a transaction": transaction(put(parameters(WITHOUT_TYPE))),
    "a Bundle to be stored": transaction(put(inside(WITHOUT_TYPE))),
}


@pytest.mark.parametrize("content", HIDDEN.values(), ids=HIDDEN)
def test_a_resource_without_label_is_found_wherever_it_is_in_what_is_sent_as_it_came(
    elsewhere: SmallServer, run: Run, tmp_path: Path, content: dict[str, Any]
) -> None:
    code, _, err = run("upload", write(tmp_path, "a.json", content), "--server", elsewhere.url, "--as-is")

    assert 4 == code
    assert "a.json: " in err
    assert "it is not labelled as test data" in err
    assert [] == elsewhere.transactions


@pytest.mark.parametrize("method", ["GET", "HEAD", "PATCH", "get", "VREAD"])
def test_a_method_that_stores_nothing_is_refused_as_it_came_too(
    elsewhere: SmallServer, run: Run, tmp_path: Path, method: str
) -> None:
    entry = {"resource": REAL, "search": {"mode": "outcome"}, "request": {"method": method, "url": "Patient/real-1"}}
    file = write(tmp_path, "a.json", transaction(put(LABELLED), entry))
    code, _, err = run("upload", file, "--server", elsewhere.url, "--as-is")

    assert 4 == code
    assert "Bundle.entry[1].request: the request is" in err
    assert [] == elsewhere.transactions


def test_a_conditional_deletion_is_refused_whatever_its_search_mode(
    fake: SmallServer, run: Run, tmp_path: Path
) -> None:
    entry = {"search": {"mode": "outcome"}, "request": {"method": "DELETE", "url": "Patient?name=Realperson"}}
    file = write(tmp_path, "a.json", transaction(put(LABELLED), entry))
    code, _, err = run("upload", file, "--server", fake.url, "--as-is")

    assert 4 == code
    assert "only one resource can be deleted, by its id" in err
    assert [] == fake.transactions


@pytest.mark.parametrize("as_it_came", [[], ["--as-is"]])
@pytest.mark.parametrize("content", UNTYPED.values(), ids=UNTYPED)
def test_what_holds_a_resource_without_a_type_is_not_sent(
    elsewhere: SmallServer, run: Run, tmp_path: Path, content: dict[str, Any], as_it_came: list[str]
) -> None:
    code, _, err = run("upload", write(tmp_path, "a.json", content), "--server", elsewhere.url, *as_it_came)

    assert 4 == code
    assert "it is not labelled as test data" in err
    assert [] == elsewhere.transactions
    with pytest.raises(BundleError, match="not labelled as test data"):
        upload(content, elsewhere.url)


@pytest.mark.parametrize("name", ["a Bundle inside", "Parameters", "a document inside of Parameters"])
def test_a_resource_inside_of_another_needs_its_own_label(
    elsewhere: SmallServer, run: Run, tmp_path: Path, name: str
) -> None:
    code, _, err = run("upload", write(tmp_path, "a.json", HIDDEN[name]), "--server", elsewhere.url)

    assert 4 == code
    assert "resource: Patient/real-1: it is not labelled as test data" in err
    assert [] == elsewhere.transactions


@pytest.mark.parametrize("number", [1, 2])
@pytest.mark.parametrize("kind", ["collection", "searchset", "document", "message", "transaction"])
def test_a_bundle_that_is_stored_as_a_resource_needs_labels_inside(
    elsewhere: SmallServer, run: Run, tmp_path: Path, kind: str, number: int
) -> None:
    entries = [{"fullUrl": f"urn:uuid:c757873d-ec9a-4326-a141-5500000000{n}0", "resource": REAL} for n in range(number)]
    content = {"resourceType": "Bundle", "id": "b", "meta": TEST_DATA, "type": kind, "entry": entries}
    code, _, err = run("upload", write(tmp_path, "a.json", content), "--server", elsewhere.url, "--as-resource")

    assert 4 == code
    assert "it is not labelled as test data" in err
    assert {} == elsewhere.resources


@pytest.mark.parametrize("options", [[], ["--as-is"]])
def test_what_is_labelled_inside_and_outside_is_sent_and_a_label_covers_what_is_contained(
    elsewhere: SmallServer, run: Run, tmp_path: Path, options: list[str]
) -> None:
    contained = {**LABELLED, "id": "test-2", "contained": [{**REAL, "id": "inner"}], "link": [{"other": "#inner"}]}
    content = transaction(put(inside(LABELLED)), put(parameters(inside(LABELLED))), put(contained))

    assert 0 == run("upload", write(tmp_path, "a.json", content), "--server", elsewhere.url, *options)[0]
    assert {"Bundle/outer", "Parameters/outer", "Patient/test-2"} == set(elsewhere.resources)


def test_a_type_that_is_written_by_numbers_of_its_signs_is_seen(
    elsewhere: SmallServer, run: Run, tmp_path: Path
) -> None:
    text = json.dumps(transaction(put(inside(REAL))))
    last = text.rindex('"resourceType"')
    file = tmp_path / "a.json"
    file.write_text(text[:last] + '"resource\\u0054ype"' + text[last + len('"resourceType"') :], encoding="utf-8")

    assert 4 == run("upload", file, "--server", elsewhere.url)[0]
    assert [] == elsewhere.transactions


def test_a_request_has_only_what_requests_have(fake: SmallServer, run: Run, tmp_path: Path) -> None:
    entry = {"resource": REAL, "request": {"method": "PUT", "url": "Patient/real-1", "note": {"name": "Realperson"}}}
    file = write(tmp_path, "a.json", transaction(entry))

    assert 0 == run("upload", file, "--server", fake.url)[0]
    assert {"method": "PUT", "url": "Patient/real-1"} == fake.transactions[0].body["entry"][0]["request"]


def test_the_library_asks_for_the_same_word_as_the_command(elsewhere: SmallServer) -> None:
    with pytest.raises(BundleError, match=r"not labelled as test data.*real_patient_data=True"):
        upload(sample("a"), elsewhere.url)
    assert [] == elsewhere.transactions

    assert upload(sample("a"), elsewhere.url, real_patient_data=True).ok
    assert upload(labelled(sample("t")), elsewhere.url).ok


def created(condition: str, resource: dict[str, Any] = LABELLED, **more: Any) -> dict[str, Any]:
    return {"resource": resource, "request": {"method": "POST", "url": "Patient", "ifNoneExist": condition}, **more}


def updated(condition: str, resource: dict[str, Any] = LABELLED) -> dict[str, Any]:
    return {"resource": resource, "request": {"method": "PUT", "url": f"Patient?{condition}"}}


WITH_NUMBER = {
    **LABELLED,
    "identifier": [{"system": "urn:made-up", "value": "a,1"}, {"value": "7"}],
    "birthDate": "1970-02-01",
    "managingOrganization": {"reference": "Organization/clinic"},
}
ASKED_BESIDE = {
    "the name of somebody else": (updated("name=Somebodyelse&active=true"), "url: the value of name"),
    "a name with a modifier": (created("family:exact=Somebodyelse"), "ifNoneExist: the value of family"),
    "a name in another writing": (updated("name=Somebody%65lse"), "url: the value of name"),
    "one name of two": (created("name=Realperson,Somebodyelse"), "ifNoneExist: the value of name"),
    "the number of somebody else": (
        created("identifier=http://hospital.example|4711"),
        "ifNoneExist: the value of identifier",
    ),
    "the number of a reference": (
        updated("general-practitioner.identifier=http://hospital.example%7C4711"),
        "url: the value of general-practitioner.identifier",
    ),
    "a birth date": (created("birthdate=ge1980-03-02", WITH_NUMBER), "ifNoneExist: the value of birthdate"),
    "a text without a parameter": (created("Somebodyelse"), "ifNoneExist: the value of its query"),
    "a query after the type": (created("Patient?name=Somebodyelse"), "ifNoneExist: the value of name"),
}
SAID_BY_THE_RESOURCE = [
    created("identifier=urn:made-up%7Ca%5C%2C1", WITH_NUMBER),
    created("identifier=a\\,1,7", WITH_NUMBER),
    created("family=realPERSON&birthdate=eq1970-02&active=true", WITH_NUMBER),
    updated("organization=Organization/clinic&_tag=urn:runs%7C2026&_id=test-1", WITH_NUMBER),
    updated("identifier:missing=true&name=Real"),
]


@pytest.mark.parametrize(("entry", "place"), ASKED_BESIDE.values(), ids=ASKED_BESIDE)
def test_a_condition_that_asks_for_what_a_labelled_resource_does_not_say_is_not_sent(
    elsewhere: SmallServer, run: Run, tmp_path: Path, entry: dict[str, Any], place: str
) -> None:
    file = write(tmp_path, "a.json", transaction(entry))
    code, _, err = run("upload", file, "--server", elsewhere.url)

    assert 4 == code
    assert f"a.json: Bundle.entry[0].request.{place}: it is not labelled as test data" in err
    assert "a label covers what its resource says itself" in err
    assert {("metadata",)} == {request.path for request in elsewhere.requests}


@pytest.mark.parametrize("entry", SAID_BY_THE_RESOURCE, ids=range(len(SAID_BY_THE_RESOURCE)))
def test_a_condition_may_ask_for_what_its_labelled_resource_says(
    elsewhere: SmallServer, run: Run, tmp_path: Path, entry: dict[str, Any]
) -> None:
    file = write(tmp_path, "a.json", transaction(entry))

    assert 0 == run("upload", file, "--server", elsewhere.url, "--dry-run", "--allow-dangling")[0]


def test_a_condition_is_judged_as_it_came_and_by_the_library_and_goes_where_real_data_may(
    elsewhere: SmallServer, run: Run, tmp_path: Path
) -> None:
    content = transaction(updated("name=Somebodyelse"))
    command = ("upload", write(tmp_path, "a.json", content), "--server", elsewhere.url, "--as-is")

    assert 4 == run(*command)[0]
    with pytest.raises(BundleError, match="not labelled as test data"):
        upload(content, elsewhere.url)
    assert [] == elsewhere.transactions
    assert 0 == run(*command, "--real-patient-data", "--dry-run")[0]


def test_what_looks_like_a_remark_is_stored_once_noted_and_undone(
    fake: SmallServer, run: Run, tmp_path: Path, journal: Path
) -> None:
    created = {"resource": {**patient("a"), "id": None}, "request": {"method": "POST", "url": "Patient"}}
    del created["resource"]["id"]
    content = transaction(created, put({**REAL, "id": "odd"}, search={"mode": "outcome"}))
    file = write(tmp_path, "a.json", content)
    command = ("upload", file, "--server", fake.url, "--as-is", "--journal", journal)

    assert 0 == run(*command)[0]
    assert 2 == len(fake.resources)
    assert ["created", "created"] == [each.state for record in read_requests(journal) for each in record.entries]
    assert 0 == run(*command)[0]
    assert 2 == len(fake.resources)
    assert 0 == run("undo", journal)[0]
    assert {} == fake.resources


def test_two_resources_with_one_id_and_one_checksum_are_told_apart(fake: SmallServer, run: Run, tmp_path: Path) -> None:
    one = {"resourceType": "Patient", "id": "crc", "birthDate": "1973-10-13",
           "name": [{"family": "F228153372", "given": ["G518247879"]}]}  # fmt: skip
    other = {"resourceType": "Patient", "id": "crc", "birthDate": "1944-06-08",
             "name": [{"family": "F333389903", "given": ["G387896471"]}]}  # fmt: skip
    assert crc32(dump(one, sort=True)) == crc32(dump(other, sort=True))
    files = [write(tmp_path, "a.json", one), write(tmp_path, "b.json", other)]
    code, _, err = run("upload", *files, "--server", fake.url)

    assert 4 == code
    assert "Patient/crc is in an earlier document with other content" in err

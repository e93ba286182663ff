"""A dangling reference is refused with the file and the entry that has it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from load.sample import patient, write

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from smallserver import SmallServer

    Run = Callable[..., tuple[int, str, str]]

URN = "urn:uuid:0e8a3c9a-0000-4000-8000-000000000051"


def finding(reference: str, **elements: Any) -> dict[str, Any]:
    return {"resourceType": "Observation", "status": "final", "subject": {"reference": reference}, **elements}


def transaction(*resources: dict[str, Any]) -> dict[str, Any]:
    entries = [{"resource": each, "request": {"method": "POST", "url": each["resourceType"]}} for each in resources]
    return {"resourceType": "Bundle", "type": "transaction", "entry": entries}


@pytest.fixture(params=["kept", "read again"])
def _size(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "read again":
        monkeypatch.setattr("fhir_case.load.survey.result._KEPT_BYTES", 10)


@pytest.mark.usefixtures("_size")
@pytest.mark.parametrize(
    ("reference", "named"),
    [(URN, URN), ("Patient/nobody", "Patient/nobody"), ("Patient/nobody/_history/2", "Patient/nobody")],
)
def test_the_refusal_names_file_and_entry(
    fake: SmallServer, run: Run, tmp_path: Path, reference: str, named: str
) -> None:
    file = write(tmp_path, "b.json", transaction(patient("a"), finding("Patient/p-a"), finding(reference)))
    write(tmp_path, "a.json", patient("first"))
    code, _, err = run("upload", tmp_path, "--server", fake.url)

    assert 4 == code
    assert f"{file}: Bundle.entry[2]: references to what is neither in the files nor on the server: {named}" in err
    assert [] == fake.transactions


@pytest.mark.usefixtures("_size")
def test_the_refusal_names_the_line_of_ndjson_and_the_places_of_some_more(
    fake: SmallServer, run: Run, tmp_path: Path
) -> None:
    lines = [finding(f"Patient/nobody-{number}", id=f"o{number}") for number in range(5)]
    file = write(tmp_path, "b.ndjson", [patient("a"), *lines])
    code, _, err = run("upload", file, "--server", fake.url)

    assert 4 == code
    assert f"{file}:2: Observation/o0: references" in err
    assert f"Patient/nobody-1 ({file}:3: Observation/o1)" in err
    assert "and 2 more" in err


@pytest.mark.parametrize("together", [True, False])
@pytest.mark.parametrize("by", ["urn", "id"])
def test_a_reference_with_a_fragment_is_one_to_the_resource_before_it(
    fake: SmallServer, run: Run, tmp_path: Path, journal: Path, together: bool, by: str
) -> None:
    part = {
        "contained": [{"resourceType": "Organization", "id": "part"}],
        "managingOrganization": {"reference": "#part"},
    }
    target = patient("z", **part)
    reference = f"{URN}#part" if by == "urn" else "Patient/p-z#part"
    if by == "urn":
        del target["id"]
    first = transaction(finding(reference, identifier=[{"system": "s", "value": "o"}]))
    second = transaction(target)
    second["entry"][0]["fullUrl"] = URN
    if by == "id":
        second["entry"][0]["request"] = {"method": "PUT", "url": "Patient/p-z"}
    documents = [{**first, "entry": first["entry"] + second["entry"]}] if together else [first, second]
    files = [write(tmp_path, f"in/{number}.json", each) for number, each in enumerate(documents)]
    code, _, err = run("upload", *files, "--server", fake.url, "--merge", "1", "--journal", journal)

    assert 0 == code, err
    (stored,) = (name for name in fake.names if name.startswith("Patient/"))
    (found,) = (each for name, each in fake.resources.items() if name.startswith("Observation/"))
    assert f"{stored}#part" == found["subject"]["reference"]
    assert 0 == run("verify", journal)[0]

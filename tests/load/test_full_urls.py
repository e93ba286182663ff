"""A reference by fullUrl leads to its target in another transaction, whoever chose the id of that."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from fhir_case.load.journal.reader import read_requests
from load.process import Process, killable
from load.sample import observation, patient, write

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from smallserver import SmallServer

URN = "urn:uuid:4f9076df-5611-5de0-a718-51e9da257a4d"


def transaction(resource: dict[str, Any], full_url: str, method: str = "PUT") -> dict[str, Any]:
    url = f"{resource['resourceType']}/{resource['id']}" if method == "PUT" else resource["resourceType"]
    each = {"fullUrl": full_url, "resource": resource, "request": {"method": method, "url": url}}
    return {"resourceType": "Bundle", "type": "transaction", "entry": [each]}


@pytest.mark.parametrize("full_url", [URN, "https://elsewhere.example/fhir/Patient/p-a"])
def test_a_full_url_of_what_we_chose_the_id_of_leads_there_from_another_transaction(
    fake: SmallServer, tmp_path: Path, journal: Path, run: Callable[..., Any], full_url: str
) -> None:
    write(tmp_path, "a.json", transaction(patient("a"), full_url))
    write(tmp_path, "b.json", transaction(observation("b", full_url), "urn:uuid:b", "POST"))
    upload = ("upload", tmp_path / "a.json", tmp_path / "b.json", "--server", fake.url, "--journal", journal)

    code, _, err = run(*upload, "--merge", "1", "--quiet")

    assert 0 == code, err
    [finding] = [each for name, each in fake.resources.items() if name.startswith("Observation/")]
    assert "Patient/p-a" == finding["subject"]["reference"]


def test_it_does_so_also_where_an_earlier_run_stored_the_target(
    fake: SmallServer, tmp_path: Path, journal: Path, run: Callable[..., Any]
) -> None:
    write(tmp_path, "a.json", transaction(patient("a"), URN))
    write(tmp_path, "b.json", transaction(observation("b", URN), "urn:uuid:b", "POST"))
    upload = ("upload", tmp_path / "a.json", tmp_path / "b.json", "--server", fake.url, "--journal", journal)
    with killable(Process(3, full=True)):  # the header, the first request and what became of it
        assert 0 != run(*upload, "--merge", "1", "--quiet")[0]
    assert 1 == sum(len(record.entries) for record in read_requests(journal))

    code, _, err = run(*upload, "--merge", "1", "--quiet")

    assert 0 == code, err
    [finding] = [each for name, each in fake.resources.items() if name.startswith("Observation/")]
    assert "Patient/p-a" == finding["subject"]["reference"]

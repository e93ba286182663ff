"""Medplum's FHIR router, served by scripts/medplum: another implementation that really runs, and takes what we send."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
import requests

from fhir_case.bundle import build_bundle
from fhir_case.load import upload, verify
from fhir_case.mapping import load_case
from fhir_case.server.named import open_server, read_servers
from fhir_case.server.named.checking import check_server
from fhir_case.server.quirks import quirks_of
from support import ROOT, SHIPPED, installed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fhir_case.server.named import NamedServer, OpenServer

FOLDER = ROOT / "scripts" / "medplum"
START = str(FOLDER / "start")
JSON = {"Content-Type": "application/fhir+json"}

pytestmark = pytest.mark.xdist_group("medplum")


@pytest.fixture(scope="module")
def named() -> NamedServer:
    """The server of our matrix, installed."""
    installed(FOLDER / "start")
    return read_servers(ROOT / "scripts" / "servers.toml")["medplum"]


@pytest.fixture(scope="module")
def medplum(named: NamedServer) -> Iterator[OpenServer]:
    with open_server(named, os.environ) as server:
        yield server


def ask(server: OpenServer, method: str, path: str, body: Any = None) -> requests.Response:
    return requests.request(method, f"{server.base_url}{path}", json=body, headers=JSON, timeout=30)


def put(number: int) -> dict[str, Any]:
    """Return an entry that stores a patient under an id."""
    patient = {"resourceType": "Patient", "id": f"p{number}"}
    return {"resource": patient, "request": {"method": "PUT", "url": f"Patient/p{number}"}}


def refused(answer: requests.Response) -> str:
    assert 400 == answer.status_code
    return str(answer.json()["issue"][0]["details"]["text"])


def test_the_packages_are_locked_and_no_registry_is_named() -> None:
    text = (FOLDER / "package-lock.json").read_text("utf-8")
    packages = json.loads(text)["packages"]
    wanted = json.loads((FOLDER / "package.json").read_text("utf-8"))["dependencies"]

    assert "://" not in text
    assert wanted == {name: packages[f"node_modules/{name}"]["version"] for name in wanted}
    assert [] == [name for name, package in packages.items() if name and "integrity" not in package]


@pytest.mark.server
def test_it_says_that_it_is_medplum_and_speaks_r4(named: NamedServer) -> None:
    found = check_server(named, os.environ)

    assert () == found.problems
    assert ("R4", True, "not needed") == (found.release, found.transactions, found.sign_in)
    assert found.software.startswith("Medplum FhirRouter with MemoryRepository 4.")


@pytest.mark.server
def test_what_is_stored_has_version_time_and_place(medplum: OpenServer) -> None:
    made = ask(medplum, "POST", "/Patient", {"resourceType": "Patient", "birthDate": "2001-02"})
    name = f"Patient/{made.json()['id']}"
    read = ask(medplum, "GET", f"/{name}")

    assert (201, 200, "2001-02") == (made.status_code, read.status_code, read.json()["birthDate"])
    assert f"{medplum.base_url}/{name}" == made.headers["Location"]
    assert f'W/"{read.json()["meta"]["versionId"]}"' == made.headers["ETag"] == read.headers["ETag"]
    assert read.headers["Last-Modified"].endswith("GMT")
    assert read.headers["Content-Type"].startswith("application/fhir+json")
    assert [200, 404] == [ask(medplum, method, f"/{name}").status_code for method in ("DELETE", "GET")]


@pytest.mark.server
@pytest.mark.parametrize("path", ["/Patient/none", "/Patient/none/_history/1", "/a/b/c/d", "/../elsewhere"])
def test_what_is_not_there_is_an_outcome_with_404(medplum: OpenServer, path: str) -> None:
    answer = ask(medplum, "GET", path)

    assert (404, "OperationOutcome") == (answer.status_code, answer.json()["resourceType"])


@pytest.mark.server
def test_what_is_no_json_is_refused(medplum: OpenServer) -> None:
    answer = requests.post(f"{medplum.base_url}/Patient", data=b'{"resourceType":', headers=JSON, timeout=30)

    assert "Content could not be parsed" == refused(answer)


@pytest.mark.server
def test_a_version_that_no_header_can_hold_does_not_end_the_server(medplum: OpenServer) -> None:
    patient = {"resourceType": "Patient", "meta": {"versionId": "1\n2"}}

    assert [500, 200] == [
        ask(medplum, "POST", "/Patient", patient).status_code, ask(medplum, "GET", "/metadata").status_code
    ]  # fmt: skip


@pytest.mark.server
def test_a_search_finds_by_identifier_also_as_a_form(medplum: OpenServer) -> None:
    identifier = [{"system": "urn:fhir-case:medplum", "value": "1"}]
    ask(medplum, "PUT", "/Patient/found", {"resourceType": "Patient", "id": "found", "identifier": identifier})
    form = {"identifier": "urn:fhir-case:medplum|1"}
    by_form = requests.post(f"{medplum.base_url}/Patient/_search", data=form, timeout=30).json()
    by_query = requests.get(f"{medplum.base_url}/Patient", params=form, timeout=30).json()

    assert ["found"] == [each["resource"]["id"] for each in by_form["entry"]]
    assert by_form == by_query


@pytest.mark.server
def test_the_limits_that_are_known_of_medplum_are_those_of_its_router(medplum: OpenServer) -> None:
    with medplum.client() as client:
        caps = quirks_of(client.capabilities()).caps
    once = {"resource": {"resourceType": "Patient"}, "request": {"method": "POST", "url": "Patient"}}
    once["request"]["ifNoneExist"] = "identifier=urn:fhir-case:medplum|none"

    def transaction(*entries: dict[str, Any]) -> requests.Response:
        return ask(medplum, "POST", "", {"resourceType": "Bundle", "type": "transaction", "entry": list(entries)})

    most = [put(number) for number in range(caps.entries)]
    assert 200 == transaction(*most).status_code
    assert "more update operations than allowed" in refused(transaction(*most, put(caps.entries)))
    some = most[: caps.conditional]
    assert 200 == transaction(*some[1:], once).status_code
    assert "requires strict isolation but has too many entries" in refused(transaction(*some, once))


@pytest.mark.server
def test_the_case_arrives_but_for_a_zero_that_javascript_does_not_keep(medplum: OpenServer) -> None:
    bundle = build_bundle(load_case(SHIPPED))
    journal = upload(bundle, medplum.base_url)
    found = verify(bundle, medplum.base_url, journal=journal)
    spoiled = {
        (comparison.resource, each.path, each.kind, str(each.sent), str(each.stored))
        for comparison in found.comparisons
        for each in comparison.differences
        if each.kind != "added"
    }

    assert journal.ok
    assert len(bundle["entry"]) == len(found.comparisons)
    assert {
        ("Observation/hcc-tare-sorafenib-hemoglobin", "Observation.valueQuantity.value", "precision", "15.0", "15")
    } == spoiled


@pytest.mark.server
@pytest.mark.parametrize("way", ["input", "signal"])
def test_it_listens_where_it_is_told_and_ends_in_good_order(named: NamedServer, unused_port: int, way: str) -> None:
    with subprocess.Popen(
        [START, "--port", str(unused_port)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as running:
        assert running.stdin is not None
        assert running.stdout is not None
        url = running.stdout.readline().strip()
        assert f"http://127.0.0.1:{unused_port}/fhir/R4" == url
        assert 200 == requests.get(f"{url}/Patient", timeout=30).status_code
        if way == "input":
            running.stdin.close()
        else:
            running.send_signal(signal.SIGTERM)

        assert 0 == running.wait(10)


@pytest.mark.server
def test_a_port_that_is_taken_is_told(named: NamedServer, medplum: OpenServer) -> None:
    port = medplum.base_url.rpartition(":")[2].partition("/")[0]
    done = subprocess.run(
        [START, "--port", port], stdin=subprocess.PIPE, capture_output=True, text=True, timeout=30, check=False
    )

    assert (1, "") == (done.returncode, done.stdout)
    assert "EADDRINUSE" in done.stderr

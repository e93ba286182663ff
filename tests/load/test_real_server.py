"""The whole way against a real HAPI server: twice, then tampered with."""

from __future__ import annotations

import subprocess
import sys
import time
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from faultproxy import FaultProxy
from fhir_case.errors import RejectedError
from fhir_case.load import upload, verify
from fhir_case.load.verification.readback import read_back
from fhir_case.server.capabilities import Capabilities, TypeCapabilities
from fhir_case.server.client import Client
from load.sample import plan, sent, write
from load.test_as_resource import bundle as bundle_of
from support import SHIPPED_COUNT, result_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Run = Callable[..., tuple[int, str, str]]

pytestmark = pytest.mark.server

DIV = '<div xmlns="http://www.w3.org/1999/xhtml"><p>AFP &lt; 20</p></div>'


@pytest.mark.parametrize("kind", ["message", "nested"])
def test_a_bundle_with_temporary_references_is_stored_as_it_is_verified_and_undone(
    hapi_r4: str, run: Run, tmp_path: Path, journal: Path, kind: str
) -> None:
    inner = bundle_of("message" if kind == "message" else "collection", id=f"as-resource-{kind}")
    outer = {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": inner}]}
    file = write(tmp_path, "a.json", inner if kind == "message" else outer)
    options = ["--as-resource"] if kind == "message" else []

    code, out, err = run("upload", file, "--server", hapi_r4, "--journal", journal, *options)

    assert 0 == code, out + err
    assert 0 == run("verify", journal)[0]
    stored = Client(hapi_r4).read("Bundle", f"as-resource-{kind}")
    assert inner == {name: value for name, value in stored.items() if name != "meta"}
    assert 0 == run("undo", journal)[0]
    with pytest.raises(RejectedError):
        Client(hapi_r4).read("Bundle", f"as-resource-{kind}")


def five(prefix: str) -> dict[str, Any]:
    """Return five resources that are ours alone, with what is easily lost: digits, narrative, a date without a day."""
    subject = {"reference": f"Patient/{prefix}-patient"}
    resources: list[dict[str, Any]] = [
        {"resourceType": "Patient", "id": f"{prefix}-patient", "gender": "male", "_birthDate": {
            "extension": [{"url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason", "valueCode": "unknown"}]
        }},
        {"resourceType": "Condition", "id": f"{prefix}-condition", "subject": subject, "onsetDateTime": "2018-05",
         "code": {"text": "hepatocellular carcinoma"}},
        {"resourceType": "Observation", "id": f"{prefix}-afp", "status": "final", "code": {"text": "AFP"},
         "text": {"status": "generated", "div": DIV}, "subject": subject,
         "valueQuantity": {"value": Decimal("15.00"), "unit": "ng/mL"}, "effectiveDateTime": "2018-05-01T10:00:00.0Z"},
        {"resourceType": "Procedure", "id": f"{prefix}-tare", "status": "completed", "subject": subject,
         "reasonReference": [{"reference": f"Condition/{prefix}-condition"}]},
        {"resourceType": "Provenance", "id": f"{prefix}-provenance", "target": [subject],
         "recorded": "2026-01-01T00:00:00Z", "agent": [{"who": {"display": "somebody"}}]},
    ]  # fmt: skip
    for resource in resources[:-1]:
        resource["identifier"] = [{"system": f"urn:fhir-case:{prefix}", "value": resource["id"]}]
    entries = [
        {
            "fullUrl": f"https://fhir-case.invalid/{each['resourceType']}/{each['id']}",
            "resource": each,
            "request": {"method": "PUT", "url": f"{each['resourceType']}/{each['id']}"},
        }
        for each in resources
    ]
    return {"resourceType": "Bundle", "type": "transaction", "entry": entries}


def found(client: Client, prefix: str) -> list[str]:
    """Return the ids of our resources that the server has."""
    kinds = ("Patient", "Condition", "Observation", "Procedure")
    query = {"identifier": f"urn:fhir-case:{prefix}|"}
    return [resource["id"] for kind in kinds for resource in client.search(kind, query)]


def differing(comparison: Any) -> dict[str, str]:
    return {each.path: each.kind for each in comparison.differences if each.kind not in ("added", "rewritten")}


def test_loading_twice_changes_nothing_and_creates_nothing(hapi_r4: str) -> None:
    bundle = five("load-twice")
    with Client(hapi_r4) as client:
        first = upload(bundle, hapi_r4, client=client)
        there = found(client, "load-twice")
        second = upload(bundle, hapi_r4, client=client)

        assert ({"created": 5}, {"unchanged": 5}) == tuple(
            {state: count for state, count in each.counts.items() if count} for each in (first, second)
        )
        assert 4 == len(there)
        assert sorted(there) == sorted(found(client, "load-twice"))
        assert {"1"} == {entry.version for entry in second.entries}
        verification = verify(bundle, hapi_r4, client=client)

    assert verification.ok
    assert {"added": 5} == {state: count for state, count in verification.counts.items() if count}


def test_a_corrected_value_is_an_update_of_that_resource_alone(hapi_r4: str) -> None:
    bundle = five("load-corrected")
    upload(bundle, hapi_r4)
    bundle["entry"][2]["resource"]["valueQuantity"]["value"] = Decimal("15.01")
    journal = upload(bundle, hapi_r4)

    expected = ["unchanged", "unchanged", "updated", "unchanged", "unchanged"]
    assert expected == [entry.state for entry in journal.entries]
    assert "2" == journal.entries[2].version
    assert verify(bundle, hapi_r4).ok


def test_what_somebody_changed_or_deleted_on_the_server_is_found(hapi_r4: str) -> None:
    bundle = five("load-tampered")
    upload(bundle, hapi_r4)
    with Client(hapi_r4) as client:
        observation = client.read("Observation", "load-tampered-afp")
        observation["valueQuantity"]["value"] = Decimal("15.0")
        observation["status"] = "amended"
        client.request("PUT", "Observation/load-tampered-afp", body=observation)
        client.request("DELETE", "Provenance/load-tampered-provenance")
        verification = verify(bundle, hapi_r4, client=client)

    by_name = {each.resource: each for each in verification.comparisons}
    altered, lost = by_name["Observation/load-tampered-afp"], by_name["Provenance/load-tampered-provenance"]
    assert not verification.ok
    assert "altered" == altered.state
    assert {"Observation.status": "changed", "Observation.valueQuantity.value": "precision"} == differing(altered)
    assert ("lost", "Provenance/load-tampered-provenance was deleted") == (lost.state, lost.reason)
    assert 3 == verification.counts["added"]


def test_an_element_that_the_server_drops_without_a_word_is_found(hapi_r4: str) -> None:
    bundle = five("load-dropped")
    bundle["entry"][0]["resource"]["bogus"] = "x"
    journal = upload(bundle, hapi_r4)
    verification = verify(bundle, hapi_r4)

    assert journal.ok
    assert {"Patient.bogus": "missing"} == differing(verification.comparisons[0])


def test_a_refused_transaction_names_the_culprit_and_stores_nothing(hapi_r4: str) -> None:
    bundle = five("load-refused")
    bundle["entry"][2]["resource"]["status"] = "banana"
    with Client(hapi_r4) as client:
        with pytest.raises(
            RejectedError, match="nothing was stored; it is about Observation/load-refused-afp: HTTP 400"
        ):
            upload(bundle, hapi_r4, client=client)
        bundle["entry"][2]["resource"] |= {"status": "final", "subject": {"reference": "Patient/nobody"}}
        with pytest.raises(RejectedError, match="it is about Observation/load-refused-afp: HTTP 400"):
            upload(bundle, hapi_r4, client=client)

        assert [] == found(client, "load-refused")


def test_a_server_that_gives_its_own_ids_stores_each_once(hapi_r4: str) -> None:
    bundle = five("load-own-ids")
    able = TypeCapabilities(update_create=False, conditional_create=True, identifier_search=True)
    kinds = ("Patient", "Condition", "Observation", "Procedure")
    capabilities = Capabilities(
        types={"Provenance": TypeCapabilities(False, True, False), **dict.fromkeys(kinds, able)}
    )
    planned = plan(bundle, capabilities)
    with Client(hapi_r4) as client:
        first, second = (sent(bundle, client, capabilities) for _ in range(2))
        verification = read_back(planned, client, journal=first)
        without_journal = read_back(planned, client)

        assert ["created"] * 5 == [entry.state for entry in first.entries]
        assert ["unchanged"] * 4 + ["created"] == [entry.state for entry in second.entries]
        assert 4 == len(found(client, "load-own-ids"))

    assert {"rewritten": 5} == {state: count for state, count in verification.counts.items() if count}
    assert verification.ok
    assert "not checked" == without_journal.comparisons[-1].state
    assert 4 == without_journal.counts["rewritten"]


def test_the_bundle_of_an_r5_case_does_not_go_to_an_r4_server(hapi_r4: str) -> None:
    with pytest.raises(RejectedError, match=r"the server speaks FHIR 4\.0\.1, and what is loaded counts as R5"):
        upload(five("load-r5"), hapi_r4, fhir="R5")


def test_a_case_whose_ids_the_server_gives_arrives_as_it_was_sent_and_goes_again(
    hapi_r4: str, tmp_path: Path, run: Run
) -> None:
    file, journal = tmp_path / "case.json", tmp_path / "journal.jsonl"
    upload_again = ["upload", file, "--server", hapi_r4, "--ids", "server", "--format", "json", "--quiet"]
    assert 0 == run("build", "hcc-tare-sorafenib", "--namespace", "ids-of-server", "--output", file)[0]
    code, out, err = run(*upload_again, "--journal", journal)
    sent = result_of(out)

    assert (0, SHIPPED_COUNT, 0) == (code, sent["resources"]["created"], sent["resources_with_open_references"]), err
    assert any("a second request resolves them: " in each and "and 105 more" in each for each in sent["warnings"])
    code, out, err = run("verify", journal, "--format", "json")
    assert (0, {"rewritten": SHIPPED_COUNT}) == (
        code,
        {name: n for name, n in result_of(out)["counts"].items() if n},
    ), err
    code, out, err = run(*upload_again, "--journal", tmp_path / "again.jsonl")
    assert (0, SHIPPED_COUNT) == (code, result_of(out)["resources"]["unchanged"]), out
    code, out, err = run("undo", journal, "--format", "json")
    assert (0, SHIPPED_COUNT, 0) == (code, *(result_of(out)[state] for state in ("deleted", "left"))), err


@pytest.mark.parametrize("fault", ["503", "429-seconds", "reset-before", "reset-after", "reset-during", "half", "500"])
def test_a_fault_at_the_second_request_does_no_harm(hapi_r4: str, tmp_path: Path, run: Run, fault: str) -> None:
    file, journal = tmp_path / "case.json", tmp_path / "journal.jsonl"
    run("build", "hcc-tare-sorafenib", "--namespace", f"second-{fault}", "--output", file)
    with FaultProxy(hapi_r4, schedule=[None, fault]) as proxy:
        code, out, err = run(
            "upload", file, "--server", proxy.base_url, "--ids", "server", "--journal", journal, "--format", "json",
            "--settle-for", "1", "--retry-for", "60", "--quiet",
        )  # fmt: skip
        sent = result_of(out)
        assert (0, SHIPPED_COUNT, 0) == (code, sent["resources"]["created"], sent["resources_with_open_references"]), (
            err
        )
        assert [fault] == [each.fault for each in proxy.log if each.fault]
        assert 0 == run("verify", journal)[0]
        code, out, err = run("undo", journal, "--format", "json")
    assert (0, SHIPPED_COUNT, 0) == (code, *(result_of(out)[state] for state in ("deleted", "left"))), err


@pytest.mark.parametrize("schedule", [["silence"], [None, "silence"]], ids=["first", "second"])
def test_a_run_that_is_killed_at_either_request_is_completed_by_the_same_command(
    hapi_r4: str, tmp_path: Path, run: Run, schedule: list[str | None]
) -> None:
    file, journal = tmp_path / "case.json", tmp_path / "journal.jsonl"
    run("build", "hcc-tare-sorafenib", "--namespace", f"killed-{len(schedule)}", "--output", file)
    with FaultProxy(hapi_r4, schedule=schedule, silence_s=300) as proxy:
        command = ["upload", file, "--server", proxy.base_url, "--ids", "server", "--journal", journal, "--quiet"]
        process = subprocess.Popen(
            [sys.executable, "-m", "fhir_case", *map(str, command)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + 250
        while not any(each.fault for each in proxy.log) and time.monotonic() < deadline:
            time.sleep(0.05)  # the server has stored it, and the answer does not come
        process.kill()
        process.wait()
        assert len(schedule) == requests_begun(journal)
        code, out, err = run(*command, "--format", "json")
        sent = result_of(out)
        assert (0, SHIPPED_COUNT, 0) == (
            code,
            sent["resources_of_an_earlier_run"],
            sent["resources_with_open_references"],
        ), err
        assert 0 == run("verify", journal)[0]
        code, out, err = run("undo", journal, "--format", "json")
    assert (0, SHIPPED_COUNT, 0) == (code, *(result_of(out)[state] for state in ("deleted", "left"))), err


def requests_begun(journal: Path) -> int:
    return journal.read_bytes().count(b'{"sending"') if journal.exists() else 0

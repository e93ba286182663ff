"""The release in which an input is written and that of the server are compared before anything is sent."""

from __future__ import annotations

import gzip
import json
from typing import TYPE_CHECKING, Any

import pytest

from fhir_case import BundleError, FhirCaseError, upload, verify
from fhir_case.bundle import build_bundle
from fhir_case.mapping import load_case
from load.sample import bundle, patient, write
from support import SHIPPED, run_command

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from fhir_case.fhir.models import FhirVersion
    from smallserver import SmallServer

    Run = Callable[..., tuple[int, str, str]]

VERSIONS = {"R4": "4.0.1", "R5": "5.0.0"}
OTHER = {"R4": "R5", "R5": "R4"}


def encounter(**elements: Any) -> dict[str, Any]:
    return {"resourceType": "Encounter", "id": "e", "status": "planned", **elements}


CONTAINED = {"resourceType": "Patient", "id": "p", "contained": [encounter(actualPeriod={"start": "2026"})]}
SIGNS: list[tuple[FhirVersion, str, dict[str, Any]]] = [
    ("R5", "Encounter.actualPeriod", encounter(actualPeriod={"start": "2026"})),
    ("R5", "Encounter.class[0].coding", encounter(**{"class": [{"coding": [{"code": "AMB"}]}]})),
    ("R5", "Encounter.participant[1].actor", encounter(participant=[{}, {"actor": {"reference": "Patient/p"}}])),
    ("R5", "Patient.contained[0].actualPeriod", CONTAINED),
    ("R5", "Transport", {"resourceType": "Transport", "id": "t", "status": "completed"}),
    ("R5", "StructureDefinition.fhirVersion", {"resourceType": "StructureDefinition", "fhirVersion": "5.0.0"}),
    ("R5", "ImplementationGuide.fhirVersion", {"resourceType": "ImplementationGuide", "fhirVersion": ["5.0.0"]}),
    ("R5", "Patient.meta.profile",
     patient("1", meta={"profile": ["http://hl7.org/fhir/StructureDefinition/Patient|5.0.0"]})),
    ("R4", "Encounter.hospitalization", encounter(hospitalization={"admitSource": {"text": "home"}})),
    ("R4", "Encounter.class.system", encounter(**{"class": {"system": "http://example.org", "code": "AMB"}})),
    ("R4", "Media", {"resourceType": "Media", "id": "m", "status": "completed"}),
    ("R4", "CapabilityStatement.fhirVersion", {"resourceType": "CapabilityStatement", "fhirVersion": "4.0.1"}),
    ("R4", "Patient.meta.profile",
     patient("1", meta={"profile": ["http://hl7.org/fhir/4.0/StructureDefinition/Patient"]})),
]  # fmt: skip


@pytest.mark.parametrize(("written", "place", "resource"), SIGNS, ids=[f"{each[0]} {each[1]}" for each in SIGNS])
def test_what_only_another_release_has_is_refused_before_anything_is_sent(
    fake: SmallServer, run: Run, tmp_path: Path, written: FhirVersion, place: str, resource: dict[str, Any]
) -> None:
    speaks = OTHER[written]
    fake.behaviour.fhir_version = VERSIONS[speaks]
    found = {
        "resourceType": "Bundle",
        "type": "collection",
        "entry": [{"resource": patient("a")}, {"resource": resource}],
    }
    file = write(tmp_path, "other.json", found)
    code, _, err = run("upload", file, "--server", fake.url, "--fhir", speaks)

    assert (4, []) == (code, fake.transactions)
    assert f"{file}: Bundle.entry[1]" in err
    assert f"{place} is " in err
    assert f"it is written in {written}, and the server speaks {speaks} ({VERSIONS[speaks]})" in err
    assert "--other-release" in err


@pytest.mark.parametrize("written", ["R4", "R5"])
def test_what_is_written_in_the_release_of_the_server_is_loaded(fake: SmallServer, written: FhirVersion) -> None:
    fake.behaviour.fhir_version = VERSIONS[written]
    found = build_bundle(load_case(SHIPPED), fhir=written)

    assert upload(found, fake.url, fhir=written).ok


@pytest.mark.parametrize("written", ["R4", "R5"])
def test_the_library_compares_the_releases_too_and_verify_does_not(fake: SmallServer, written: FhirVersion) -> None:
    speaks = OTHER[written]
    fake.behaviour.fhir_version = VERSIONS[speaks]
    found = build_bundle(load_case(SHIPPED), fhir=written)
    with pytest.raises(BundleError, match=rf"it is written in {written}, and the server speaks {speaks}"):
        upload(found, fake.url, fhir=speaks)

    assert [] == fake.transactions
    assert {"lost"} == {each.state for each in verify(found, fake.url, fhir=speaks).comparisons}


def test_who_insists_sends_it_all_the_same(fake: SmallServer, run: Run, tmp_path: Path) -> None:
    profile = {"profile": ["http://hl7.org/fhir/StructureDefinition/Patient|5.0.0"]}
    file = write(tmp_path, "other.json", patient("1", meta=profile))

    assert 0 == run("upload", file, "--server", fake.url, "--other-release")[0]
    assert {"Patient/p-1"} == fake.names
    assert 0 == run("verify", file, "--server", fake.url)[0]
    assert upload(patient("2", meta=profile), fake.url, other_release=True).ok


@pytest.mark.parametrize("options", [("--as-is",), ("--ids", "server"), ("--dry-run",)])
def test_no_option_of_sending_goes_around_it(
    fake: SmallServer, run: Run, tmp_path: Path, options: tuple[str, ...]
) -> None:
    found = bundle("a")
    found["entry"].append({"resource": encounter(admission={}), "request": {"method": "PUT", "url": "Encounter/e"}})
    code, _, err = run("upload", write(tmp_path, "a.json", found), "--server", fake.url, *options)

    assert (4, []) == (code, fake.transactions)
    assert "Bundle.entry[3] (Encounter/e): Encounter.admission is an element that R4 does not have" in err


def test_the_line_of_ndjson_is_named_and_keep_going_loads_the_rest(fake: SmallServer, run: Run, tmp_path: Path) -> None:
    file = tmp_path / "in.ndjson.gz"
    lines = [patient("1"), encounter(admission={}), patient("2")]
    file.write_bytes(gzip.compress("".join(f"{json.dumps(each)}\n" for each in lines).encode()))
    code, _, err = run("upload", file, "--server", fake.url)

    assert (4, set()) == (code, fake.names)
    assert f"{file}:2" in err
    code, _, err = run("upload", file, "--server", fake.url, "--keep-going")
    assert (4, {"Patient/p-1", "Patient/p-2"}) == (code, fake.names)
    assert "Skipped: " in err


def test_a_server_of_r4b_is_one_of_r4_and_what_r4b_has_too_is_no_sign(fake: SmallServer) -> None:
    fake.behaviour.fhir_version = "4.3.0"

    assert upload(bundle("a"), fake.url).ok
    assert "written in" not in _refusal(fake, {"resourceType": "SubscriptionStatus", "id": "s"})
    assert "written in R5" in _refusal(fake, encounter(admission={}))


def _refusal(fake: SmallServer, resource: dict[str, Any]) -> str:
    try:
        upload(resource, fake.url)
    except FhirCaseError as error:
        return str(error)
    return ""


def test_a_guide_for_several_releases_is_of_each_of_them(fake: SmallServer) -> None:
    guide = {"resourceType": "ImplementationGuide", "id": "g", "fhirVersion": ["4.0.1", "5.0.0"]}

    assert "written in" not in _refusal(fake, guide)


def test_interop_does_not_send_a_bundle_of_another_release(fake: SmallServer, tmp_path: Path) -> None:
    found = {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": encounter(admission={})}]}
    file = write(tmp_path, "r5.json", found)
    command = ("interop", file, "--server", fake.url, "--no-probes", "--json", "-")
    (tested,) = json.loads(run_command(*map(str, command)).stdout)["servers"]

    assert [] == fake.transactions
    assert tested["bundles"][0]["error"].startswith("not sent: Bundle.entry[")
    assert "it is written in R5, and the server speaks R4 (4.0.1)" in tested["bundles"][0]["error"]
    run_command(*map(str, command), "--other-release")
    assert fake.transactions


def test_what_is_nested_deeply_is_looked_at_without_recursion(fake: SmallServer) -> None:
    item: dict[str, Any] = {"linkId": "1", "type": "group"}
    for _ in range(90):
        item = {"linkId": "1", "type": "group", "item": [item]}
    found = {"resourceType": "Questionnaire", "id": "q", "status": "draft", "item": [item]}
    item["item"][0]["disabledDisplay"] = "hidden"

    assert "Questionnaire.item[0].item[0].disabledDisplay is an element that R4 does not have" in _refusal(fake, found)


@pytest.mark.parametrize(
    ("resource", "reason"),
    [
        (
            {"resourceType": "Encounter", "status": "finished", "reason": [{"text": "x"}]},
            "Encounter.reason is an element that R4 does not have: it is written in STU3",
        ),
        (
            {"resourceType": "Encounter", "status": "completed", "reason": [{"use": [{"text": "x"}]}]},
            "Encounter.reason is an element that R4 does not have: it is written in R5",
        ),
        (
            {"resourceType": "MedicationOrder", "id": "m", "status": "active"},
            "MedicationOrder is a MedicationOrder, which neither R4 nor R5 has: it is written in DSTU2",
        ),
    ],
)
def test_what_is_older_than_r4_is_called_so_and_a_line_of_ndjson_no_bundle(
    fake: SmallServer, run: Run, tmp_path: Path, resource: dict[str, Any], reason: str
) -> None:
    file = write(tmp_path, "a.json", resource)
    code, _, err = run("upload", file, "--server", fake.url)
    assert (4, []) == (code, fake.transactions)
    assert reason in err
    assert "Bundle" not in err

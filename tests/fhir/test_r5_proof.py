"""The R5 Bundles before the engine of HL7 and a real HAPI server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from fhir_case import Hl7Engine, RejectedError, build_bundle, load_case, upload, validate, verify
from fhir_case.fhir.wire import parse
from fhir_case.server.client import Client
from support import CASES, SHIPPED, case_source, run_command

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


pytestmark = [pytest.mark.server, pytest.mark.xdist_group("hl7-engine-r5")]

NAMES = ["minimal", "colon-cancer-open-codes", SHIPPED]
# The profile of mCODE wants this code, and the value set of R5 for it does not have it: as in R4.
KNOWN_WARNING = "None of the codings provided are in the value set 'Identifier Type Codes'"
# Only a title of what was published is known of the two cases of the tests.
NO_ADDRESS = "Attachments have data and/or url"


@pytest.fixture(scope="module")
def r5_packages(fhir_packages: dict[str, Path]) -> list[Path]:
    """What defines R5, and the extensions, which are of packages for R4: there are none of mCODE for R5."""
    return [file for name, file in fhir_packages.items() if name != "hl7.fhir.r4.core"]


@pytest.fixture(scope="module")
def engine(r5_packages: list[Path]) -> Iterator[Hl7Engine]:
    with Hl7Engine(r5_packages) as started:
        yield started


@pytest.mark.parametrize("form", ["transaction", "collection"])
@pytest.mark.parametrize("name", NAMES)
def test_no_check_finds_an_error_in_an_r5_bundle(engine: Hl7Engine, name: str, form: Any) -> None:
    bundle = build_bundle(load_case(case_source(name)), fhir="R5", type=form)
    result = validate(bundle, fhir="R5", closed=True, engines=[engine])
    states = {run.name: run.state for run in result.checks}
    found = [str(one) for one in result.issues if one.severity != "information"]

    assert [] == [one for one in found if KNOWN_WARNING not in one and NO_ADDRESS not in one]
    assert {"ran"} == {states[name] for name in ("structure", "strict", "reference-resolves", "narrative", "profiles")}
    assert "hl7.fhir.r5.core#5.0.0" in engine.packages


def test_the_engine_does_see_what_is_wrong_in_an_r5_bundle(engine: Hl7Engine) -> None:
    bundle = build_bundle(load_case(SHIPPED), fhir="R5")
    resource = next(one["resource"] for one in bundle["entry"] if one["resource"]["id"] == f"{SHIPPED}-tare")
    resource["extension"][0]["extension"][0]["url"] = "mcode-radiotherapy-modalty"
    found = validate(bundle, fhir="R5", engines=[engine]).issues

    assert any("mcode-radiotherapy-modalty" in one.message for one in found if one.severity == "error")


@pytest.mark.parametrize("name", NAMES)
def test_an_r5_bundle_is_loaded_into_hapi_and_is_there_as_sent(hapi_r5: str, name: str) -> None:
    bundle = build_bundle(load_case(case_source(name)), fhir="R5", namespace=f"r5-{name[:7]}")
    journal = upload(bundle, hapi_r5, fhir="R5")
    verification = verify(bundle, hapi_r5, fhir="R5", journal=journal)

    assert len(bundle["entry"]) == sum(journal.counts.values())
    assert journal.ok
    assert verification.ok, [one for one in verification.comparisons if one.state in {"altered", "lost"}]


def test_what_has_another_name_in_r5_is_found_by_its_search_parameters(hapi_r5: str) -> None:
    upload(build_bundle(load_case(SHIPPED), fhir="R5", namespace="r5-search"), hapi_r5, fhir="R5")
    with Client(hapi_r5) as client:

        def found(kind: str, **parameters: str) -> set[str]:
            return {one["id"].removeprefix("r5-search-") for one in client.search(kind, parameters)}

        patient = "Patient/r5-search-patient"
        assert {"tare-device-association"} == found("DeviceAssociation", device="Device/r5-search-tare-device")
        assert "tare" in found("Procedure", subject=patient, date="ge1900")
        assert {"sorafenib-twice-daily", "sorafenib-once-daily", "entecavir"} == found(
            "MedicationStatement", subject=patient, status="recorded"
        )


def test_run_goes_the_whole_way_in_r5(tmp_path: Path, hapi_r5: str) -> None:
    done = run_command(
        "run", SHIPPED, "--fhir", "R5", "--server", hapi_r5, "--namespace", "r5-run", "--out", str(tmp_path)
    )
    report = parse((tmp_path / "case-report.json").read_bytes())

    assert (0, "") == (done.exit_code, done.stderr)
    count = report["upload"]["counts"]["created"]
    assert f"{count} of {count} as sent" in done.stdout
    assert "R5" == report["options"]["fhir"]
    assert report["verification"]["ok"] is True


def test_a_case_in_r5_does_not_go_to_a_server_of_r4(tmp_path: Path, hapi_r4: str) -> None:
    case = str(CASES / "minimal" / "case.yaml")
    done = run_command("run", case, "--fhir", "R5", "--server", hapi_r4, "--out", str(tmp_path))

    assert RejectedError.exit_code == done.exit_code
    assert "the server speaks FHIR 4.0.1, and what is loaded counts as R5" in done.stderr


def test_run_starts_a_server_of_the_release_that_is_asked_for(tmp_path: Path) -> None:
    case = str(CASES / "minimal" / "case.yaml")
    done = run_command("run", case, "--fhir", "R5", "--out", str(tmp_path))

    assert 0 == done.exit_code, done.stderr
    assert "HAPI FHIR R5 at http://127.0.0.1:" in done.stdout
    assert "5 of 5 as sent" in done.stdout

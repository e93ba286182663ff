"""The table of what only one release has, beside the official examples of both."""

from __future__ import annotations

import subprocess
import sys

import pytest

from fhir_case.fhir.releases import sign_of_other_release
from support import ROOT, SHIPPED, golden


def test_the_script_writes_what_only_one_release_has_byte_for_byte() -> None:
    file = ROOT / "fhir_case" / "fhir" / "release-elements.json"
    before = file.read_bytes()

    subprocess.run([sys.executable, str(ROOT / "scripts" / "make-release-elements")], check=True, timeout=120)

    assert before == file.read_bytes()


@pytest.mark.parametrize("release", ["R4", "R4B"])
def test_no_resource_of_the_shipped_case_shows_another_release(release: str) -> None:
    resources = [each["resource"] for each in golden(SHIPPED)["entry"]]

    assert [] == [sign for sign in (sign_of_other_release(each, release) for each in resources) if sign]


@pytest.mark.parametrize("release", ["STU3", "R6", ""])
def test_nothing_is_said_of_a_release_that_is_not_known(release: str) -> None:
    assert sign_of_other_release({"resourceType": "Transport", "fhirVersion": "5.0.0"}, release) is None


@pytest.mark.parametrize("version", ["4.6.0", "4.0.1", "http", "", None, 5, ["4.0.1", "5.0.0"], ["0.9"], []])
def test_versions_that_are_not_known_or_ours_too_are_no_sign(version: object) -> None:
    resource = {"resourceType": "ImplementationGuide", "fhirVersion": version}

    assert sign_of_other_release(resource, "R4") is None


@pytest.mark.parametrize("meta", [None, [], "x", {"profile": None}, {"profile": "x"}, {"profile": [None, 5, {}]}])
def test_what_is_misshapen_is_no_sign(meta: object) -> None:
    assert (
        sign_of_other_release({"resourceType": "Encounter", "meta": meta, "class": "x", "participant": [1]}, "R4")
        is None
    )


def test_the_version_of_a_profile_of_others_is_that_of_their_guide() -> None:
    profile = "http://hl7.org/fhir/us/core/StructureDefinition/us-core-patient|5.0.0"

    assert sign_of_other_release({"resourceType": "Patient", "meta": {"profile": [profile]}}, "R4") is None

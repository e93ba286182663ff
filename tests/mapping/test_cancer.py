"""Profiles that are about cancer patients, in cases with and without a cancer."""

from __future__ import annotations

import json
import tarfile
from typing import TYPE_CHECKING, Any

import pytest

from fhir_case import build_bundle
from fhir_case.fhir.systems import MCODE, US_CORE
from fhir_case.mapping import read_case
from fhir_case.mapping.cancer import OF_CANCER_PATIENTS
from support import ROOT, resources

if TYPE_CHECKING:
    from pathlib import Path

HEAD = """\
case: made-up
title: Made up
report: {citation: Made up., transcribed: 2026-11-28}
timeline: {anchor: a, index_date: 2020-03-01}
patient: {sex: female, age: 60 a, at: anchor, source: s}
procedures:
  - {key: a, procedure: {text: biopsy}, at: anchor, source: s}
"""
CANCER = """\
conditions:
  - {key: c, kind: primary-cancer, diagnosis: {text: Cancer}, status: active, verification: confirmed, source: s}
"""
OTHER_DISEASE = CANCER.replace("primary-cancer", "comorbidity").replace("text: Cancer", "text: Paracetamol overdose")
ABOUT_CANCER = """\
tumour_markers:
  - {key: afp, test: afp, value: 12 ng/mL, at: a, source: s}
stages:
  - {key: stage, staging: {text: Stage}, value: {text: II}, of: c, at: a, source: s}
radiotherapies:
  - {key: beam, course: {text: Radiotherapy}, at: a, source: s}
"""
MCODE_PROFILES = {
    "Patient/made-up-patient": [f"{MCODE}mcode-cancer-patient"],
    "Observation/made-up-afp": [f"{MCODE}mcode-tumor-marker-test"],
    "Observation/made-up-stage": [f"{MCODE}mcode-cancer-stage"],
    "Procedure/made-up-beam": [f"{MCODE}mcode-radiotherapy-course-summary"],
}
US_CORE_PROFILES = {
    "Patient/made-up-patient": [f"{US_CORE}us-core-patient"],
    "Observation/made-up-afp": [f"{US_CORE}us-core-observation-lab"],
    "Observation/made-up-stage": [f"{US_CORE}us-core-simple-observation"],
    "Procedure/made-up-beam": [f"{US_CORE}us-core-procedure"],
}


def profiles(case: str, **options: Any) -> dict[str, list[str]]:
    made = resources(build_bundle(read_case(case), **options))
    return {name: made[name]["meta"].get("profile", []) for name in MCODE_PROFILES}


def test_a_case_without_a_disease_is_of_no_cancer_patient() -> None:
    patient = resources(build_bundle(read_case(HEAD)))["Patient/made-up-patient"]

    assert [f"{US_CORE}us-core-patient"] == patient["meta"]["profile"]


def test_the_reported_case_is_of_no_cancer_patient() -> None:
    text = (ROOT / "../shared/reports/case/not-a-cancer-patient.yaml").read_bytes()
    patient = resources(build_bundle(read_case(text)))["Patient/not-a-cancer-patient-patient"]

    assert [f"{US_CORE}us-core-patient"] == patient["meta"]["profile"]


def test_all_that_is_about_a_cancer_patient_is_of_mcode_in_a_case_with_a_cancer() -> None:
    assert MCODE_PROFILES == profiles(HEAD + CANCER + ABOUT_CANCER)


def test_nothing_is_of_mcode_in_a_case_of_another_disease() -> None:
    assert US_CORE_PROFILES == profiles(HEAD + OTHER_DISEASE + ABOUT_CANCER)


def test_a_cancer_that_was_refuted_is_none() -> None:
    refuted = CANCER.replace("status: active, verification: confirmed", "verification: refuted")

    assert US_CORE_PROFILES == profiles(HEAD + refuted + ABOUT_CANCER)


@pytest.mark.parametrize("kind", ["metastasis", "recurrence"])
def test_a_cancer_that_only_its_metastasis_or_recurrence_tells_of_is_one(kind: str) -> None:
    first = OTHER_DISEASE.replace("key: c", "key: first").splitlines(keepends=True)[-1]
    disease = OTHER_DISEASE.replace("key: c, kind: comorbidity", f"key: c, kind: {kind}, of: first") + first

    assert MCODE_PROFILES == profiles(HEAD + disease + ABOUT_CANCER)


def test_the_collection_of_a_case_without_a_cancer_is_no_patient_bundle_of_mcode() -> None:
    with_cancer = build_bundle(read_case(HEAD + CANCER), type="collection")
    without = build_bundle(read_case(HEAD), type="collection")

    assert [f"{MCODE}mcode-patient-bundle"] == with_cancer["meta"]["profile"]
    assert "profile" not in without["meta"]


def test_the_table_has_every_profile_of_the_package_that_is_about_a_cancer_patient(
    fhir_packages: dict[str, Path],
) -> None:
    definitions: dict[str, Any] = {}
    with tarfile.open(fhir_packages["hl7.fhir.us.mcode"]) as package:
        for member in package:
            if member.name.startswith("package/StructureDefinition-") and (file := package.extractfile(member)):
                definition = json.load(file)
                definitions[definition["url"]] = definition
    expected = {"cancer-patient": "patient"}
    for url, definition in definitions.items():
        if f"{MCODE}mcode-cancer-patient" not in json.dumps(definition["snapshot"]):
            continue
        base = definition["baseDefinition"]
        while base in definitions:
            base = definitions[base]["baseDefinition"]
        name = url.removeprefix(f"{MCODE}mcode-")
        expected[name] = base.removeprefix(f"{US_CORE}us-core-") if base.startswith(US_CORE) else ""
    expected.pop("patient-bundle")  # the Bundle itself, which `bundle` decides

    assert expected == OF_CANCER_PATIENTS

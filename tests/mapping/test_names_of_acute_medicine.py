"""The names by which reports of acute medicine call things are found, with their codes."""

from __future__ import annotations

from typing import Any

import pytest

from fhir_case import build_bundle
from fhir_case.mapping import read_case
from small_case import HEAD, built


@pytest.mark.parametrize(
    ("section", "entry", "code"),
    [
        ("procedures", "procedure: CRRT", "714749008"),
        ("procedures", "procedure: mechanical-ventilation", "40617009"),
        ("procedures", "procedure: VA-ECMO", "786451004"),
        ("procedures", "procedure: arterial line", "392247006"),
        ("procedures", "procedure: paracentesis", "89305009"),
        ("procedures", "procedure: EGD", "76009000"),
        ("procedures", "procedure: below-knee-amputation", "88312006"),
        ("conditions", "kind: complication, diagnosis: ARDS, verification: confirmed", "67782005"),
        ("conditions", "kind: complication, diagnosis: MODS, verification: confirmed", "57653000"),
        ("conditions", "kind: comorbidity, diagnosis: diabetes-type-2, verification: confirmed", "44054006"),
        ("laboratory", "test: PaO2/FiO2, value: 120 mmHg", "50984-4"),
        ("laboratory", "test: pH, value: 7.08", "11558-4"),
        ("laboratory", "test: pCO2, value: 28 mmHg", "11557-6"),
        ("laboratory", "test: HCO3, value: 9 mEq/L", "1963-8"),
        ("laboratory", "test: PT, value: 28 s", "5902-2"),
        ("imaging", "study: TEE, modalities: [ultrasound]", "105376000"),
        ("phenotypes", "phenotype: neck stiffness, status: excluded", "HP:0031179"),
        ("phenotypes", "phenotype: altered mental status, status: present", "419284004"),
        ("findings", "finding: occupation, value: {text: farmer}, category: social-history", "11341-5"),
        ("findings", "finding: pleural effusion, value: present, category: imaging", "60046008"),
        ("scores", "score: SOFA, value: 14", "96789-3"),
        ("medications", "drug: noradrenaline, status: completed", "C01CA03"),
        ("medications", "drug: rocuronium, status: completed", "M03AC09"),
        ("medications", "drug: KCl, status: completed", "B05XA01"),
    ],
)
def test_what_reports_of_acute_medicine_call_it_has_its_code(section: str, entry: str, code: str) -> None:
    written = f"{{key: a, {entry}, at: anchor, source: page 1}}]"
    text = f"{HEAD.rstrip()[:-1]}, {written}" if section == "procedures" else f"{HEAD}{section}: [{written}"
    bundle = build_bundle(read_case(text, file="small.yaml"))

    assert code in [one["code"] for one in _codings(bundle["entry"])]


@pytest.mark.parametrize(
    ("sign", "code", "unit", "category"),
    [
        ("FiO2, value: 60 %", "71835-3", "%", "procedure"),
        ("fio2, value: 0.6", "71835-3", "1", "procedure"),
        ("PEEP, value: 10 cmH2O", "76248-4", "cm[H2O]", "procedure"),
        ("tidal volume, value: 6 mL/kg", "76222-9", "mL/kg", "procedure"),
        ("CVP, value: 12 mmHg", "60985-9", "mm[Hg]", "procedure"),
        ("urine output, value: 0.3 mL/kg/h", "364201005", "mL/kg/h", "exam"),
        ("LVEF, value: 20 %", "10230-1", "%", "imaging"),
        ("pulse, value: 120 /min", "8867-4", "/min", "vital-signs"),
    ],
)
def test_what_is_measured_at_the_bed_has_code_unit_and_category(sign: str, code: str, unit: str, category: str) -> None:
    made = built(f"vital_signs: [{{key: a, sign: {sign}, at: anchor, source: page 1}}]")["Observation/a"]

    assert code in [one["code"] for one in made["code"]["coding"]]
    assert unit == made["valueQuantity"]["code"]
    assert category == made["category"][0]["coding"][0]["code"]


def test_a_complaint_is_a_symptom_with_its_code() -> None:
    stay = built("encounters: [{key: a, kind: ICU, complaints: [fever], at: anchor, source: page 1}]")["Encounter/a"]

    assert "HP:0001945" == stay["reasonCode"][0]["coding"][0]["code"]
    assert "305351004" == stay["type"][0]["coding"][0]["code"]


def _codings(value: Any) -> list[dict[str, Any]]:
    if isinstance(value, dict):
        own = [value] if "code" in value and "system" in value and isinstance(value["code"], str) else []
        return own + [one for part in value.values() for one in _codings(part)]
    return [one for part in value for one in _codings(part)] if isinstance(value, list) else []

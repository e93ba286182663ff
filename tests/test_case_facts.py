"""
The facts of the shipped cases, looked for in their Bundles.

Each list was written from the report, sentence by sentence, not from the case file. A fact is a resource, the path of
an element, and a value that is there; times are those of the report, as the relation and the offset.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import pytest

from fhir_case import build_bundle, load_case
from support import resources

if TYPE_CHECKING:
    from fhir_case.fhir.wire import Resource

RELATIVE = "http://hl7.org/fhir/StructureDefinition/cqf-relativeDateTime"

PNEUMONIA = [
    # A man of 69 with coronary artery disease, chronic renal insufficiency, hypertension and type 1 diabetes.
    ("Patient/patient", "gender", "male"),
    ("Patient/patient", "meta.profile", "http://hl7.org/fhir/us/core/StructureDefinition/us-core-patient"),
    ("Observation/age", "valueQuantity.value", 69),
    ("Condition/coronary-disease", "code.coding.code", "53741008"),
    ("Condition/renal-insufficiency", "code.coding.code", "709044004"),
    ("Condition/hypertension", "code.coding.code", "38341003"),
    ("Condition/diabetes", "code.text", "Type 1 diabetes"),
    # Two weeks before he had met a child with an infection; no insect bites, but farm animals and pond water.
    ("Observation/contact", "_effectiveDateTime", "2 wk before-start emergency"),
    ("Observation/insect-bites", "valueCodeableConcept.coding.code", "2667000"),
    ("Observation/farm-animals", "valueCodeableConcept.coding.code", "52101004"),
    # For nine days dry cough, myalgia, fever of 39.4 °C, malaise, sore throat, nasal congestion.
    ("Observation/cough", "code.coding.code", "HP:0012735"),
    ("Observation/myalgia", "code.coding.code", "HP:0003326"),
    ("Observation/fever", "code.coding.code", "HP:0001945"),
    ("Observation/malaise", "code.coding.code", "HP:0033834"),
    ("Observation/nasal-congestion", "code.coding.code", "HP:0001742"),
    ("Observation/sore-throat", "code.text", "Sore throat"),
    ("Observation/cough", "_effectiveDateTime", "9 d before-start emergency"),
    ("Observation/temperature-at-home", "valueQuantity.value", "39.4"),
    # Emergency room: 39.2 °C, 50 beats, 35 breaths a minute; antigens negative, no parasites.
    ("Encounter/emergency", "class.code", "EMER"),
    ("Observation/temperature-emergency", "valueQuantity.value", "39.2"),
    ("Observation/temperature-emergency", "valueQuantity.code", "Cel"),
    ("Observation/heart-rate-emergency", "valueQuantity.value", 50),
    ("Observation/respiratory-rate-emergency", "valueQuantity.value", 35),
    ("Observation/influenza-antigen", "valueCodeableConcept.coding.code", "260385009"),
    ("Observation/parasites", "valueCodeableConcept.text", "none seen"),
    ("MedicationStatement/paracetamol", "medicationCodeableConcept.coding.code", "N02BE01"),
    ("MedicationStatement/ketorolac", "medicationCodeableConcept.text", "ketorolac"),
    ("MedicationStatement/levofloxacin-emergency", "medicationCodeableConcept.coding.code", "J01MA12"),
    ("MedicationStatement/saline", "medicationCodeableConcept.text", "normal saline"),
    # After 24 hours intensive care: 39.0 °C, 135/70 mm Hg, 50, 34, saturation of 88 % on half oxygen; rhonchi.
    ("Encounter/intensive-care", "period._start", "24 h after-start emergency"),
    ("Encounter/intensive-care", "type.coding.code", "305351004"),
    ("Encounter/intensive-care", "period._end", "21 d after-start intensive-care"),
    ("Observation/temperature-icu", "valueQuantity.value", "39.0"),
    ("Observation/blood-pressure-icu", "component.valueQuantity.value", 135),
    ("Observation/blood-pressure-icu", "component.valueQuantity.value", 70),
    ("Observation/respiratory-rate-icu", "valueQuantity.value", 34),
    ("Observation/oxygen-saturation-icu", "valueQuantity.value", 88),
    ("Observation/oxygen-saturation-icu", "note.text", "On 50 % inspired oxygen."),
    ("Observation/rhonchi", "bodySite.text", "lower lung fields"),
    # Viruses negative, toxoplasma suggests a past infection, H1N1 and legionella positive; cultures sterile.
    ("Observation/blood-culture-result", "valueCodeableConcept.coding.code", "264868006"),
    ("Observation/respiratory-viruses", "valueCodeableConcept.coding.code", "260385009"),
    ("Observation/toxoplasma", "valueCodeableConcept.text", "suggestive of past infection"),
    ("Observation/h1n1-swab", "valueCodeableConcept.coding.code", "10828004"),
    ("Observation/legionella-antigen", "valueCodeableConcept.coding.code", "10828004"),
    ("Observation/legionella-antigen", "specimen.reference", "Specimen/pneumonia-h1n1-legionella-urine"),
    # Laboratory.
    ("Observation/white-blood-cells", "valueQuantity.code", "10*3/mL"),
    ("Observation/white-blood-cells", "valueQuantity.value", "9.8"),
    ("Observation/neutrophils", "valueQuantity.value", 87),
    ("Observation/lymphocytes", "valueQuantity.value", 4),
    ("Observation/crp", "valueQuantity.value", 205),
    ("Observation/sodium", "valueQuantity.value", 132),
    ("Observation/sodium", "valueQuantity.code", "meq/L"),
    ("Observation/phosphate", "valueQuantity.value", "2.3"),
    ("Observation/alt", "valueQuantity.value", 175),
    ("Observation/ast", "valueQuantity.value", 184),
    ("Observation/ferritin", "valueQuantity.value", 4100),
    ("Observation/creatine-kinase", "valueQuantity.value", 241),
    ("Observation/winthrop", "valueQuantity.comparator", ">"),
    ("Observation/winthrop", "valueQuantity.value", 15),
    ("DiagnosticReport/chest-radiograph", "conclusion",
     "Low lung volumes with patchy disease of the air spaces, consistent with multifocal pneumonia."),
    # Azithromycin and levofloxacin 500 mg, oseltamivir 150 mg, each twice daily.
    ("MedicationStatement/azithromycin", "dosage.doseAndRate.doseQuantity.value", 500),
    ("MedicationStatement/azithromycin", "dosage.timing.repeat.frequency", 2),
    ("MedicationStatement/azithromycin", "dosage.route.text", "intravenous"),
    ("MedicationStatement/levofloxacin", "dosage.doseAndRate.doseQuantity.value", 500),
    ("MedicationStatement/oseltamivir", "dosage.doseAndRate.doseQuantity.value", 150),
    ("MedicationStatement/oseltamivir", "dosage.route.text", "oral"),
    # Within 18 hours an oxygen pressure of 58 mm Hg; ventilated until the fifth day; hypotension, renal failure.
    ("Observation/arterial-oxygen", "valueQuantity.value", 58),
    ("Observation/arterial-oxygen", "valueQuantity.code", "mm[Hg]"),
    ("Procedure/intubation", "performedPeriod._start", "18 h after-start intensive-care"),
    ("Procedure/intubation", "performedPeriod._end", "5 d after-start intensive-care"),
    ("Procedure/non-invasive-ventilation", "code.text", "Non-invasive ventilation"),
    ("Condition/renal-failure", "code.coding.code", "42399005"),
    ("Condition/hypotension", "code.text", "Hypotension that needed vasopressors"),
    ("MedicationStatement/methylprednisolone", "medicationCodeableConcept.coding.code", "H02AB04"),
    ("MedicationStatement/vasopressors", "medicationCodeableConcept.text", "vasopressors"),
    # On the third day the lavage was positive for H1N1, and the antigens were confirmed.
    ("Observation/h1n1-lavage", "_effectiveDateTime", "3 d after-start intensive-care"),
    ("Specimen/lavage", "type.coding.code", "258607008"),
    ("Observation/legionella-antigen-day-3", "valueCodeableConcept.coding.code", "10828004"),
]  # fmt: skip

BURKITT = [
    # A woman of 66 with hypertension and Burkitt lymphoma; LDH high, a mediastinal mass of more than 10 cm.
    ("Patient/patient", "gender", "female"),
    ("Observation/age", "valueQuantity.value", 66),
    ("Condition/lymphoma", "code.text", "Burkitt lymphoma"),
    ("Condition/hypertension", "code.coding.code", "38341003"),
    ("Observation/ldh", "code.coding.code", "2532-0"),
    ("Observation/ldh", "interpretation.coding.code", "H"),
    ("Observation/mediastinal-mass-size", "component.valueQuantity.value", 10),
    ("Observation/mediastinal-mass-size", "component.valueQuantity.comparator", ">"),
    # Before: sinus rhythm of 72, ejection fraction of 60 %, moderate pericardial effusion.
    ("Observation/heart-rate-before", "valueQuantity.value", 72),
    ("Observation/ecg-before", "valueCodeableConcept.text", "sinus rhythm"),
    ("Observation/ejection-fraction-before", "valueQuantity.value", 60),
    ("Observation/effusion-before", "code.coding.code", "HP:0001698"),
    # R-Hyper-CVAD: doses.
    ("Procedure/chemotherapy", "code.text", "R-Hyper-CVAD"),
    ("MedicationStatement/cyclophosphamide", "dosage.doseAndRate.doseQuantity.value", 300),
    ("MedicationStatement/cyclophosphamide", "dosage.doseAndRate.doseQuantity.code", "mg/m2"),
    ("MedicationStatement/cyclophosphamide", "dosage.timing.repeat.frequency", 2),
    ("MedicationStatement/doxorubicin", "dosage.doseAndRate.doseQuantity.value", 25),
    ("MedicationStatement/rituximab", "dosage.doseAndRate.doseQuantity.value", 375),
    ("MedicationStatement/dexamethasone", "dosage.doseAndRate.doseQuantity.value", 40),
    ("MedicationStatement/vincristine", "dosage.doseAndRate.doseQuantity.value", 2),
    ("MedicationStatement/allopurinol", "dosage.doseAndRate.doseQuantity.value", 300),
    ("MedicationStatement/mesna", "dosage.doseAndRate.doseQuantity.value", 600),
    ("MedicationStatement/granisetron", "dosage.doseAndRate.doseQuantity.value", 2),
    ("MedicationStatement/lansoprazole", "dosage.doseAndRate.doseQuantity.value", 30),
    ("MedicationStatement/bicarbonate", "medicationCodeableConcept.text", "sodium bicarbonate 8.4 %"),
    # On the seventh day dyspnoea, 100/60 mm Hg, 110 beats, crackles, 31 %, effusions.
    ("Observation/dyspnoea", "_effectiveDateTime", "7 d after-start chemotherapy"),
    ("Observation/blood-pressure-day-7", "component.valueQuantity.value", 100),
    ("Observation/blood-pressure-day-7", "component.valueQuantity.value", 60),
    ("Observation/heart-rate-day-7", "valueQuantity.value", 110),
    ("Observation/crackles", "code.coding.code", "HP:0030830"),
    ("Observation/murmur", "valueCodeableConcept.coding.code", "2667000"),
    ("Observation/ejection-fraction-day-7", "valueQuantity.value", 31),
    ("Observation/pleural-effusion-day-7", "code.coding.code", "HP:0002202"),
    ("AdverseEvent/cardiotoxicity", "suspectEntity.instance.reference",
     "MedicationStatement/burkitt-lymphoma-cardiotoxicity-cyclophosphamide"),
    ("AdverseEvent/cardiotoxicity", "outcome.coding.code", "resolved"),
    ("MedicationStatement/furosemide", "medicationCodeableConcept.coding.code", "C03CA01"),
    ("MedicationStatement/ramipril", "medicationCodeableConcept.coding.code", "C09AA05"),
    # After 12 days 37 %, after a month 60 %; discharged on day 20.
    ("Observation/ejection-fraction-day-19", "valueQuantity.value", 37),
    ("DiagnosticReport/echo-day-19", "_effectiveDateTime", "12 d after-start echo-day-7"),
    ("Observation/ejection-fraction-month-1", "valueQuantity.value", 60),
    ("Encounter/stay", "period._end", "20 d after-start chemotherapy"),
    # A second course, severe neutropenia and pneumonia, no heart failure; still in remission.
    ("Procedure/second-course", "code.text", "high-dose methotrexate and cytarabine"),
    ("AdverseEvent/neutropenia", "event.text", "neutropenia, severe"),
    ("AdverseEvent/pneumonia", "event.text", "pneumonia"),
    ("Observation/heart-failure-second-course", "valueCodeableConcept.coding.code", "2667000"),
    ("Condition/lymphoma", "clinicalStatus.coding.code", "remission"),
    ("Patient/patient", "deceasedBoolean", False),
]  # fmt: skip

BREAST = [
    # A woman of 42 with a lump of the right breast, back pain, loss of height, kyphosis and hepatomegaly.
    ("Observation/age", "valueQuantity.value", 42),
    ("Observation/lump", "code.text", "Lump of the right breast"),
    ("Observation/back-pain", "code.coding.code", "HP:0003418"),
    ("Observation/height-loss", "code.text", "Loss of height"),
    ("Observation/kyphosis", "code.coding.code", "HP:0002808"),
    ("Observation/hepatomegaly", "code.coding.code", "HP:0002240"),
    # Biopsies: ductal carcinoma in situ; a node with adenocarcinoma, ER 8/8, HER2 3+.
    ("Observation/breast-pathology-histology", "valueCodeableConcept.coding.code", "1162814007"),
    ("Observation/er-node", "code.coding.code", "40556-3"),
    ("Observation/er-node", "valueCodeableConcept.coding.code", "10828004"),
    ("Observation/er-node", "note.text", "Score 8 of 8."),
    ("Observation/her2-node", "component.valueCodeableConcept.text", "3+"),
    ("Observation/her2-node", "specimen.reference", "Specimen/breast-cancer-metastatic-node-biopsy"),
    # Metastases of bone, pleura and liver.
    ("Condition/bone-metastases", "extension.valueReference.reference",
     "Condition/breast-cancer-metastatic-breast-cancer"),
    ("Condition/liver-metastases", "code.coding.code", "94381002"),
    ("Condition/pleural-metastases", "code.text", "Metastases of the pleura"),
    # Trastuzumab and a taxane with partial response, then tamoxifen and trastuzumab.
    ("MedicationStatement/trastuzumab", "medicationCodeableConcept.coding.code", "L01FD01"),
    ("MedicationStatement/taxane", "medicationCodeableConcept.text", "taxane"),
    ("Observation/response-induction-criteria", "valueCodeableConcept.coding.code", "LA28369-9"),
    ("MedicationStatement/tamoxifen", "medicationCodeableConcept.coding.code", "L02BA01"),
    # After 19 months seizures and a metastasis of the left frontal lobe, resected.
    ("Observation/seizures", "code.coding.code", "HP:0001250"),
    ("Condition/brain-metastasis", "extension._valueDateTime", "19 mo after-start induction"),
    ("Procedure/craniotomy", "meta.profile",
     "http://hl7.org/fhir/us/mcode/StructureDefinition/mcode-cancer-related-surgical-procedure"),
    # Four months later liver and left ovary; lapatinib and capecitabine, stable for 12 months.
    ("Condition/ovarian-metastasis", "extension._valueDateTime", "4 mo after-start craniotomy"),
    ("Procedure/second-line", "performedPeriod._start", "4 mo after-start craniotomy"),
    ("MedicationStatement/lapatinib", "medicationCodeableConcept.coding.code", "L01EH01"),
    ("MedicationStatement/capecitabine", "medicationCodeableConcept.coding.code", "L01BC06"),
    ("Observation/stable-criteria", "valueCodeableConcept.text", "stable disease"),
    ("Observation/stable", "note.text", "For 12 months."),
    # Nodules of the lung, effusions, a mass of the chest wall; ECOG 2 to 3; treatment stopped; died after 4 months.
    ("Condition/lung-metastases", "verificationStatus.coding.code", "unconfirmed"),
    ("Observation/effusions", "code.coding.code", "HP:0002202"),
    ("Observation/chest-wall-mass", "code.text", "Mass of the posterior chest wall"),
    ("Observation/ecog", "code.coding.code", "89247-1"),
    ("MedicationStatement/lapatinib", "status", "stopped"),
    ("Patient/patient", "_deceasedDateTime", "4 mo after-start worse"),
    # Eight biopsies and nine plasma samples were sequenced.
    ("DiagnosticReport/sequencing", "meta.profile",
     "http://hl7.org/fhir/us/mcode/StructureDefinition/mcode-genomics-report"),
    ("Specimen/brain-tumour", "note.text", "M2.1"),
]  # fmt: skip

FACTS = [
    (case, *fact)
    for case, facts in {
        "pneumonia-h1n1-legionella": PNEUMONIA,
        "burkitt-lymphoma-cardiotoxicity": BURKITT,
        "breast-cancer-metastatic": BREAST,
    }.items()
    for fact in facts
]


@cache
def bundle_of(case: str) -> dict[str, Resource]:
    return resources(build_bundle(load_case(case)))


def values_at(part: Any, path: str, case: str) -> list[Any]:
    """Return the values at a path, decimals as they are written; a relative time in words."""
    parts = [part]
    for name in path.split("."):
        flat = [one for each in parts for one in (each if isinstance(each, list) else [each])]
        parts = [one[name] for one in flat if isinstance(one, dict) and name in one]
    flat = [one for each in parts for one in (each if isinstance(each, list) else [each])]
    return [
        _relative(one, case) if isinstance(one, dict) else one if isinstance(one, bool | str) else str(one)
        for one in flat
    ]


def _relative(element: dict[str, Any], case: str) -> str:
    (found,) = (one for one in element["extension"] if one["url"] == RELATIVE)
    told = {one["url"]: one for one in found["extension"]}
    offset = told["offset"].get("valueDuration", {})
    target = told["target"]["valueReference"]["reference"].partition("/")[2].removeprefix(f"{case}-")
    return f"{offset.get('value')} {offset.get('code')} {told['relationship']['valueCode']} {target}"


@pytest.mark.parametrize(("case", "resource", "path", "value"), FACTS)
def test_a_fact_of_the_report_is_in_the_bundle(case: str, resource: str, path: str, value: str | int | bool) -> None:
    kind, _, key = resource.partition("/")

    wanted = value if isinstance(value, bool | str) else str(value)
    assert wanted in values_at(bundle_of(case)[f"{kind}/{case}-{key}"], path, case)

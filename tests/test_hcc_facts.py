"""
Every clinical fact of the report, looked for in the Bundle.

The list was written from the report's CASE REPORT section and its figures, sentence by sentence, not from the case
file. Offsets are months after TARE unless another event is named.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

import pytest

from fhir_case import build_bundle, load_case
from fhir_case.fhir.wire import Resource, dump
from support import SHIPPED, resources

NAMESPACE = SHIPPED
RELATIVE = "http://hl7.org/fhir/StructureDefinition/cqf-relativeDateTime"
SNOMED = "http://snomed.info/sct"
LOINC = "http://loinc.org"


@pytest.fixture(scope="module")
def bundle() -> dict[str, Resource]:
    return resources(build_bundle(load_case(SHIPPED)))


def get(bundle: dict[str, Resource], kind: str, key: str) -> Resource:
    return bundle[f"{kind}/{NAMESPACE}-{key}"]


def codes(concept: dict[str, Any]) -> set[tuple[str, str]]:
    return {(one["system"], one["code"]) for one in concept.get("coding", ())}


def relative(element: dict[str, Any]) -> tuple[str, str, int | None, str]:
    """Return (target, relationship, offset, unit) of a relative time; no offset where only the order is known."""
    (found,) = (one for one in element["extension"] if one["url"] == RELATIVE)
    parts = {one["url"]: one for one in found["extension"]}
    unknown = parts["offset"].get("valueRange")
    assert unknown in (None, {"low": {"value": 0, "unit": "day", "system": "http://unitsofmeasure.org", "code": "d"}})
    offset: dict[str, Any] = {"value": None, "code": "d"} if unknown else parts["offset"]["valueDuration"]
    target = parts["target"]["valueReference"]["reference"].removeprefix("Procedure/").removeprefix(f"{NAMESPACE}-")
    return target, parts["relationship"]["valueCode"], offset["value"], offset["code"]


BASELINE = ("tare", "before-start", None, "d")


def after(months: int) -> tuple[str, str, int, str]:
    return ("tare", "after-start", months, "mo")


LABORATORY = [
    ("white-blood-cells", "26464-8", "4200", "/µL", "/uL"),
    ("hemoglobin", "718-7", "15.0", "g/dL", "g/dL"),
    ("platelets", "26515-7", "137000", "/µL", "/uL"),
    ("total-bilirubin", "1975-2", "0.8", "mg/dL", "mg/dL"),
    ("albumin", "1751-7", "4.1", "g/dL", "g/dL"),
    ("inr", "6301-6", "1.08", "INR", "1"),
    ("ast", "1920-8", "92", "IU/L", "U/L"),
    ("alt", "1742-6", "51", "IU/L", "U/L"),
    ("hbv-dna", "11258-1", "7787219", "IU/mL", "[IU]/mL"),
]


@pytest.mark.parametrize(("key", "code", "value", "unit", "ucum"), LABORATORY)
def test_laboratory(bundle: dict[str, Resource], key: str, code: str, value: str, unit: str, ucum: str) -> None:
    found = get(bundle, "Observation", key)

    assert codes(found["code"]) == {(LOINC, code)}
    assert str(found["valueQuantity"]["value"]) == value
    assert (found["valueQuantity"]["unit"], found["valueQuantity"]["code"]) == (unit, ucum)
    assert relative(found["_effectiveDateTime"]) == BASELINE


MARKERS = [
    ("afp-baseline", "53962-7", 33996, "ng/mL", BASELINE, None),
    ("afp-3-months", "53962-7", 1290, "ng/mL", after(3), None),
    ("afp-12-months", "53962-7", 249, "ng/mL", after(12), "H"),
    ("pivka-ii-baseline", "93768-0", 51, "[arb'U]/L", BASELINE, None),
    ("pivka-ii-12-months", "93768-0", 26, "[arb'U]/L", after(12), "N"),
]


@pytest.mark.parametrize(("key", "code", "value", "ucum", "when", "interpretation"), MARKERS)
def test_tumour_markers(
    bundle: dict[str, Resource],
    key: str,
    code: str,
    value: int,
    ucum: str,
    when: tuple[str, str, int, str],
    interpretation: str | None,
) -> None:
    found = get(bundle, "Observation", key)

    assert (LOINC, code) in codes(found["code"])
    assert (found["valueQuantity"]["value"], found["valueQuantity"]["code"]) == (value, ucum)
    assert relative(found["_effectiveDateTime"]) == when
    assert [one["coding"][0]["code"] for one in found.get("interpretation", ())] == (
        [interpretation] if interpretation else []
    )


def test_afp_was_normal_after_proton_therapy_and_has_no_number(bundle: dict[str, Resource]) -> None:
    found = get(bundle, "Observation", "afp-after-pbt")

    assert codes(found["valueCodeableConcept"]) == {(SNOMED, "17621005")}
    assert "valueQuantity" not in found
    assert relative(found["_effectiveDateTime"]) == ("pbt", "after-start", 2, "mo")


def test_the_patient_is_a_man_of_56_without_birth_date_or_name(bundle: dict[str, Resource]) -> None:
    patient = get(bundle, "Patient", "patient")
    age = get(bundle, "Observation", "age")

    assert patient["gender"] == "male"
    assert patient["name"] == [
        {"extension": [{"url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason", "valueCode": "unknown"}]}
    ]
    assert (age["valueQuantity"]["value"], age["valueQuantity"]["code"]) == (56, "a")
    assert not {"birthDate", "_birthDate", "address", "telecom", "deceasedBoolean", "extension"} & patient.keys()


CONDITIONS = [
    ("hcc", {(SNOMED, "109841003"), ("http://hl7.org/fhir/sid/icd-10", "C22.0")}, "remission"),
    ("lung-metastases", {(SNOMED, "94391008")}, "remission"),
    ("lymph-node-metastases", {(SNOMED, "94347008")}, None),
    ("chronic-hepatitis-b", {(SNOMED, "61977001")}, "active"),
    ("cirrhosis", {(SNOMED, "19943007")}, "active"),
    ("local-recurrence", {(SNOMED, "314963000")}, "remission"),
]


@pytest.mark.parametrize(("key", "code", "status"), CONDITIONS)
def test_conditions(bundle: dict[str, Resource], key: str, code: set[tuple[str, str]], status: str | None) -> None:
    found = get(bundle, "Condition", key)

    assert codes(found["code"]) == code
    if status is None:  # the report does not say
        assert "clinicalStatus" not in found
    else:
        assert found["clinicalStatus"]["coding"][0]["code"] == status


def test_hcc_is_in_segments_5_and_8_and_rests_on_imaging_without_biopsy(bundle: dict[str, Resource]) -> None:
    hcc = get(bundle, "Condition", "hcc")

    assert {code for site in hcc["bodySite"] for _, code in codes(site)} == {"277959000", "277962002"}
    assert codes(hcc["evidence"][0]["code"][0]) == {(SNOMED, "363679005")}
    assert "no liver biopsy" in hcc["evidence"][0]["code"][0]["text"]
    assert hcc["onsetAge"]["value"] == 56
    assert [one["reference"] for one in hcc["stage"][0]["assessment"]] == [
        f"Observation/{NAMESPACE}-bclc",
        f"Observation/{NAMESPACE}-stage-group",
    ]


def test_both_lungs_and_both_node_regions_are_named(bundle: dict[str, Resource]) -> None:
    lungs = get(bundle, "Condition", "lung-metastases")["bodySite"][0]
    nodes = get(bundle, "Condition", "lymph-node-metastases")["bodySite"]

    assert codes(lungs["extension"][0]["valueCodeableConcept"]) == {(SNOMED, "51440002")}
    assert [one["text"] for one in nodes] == ["common hepatic artery area", "portacaval space"]


def test_hepatitis_b_was_found_20_years_before_and_its_onset_is_not_told(bundle: dict[str, Resource]) -> None:
    found = get(bundle, "Condition", "chronic-hepatitis-b")
    (asserted,) = (one for one in found["extension"] if one["url"].endswith("condition-assertedDate"))

    assert relative(asserted["_valueDateTime"]) == ("tare", "before-start", 20, "a")
    assert re.fullmatch(r"\d{4}", asserted["valueDateTime"])
    assert not [name for name in found if "onset" in name]


def test_recurrence_is_at_19_months_and_belongs_to_the_primary(bundle: dict[str, Resource]) -> None:
    found = get(bundle, "Condition", "local-recurrence")
    related = next(one for one in found["extension"] if one["url"].endswith("condition-related"))

    assert relative(found["_onsetDateTime"]) == after(19)
    assert related["valueReference"]["reference"] == f"Condition/{NAMESPACE}-hcc"


FINDINGS = [
    # key, words of the value, code of the value, words of the site, when
    ("symptoms", "no symptoms", "84387000", None, BASELINE),
    ("physical-examination", "no remarkable findings", None, None, BASELINE),
    ("liver-function", "preserved", None, None, BASELINE),
    ("surveillance", "not under regular surveillance", None, None, BASELINE),
    ("alcohol", "stopped drinking alcohol", "160579004", None, BASELINE),
    ("alcohol-before-diagnosis", "1 bottle of soju", None, None, BASELINE),
    ("enhancement-baseline", "hyperenhancement", None, None, BASELINE),
    ("washout-baseline", "present", "52101004", None, BASELINE),
    ("satellite-nodules-baseline", "multiple", "52101004", "Liver", BASELINE),
    ("nodes-hepatic-artery", "present", "52101004", "common hepatic artery area", BASELINE),
    ("nodes-portacaval", "present", "52101004", "portacaval space", BASELINE),
    ("enhancement-mri-baseline", "present", "52101004", None, BASELINE),
    ("washout-mri-baseline", "present", "52101004", None, BASELINE),
    ("thrombosis-portal-baseline", "multifocal", "52101004", "S5/S8 branches of the portal vein", BASELINE),
    ("thrombosis-hepatic-baseline", "multifocal", "52101004", "Middle hepatic vein", BASELINE),
    ("lung-baseline", "multiple", "52101004", "both lungs", BASELINE),
    ("no-adverse-event-after-tare", "none observed", "2667000", None, ("tare", "after-start", None, "d")),
    ("no-decompensation-after-tare", "none observed", "2667000", None, ("tare", "after-start", None, "d")),
    (
        "no-severe-adverse-event",
        "none",
        "2667000",
        None,
        (f"MedicationStatement/{NAMESPACE}-sorafenib-once-daily", "after-start", None, "d"),
    ),
    ("extent-3-months", "significantly decreased", None, "Right hepatic lobe", after(3)),
    ("enhancement-3-months", "reduced", None, "Right hepatic lobe", after(3)),
    ("lung-3-months", "decreased in number and size", None, "Lung", after(3)),
    ("enhancement-12-months", "absent on the target lesion", "2667000", None, after(12)),
    ("lung-12-months", "no longer observed", "2667000", "both lungs", after(12)),
    ("thrombosis-portal-12-months", "no longer observed", "2667000", "Portal vein", after(12)),
    ("thrombosis-hepatic-12-months", "no longer observed", "2667000", "hepatic vein", after(12)),
    ("enhancement-19-months", "present", "52101004", None, after(19)),
    ("diffusion-restriction-19-months", "present", "52101004", None, after(19)),
    ("thrombosis-p4-19-months", "suspicious", None, "portal vein of segment 4 (P4)", after(19)),
    ("tumour-staining-angiography", "multiple punctate", "52101004", "S8/S4", None),
]


@pytest.mark.parametrize(("key", "words", "code", "site", "when"), FINDINGS)
def test_findings(
    bundle: dict[str, Resource],
    key: str,
    words: str,
    code: str | None,
    site: str | None,
    when: tuple[str, str, int, str] | None,
) -> None:
    found = get(bundle, "Observation", key)
    value = found["valueCodeableConcept"]

    assert words in value["text"]
    assert codes(value) == ({(SNOMED, code)} if code else set())
    assert found.get("bodySite", {}).get("text") == site
    if when is not None:
        assert relative(found["_effectiveDateTime"]) == when


def test_the_drinking_history_is_told_in_full(bundle: dict[str, Resource]) -> None:
    text = get(bundle, "Observation", "alcohol-before-diagnosis")["valueCodeableConcept"]["text"]

    assert all(part in text for part in ("1 bottle", "soju", "15-20 %", "3 times a week"))


def test_suv_max(bundle: dict[str, Resource]) -> None:
    found = get(bundle, "Observation", "suv-max-19-months")

    assert found["valueQuantity"]["value"] == Decimal("5.3")
    assert relative(found["_effectiveDateTime"]) == after(19)


@pytest.mark.parametrize(
    ("key", "value", "unit", "comparator", "when"),
    [("liver-mass-size", 6, "cm", None, BASELINE), ("recurrent-nodule-size", 8, "mm", "<=", after(19))],
)
def test_tumour_sizes(
    bundle: dict[str, Resource],
    key: str,
    value: int,
    unit: str,
    comparator: str | None,
    when: tuple[str, str, int, str],
) -> None:
    found = get(bundle, "Observation", key)
    size = found["component"][0]["valueQuantity"]

    assert (size["value"], size["code"], size.get("comparator")) == (value, unit, comparator)
    assert relative(found["_effectiveDateTime"]) == when


STAGES = [
    ("bclc", set(), "BCLC stage C", {"C115132"}),
    ("stage-group", set(), "stage IVB", set()),  # a modified UICC has no codes of UICC
    ("t-category", {(SNOMED, "65565005")}, "T4", set()),
    ("n-category", {(SNOMED, "53623008")}, "N1", set()),
    ("m-category", {(SNOMED, "55440008")}, "M1", set()),
]


@pytest.mark.parametrize(("key", "value", "text", "method"), STAGES)
def test_stages(
    bundle: dict[str, Resource], key: str, value: set[tuple[str, str]], text: str, method: set[str]
) -> None:
    found = get(bundle, "Observation", key)

    assert codes(found["valueCodeableConcept"]) == value
    assert found["valueCodeableConcept"]["text"] == text
    assert {code for _, code in codes(found["method"])} == method
    if key != "bclc":
        assert found["method"]["text"] == "modified UICC"


def test_child_pugh_is_5_points_without_a_class(bundle: dict[str, Resource]) -> None:
    found = get(bundle, "Observation", "child-pugh")

    assert found["valueInteger"] == 5
    assert "interpretation" not in found


STUDIES = [
    ("screening-ultrasound", ["US"], BASELINE, True),
    ("liver-ct-baseline", ["CT"], BASELINE, True),
    ("liver-mri-baseline", ["MR"], BASELINE, True),
    ("chest-ct-baseline", ["CT"], BASELINE, True),
    *[(f"{part}-ct-{months}", ["CT"], after(int(months.split("-", maxsplit=1)[0])), reported)
      for part in ("liver", "chest")
      for months, reported in (("1-month", False), ("3-months", True), ("6-months", False), ("12-months", True))],
    ("liver-mri-19-months", ["MR"], after(19), True),
    ("pet-ct-19-months", ["PT", "CT"], after(19), True),
    ("hepatic-angiography", ["XA"], None, True),
]  # fmt: skip


@pytest.mark.parametrize(("key", "modalities", "when", "reported"), STUDIES)
def test_imaging(
    bundle: dict[str, Resource],
    key: str,
    modalities: list[str],
    when: tuple[str, str, int, str] | None,
    reported: bool,
) -> None:
    study = get(bundle, "ImagingStudy", key)

    assert [one["code"] for one in study["modality"]] == modalities
    assert (f"DiagnosticReport/{NAMESPACE}-{key}" in bundle) == reported
    if when is not None:
        assert relative(study["_started"]) == when


def test_the_screening_was_done_elsewhere(bundle: dict[str, Resource]) -> None:
    assert get(bundle, "DiagnosticReport", "screening-ultrasound")["performer"] == [{"display": "another hospital"}]


def test_tare_has_modality_device_method_and_three_activities_that_add_up(bundle: dict[str, Resource]) -> None:
    tare = get(bundle, "Procedure", "tare")
    device = get(bundle, "Device", "tare-device")
    given = {
        key: get(bundle, "MedicationAdministration", f"{key}-activity")["dosage"]["dose"]
        for key in ("tare-s4", "tare-s5", "tare-s5-s8")
    }
    total = get(bundle, "Observation", "tare-total-activity")["valueQuantity"]

    assert {"1217123003", "764677008"} == {code for _, code in codes(tare["code"])}
    assert (device["deviceName"][0]["name"], device["manufacturer"]) == ("TheraSphere", "BTG PLC, London, UK")
    assert {key: dose["value"] for key, dose in given.items()} == {"tare-s4": 3, "tare-s5": 3, "tare-s5-s8": 8}
    assert {dose["code"] for dose in given.values()} == {"GBq"}
    assert (total["value"], total["code"]) == (14, "GBq")
    assert "MIRD" in dump(tare["note"]).decode()
    assert codes(get(bundle, "Observation", "tare-total-activity")["code"]) == {
        ("http://dicom.nema.org/resources/ontology/DCM", "113507")
    }
    assert codes(device["type"]) == {(SNOMED, "764678003")}


@pytest.mark.parametrize(
    ("volume", "places"),
    [
        ("tare-s4", ["10200004", "277958008"]),
        ("tare-s5", ["10200004", "277959000"]),
        ("tare-s5-s8", ["10200004"]),
        ("pbt-s4", ["10200004", "277958008"]),
        ("pbt-p4", ["32764006"]),
    ],
)
def test_each_volume_is_where_the_report_says(bundle: dict[str, Resource], volume: str, places: list[str]) -> None:
    assert [one["code"] for one in get(bundle, "BodyStructure", volume)["location"]["coding"]] == places


@pytest.mark.parametrize(("volume", "place"), [("tare-s4", "277958008"), ("tare-s5", "277959000")])
def test_the_microspheres_went_into_the_artery_of_a_segment(
    bundle: dict[str, Resource], volume: str, place: str
) -> None:
    found = get(bundle, "MedicationAdministration", f"{volume}-activity")

    assert codes(found["dosage"]["route"]) == {(SNOMED, "58100008")}
    assert codes(found["dosage"]["site"]) == {(SNOMED, place)}
    assert found["supportingInformation"] == [{"reference": f"BodyStructure/{NAMESPACE}-{volume}"}]
    assert {code for _, code in codes(found["medicationCodeableConcept"])} == {"764678003"}


def test_proton_therapy_keeps_the_printed_dose_and_flags_it(bundle: dict[str, Resource]) -> None:
    pbt = get(bundle, "Procedure", "pbt")
    dose = get(bundle, "Observation", "pbt-dose")["valueQuantity"]

    assert dose == {"value": Decimal("6.6"), "unit": "cobalt gray equivalent"}
    assert "may be a misprint" in pbt["note"][0]["text"]
    assert [one["text"] for one in pbt["bodySite"]] == ["liver segment 4 (S4)", "portal vein of segment 4 (P4)"]
    assert relative(pbt["performedPeriod"]["_start"])[:3] == ("tace", "after-start", None)


def test_tace_is_at_s8_s4_and_names_no_drug(bundle: dict[str, Resource]) -> None:
    tace = get(bundle, "Procedure", "tace")

    assert codes(tace["code"]) == {(SNOMED, "441525007")}
    assert [codes(one) for one in tace["bodySite"]] == [{(SNOMED, "277962002")}, {(SNOMED, "277958008")}]
    assert "usedReference" not in tace
    assert "usedCode" not in tace


def test_entecavir_has_a_dose_and_no_frequency_and_no_dates(bundle: dict[str, Resource]) -> None:
    found = get(bundle, "MedicationStatement", "entecavir")

    assert found["dosage"][0]["doseAndRate"][0]["doseQuantity"]["value"] == Decimal("0.5")
    assert "timing" not in found["dosage"][0]
    assert "effectivePeriod" not in found


def test_sorafenib_was_begun_reduced_and_refused(bundle: dict[str, Resource]) -> None:
    twice = get(bundle, "MedicationStatement", "sorafenib-twice-daily")
    once = get(bundle, "MedicationStatement", "sorafenib-once-daily")

    assert [one["dosage"][0]["timing"]["code"]["coding"][0]["code"] for one in (twice, once)] == ["BID", "QD"]
    assert [one["dosage"][0]["doseAndRate"][0]["doseQuantity"]["value"] for one in (twice, once)] == [400, 400]
    assert relative(twice["effectivePeriod"]["_start"]) == after(1)
    assert (twice["status"], once["status"]) == ("stopped", "stopped")
    assert "dose reduced" in twice["statusReason"][0]["text"]
    assert twice["effectivePeriod"]["end"] == once["effectivePeriod"]["start"]
    assert codes(once["statusReason"][0]) == {(SNOMED, "105480006")}
    assert once["effectivePeriod"]["end"] == get(bundle, "Observation", "response-12-months")["effectiveDateTime"]


def test_each_drug_is_planned_too_and_the_lower_dose_follows_the_higher(bundle: dict[str, Resource]) -> None:
    plans = {key: get(bundle, "MedicationRequest", key) for key in ("entecavir", *SORAFENIB)}

    assert {one["intent"] for one in plans.values()} == {"plan"}
    assert [one["status"] for one in plans.values()] == ["unknown", "stopped", "stopped"]
    assert "mcode" not in plans["entecavir"]["meta"]["profile"][0]
    assert "mcode-cancer-related-medication-request" in plans["sorafenib-once-daily"]["meta"]["profile"][0]
    assert plans["sorafenib-once-daily"]["priorPrescription"]["reference"].endswith("sorafenib-twice-daily")


SORAFENIB = ("sorafenib-twice-daily", "sorafenib-once-daily")


def test_hand_foot_skin_reaction(bundle: dict[str, Resource]) -> None:
    event = get(bundle, "AdverseEvent", "hand-foot-skin-reaction")

    assert ("https://www.meddra.org", "10054524") in codes(event["event"])
    assert relative(event["_date"])[1:] == ("after-start", 2, "wk")
    assert [one["instance"]["reference"].rpartition("/")[2] for one in event["suspectEntity"]] == [
        f"{NAMESPACE}-sorafenib-twice-daily",
        f"{NAMESPACE}-sorafenib-once-daily",
    ]
    assert "outcome" not in event
    assert [one["extension"][0].get("valueReference", {}).get("reference") for one in event["extension"]] == [
        None,
        f"MedicationRequest/{NAMESPACE}-sorafenib-once-daily",
    ]
    assert "reduced" in event["extension"][0]["extension"][0]["valueCodeableConcept"]["text"]
    assert "clinicalStatus" not in get(bundle, "Condition", "hand-foot-skin-reaction-condition")
    assert get(bundle, "Observation", "hand-foot-skin-reaction-grade")["valueInteger"] == 2
    assert "severity" not in event


RESPONSES = [
    ("response-3-months", "LA28369-9", "268910001", "mRECIST", after(3)),
    ("response-12-months", "LA28366-5", "268910001", None, after(12)),
    ("response-19-months", "LA28370-7", "271299001", None, after(19)),
    ("response-last-follow-up", "LA28366-5", "103338009", None, None),  # in full remission,
]


@pytest.mark.parametrize(("key", "answer", "trend", "method", "when"), RESPONSES)
def test_responses(
    bundle: dict[str, Resource],
    key: str,
    answer: str,
    trend: str,
    method: str | None,
    when: tuple[str, str, int, str] | None,
) -> None:
    status = get(bundle, "Observation", key)
    by_criteria = get(bundle, "Observation", f"{key}-criteria")

    assert codes(status["code"]) == {(LOINC, "97509-4")}
    assert codes(status["valueCodeableConcept"]) == {(SNOMED, trend)}
    assert codes(by_criteria["valueCodeableConcept"]) == {(LOINC, answer)}
    assert by_criteria.get("method", {}).get("text") == method
    if when is not None:
        assert relative(status["_effectiveDateTime"]) == when


def test_complete_response_held_for_twelve_months_of_three_monthly_follow_up(bundle: dict[str, Resource]) -> None:
    held = get(bundle, "Observation", "response-last-follow-up-criteria")
    status = get(bundle, "Observation", "response-last-follow-up")
    normal = get(bundle, "Observation", "afp-after-pbt")
    evidence = {code for one in status["extension"] for _, code in codes(one.get("valueCodeableConcept", {}))}

    assert held["effectivePeriod"]["start"] == normal["effectiveDateTime"]
    assert relative(status["_effectiveDateTime"])[1:] == ("after-start", 12, "mo")
    assert "every 3 months" in status["note"][0]["text"]
    assert evidence == {"363679005", "250724005"}


def test_source_and_software_are_named(bundle: dict[str, Resource]) -> None:
    provenance = get(bundle, "Provenance", "provenance")
    others = {name for name in bundle if not name.endswith(("-provenance", "-software"))}

    assert {one["reference"] for one in provenance["target"]} == others
    assert provenance["entity"][0]["what"]["reference"] == f"DocumentReference/{NAMESPACE}-report"
    assert provenance["agent"][0]["who"]["reference"] == f"Device/{NAMESPACE}-software"
    assert "synthetic" in get(bundle, "DocumentReference", "report")["description"]


def test_every_resource_is_labelled_as_test_data(bundle: dict[str, Resource]) -> None:
    assert all([one["code"] for one in found["meta"]["security"]] == ["HTEST"] for found in bundle.values())


def test_every_computed_date_keeps_its_relative_time(bundle: dict[str, Resource]) -> None:
    # The anchor itself counts from nothing, and what happened at the anchor says so.
    computed = {
        "effectiveDateTime",
        "performedDateTime",
        "onsetDateTime",
        "abatementDateTime",
        "started",
        "date",
        "start",
        "end",
        "valueDateTime",
    }
    without: list[str] = []

    def walk(value: Any, path: str) -> None:
        if isinstance(value, dict):
            for name, part in value.items():
                if name in computed and f"_{name}" not in value:
                    without.append(f"{path}.{name}")
                walk(part, f"{path}.{name}")
        elif isinstance(value, list):
            for part in value:
                walk(part, path)

    for name, found in bundle.items():
        walk(found, name)

    assert without == [f"Procedure/{NAMESPACE}-tare.performedPeriod.start"]


MADE_UP = [
    "birthDate", "89247-1", "us-core-race", "us-core-ethnicity", "histology", "udiCarrier", "597747", "485434",
    "443271005", "718290002", "17920008", "38739001", "710065009", "170", "cGy", "doxorubicin", "lipiodol", "FDG",
    "103611000119102", "ECOG", "Korean",
]  # fmt: skip


def test_nothing_that_the_report_does_not_say(bundle: dict[str, Resource]) -> None:
    text = dump(list(bundle.values())).decode()
    words = [word for word in MADE_UP if re.search(rf"(?<![\w.]){re.escape(word)}(?![\w.])", text)]

    assert words == []

"""What a case says and its resources cannot is a warning that names the line, in all commands that build."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from fhir_case import build_bundle, validate
from fhir_case.mapping import load_case, read_case, shipped_cases
from small_case import HEAD, built
from support import run_command

if TYPE_CHECKING:
    from pathlib import Path

    from fhir_case.issues import Issue


def warnings(section: str, **options: Any) -> list[str]:
    """Return the warnings about a small case; the section begins in its line 7."""
    told: list[Issue] = []
    build_bundle(read_case(HEAD + section, file="small.yaml"), warn=told.append, **options)
    assert {"warning"} >= {one.severity for one in told}
    return [one.message for one in told]


BLOBS = "laboratory:\n  - {key: a, test: {text: Odd}, value: 3 blobs, at: anchor, source: page 1}\n"
RANGE = BLOBS.replace("3 blobs", "3-5 blobs")
UNIT = (
    "small.yaml:8:5: the unit 'blobs' of {} blobs has no UCUM code that is known, so that the amount is not coded; "
    "correct the unit, or give its code: {{value: …, unit: …, ucum: …}}"
)


@pytest.mark.parametrize("fhir", ["R4", "R5"])
def test_a_unit_without_a_code_names_its_line(fhir: str) -> None:
    assert [UNIT.format(3)] == warnings(BLOBS, fhir=fhir)
    assert [UNIT.format(5), UNIT.format(3)] == warnings(RANGE, fhir=fhir)


@pytest.mark.parametrize(
    "value", ["{value: 3, unit: blobs, ucum: '{blob}'}", "3 mg/L", "3", "6.6 cobalt gray equivalent"]
)
def test_nothing_is_told_of_a_unit_with_a_code_or_known_to_have_none(value: str) -> None:
    assert [] == warnings(BLOBS.replace("3 blobs", value))


def test_the_shipped_cases_have_no_warning() -> None:
    told: list[Issue] = []
    for shipped in shipped_cases():
        build_bundle(load_case(shipped.name), warn=told.append)

    assert [] == told


MONTHS = """
laboratory: [{key: hb, test: hemoglobin, value: 10 g/dL, at: WHEN, source: page 1}]
tumour_markers: [{key: afp, test: afp, value: 10 ng/mL, at: WHEN, source: page 1}]
conditions: [{key: c, kind: primary-cancer, diagnosis: {text: c}, status: active, verification: confirmed, source: s}]
responses: [{key: r, response: stable-disease, of: c, basis: [imaging], at: WHEN, source: s}]
"""


def claims(section: str, **options: Any) -> dict[str, list[str]]:
    return {
        name.removeprefix("Observation/"): [one.rpartition("/")[2] for one in resource["meta"].get("profile", ())]
        for name, resource in built(section, **options).items()
        if name.startswith("Observation/")
    }


@pytest.mark.parametrize("date", ["2017-03", "2017"])
def test_a_date_without_day_claims_no_profile_that_wants_the_day(date: str) -> None:
    section = MONTHS.replace("WHEN", date)
    claimed = claims(section)

    assert ([], [], ["mcode-cancer-disease-status"], []) == tuple(
        claimed[key] for key in ("hb", "afp", "r", "r-criteria")
    )
    assert [
        f"small.yaml:{place}: Observation/{key} does not claim the profile {profile}, "
        f"which wants a day, and its time is {date}"
        for place, key, profile in (
            ("8:14", "hb", "us-core-observation-lab"),
            ("9:18", "afp", "mcode-tumor-marker-test"),
            ("11:13", "r-criteria", "us-core-observation-clinical-result"),
        )
    ] == [told.partition(";")[0] for told in warnings(section)]
    assert date == built(section)["Observation/hb"]["effectiveDateTime"]


@pytest.mark.parametrize("written", ["f", "3 d after f", "5 h before f", "before f"])
@pytest.mark.parametrize("date", ["2017-03", "2017"])
def test_what_counts_from_a_date_without_day_has_none_and_claims_no_profile_that_wants_one(
    date: str, written: str
) -> None:
    section = f"""
findings: [{{key: f, finding: {{text: Mass}}, value: present, category: exam, at: {date}, source: s}}]
laboratory: [{{key: hb, test: hemoglobin, value: 9 g/dL, at: {written}, source: s}}]
"""

    assert date == built(section)["Observation/hb"]["effectiveDateTime"]
    assert [] == claims(section)["hb"]
    assert (
        f"small.yaml:9:14: Observation/hb does not claim the profile us-core-observation-lab, which wants a day, and "
        f"its time is {date}" in [told.partition(";")[0] for told in warnings(section)]
    )


@pytest.mark.parametrize(
    ("written", "date"), [("5 wk after f", "2017-04"), ("2 mo before f", "2017-01"), ("1 a after f", "2018-03")]
)
def test_a_longer_time_from_a_month_leads_to_another_month(written: str, date: str) -> None:
    section = f"""
findings: [{{key: f, finding: {{text: Mass}}, value: present, category: exam, at: 2017-03, source: s}}]
laboratory: [{{key: hb, test: hemoglobin, value: 9 g/dL, at: {written}, source: s}}]
"""

    assert date == built(section)["Observation/hb"]["effectiveDateTime"]


@pytest.mark.parametrize("options", [{"fhir": "R5"}, {"profiles": "none"}])
def test_nothing_is_told_where_no_profile_is_claimed(options: dict[str, Any]) -> None:
    assert [] == warnings(MONTHS.replace("WHEN", "2017-03"), **options)


def test_a_tumour_marker_with_a_range_does_not_claim_the_profile_that_takes_none() -> None:
    cancer = MONTHS.splitlines()[3]
    section = f"{cancer}\ntumour_markers: [{{key: afp, test: afp, value: 10-12 ng/mL, at: anchor, source: s}}]"
    (told,) = warnings(section)

    assert [] == claims(section)["afp"]
    assert told.startswith(
        "small.yaml:8:18: Observation/afp does not claim the profile mcode-tumor-marker-test, which "
    )
    assert told.endswith("takes no range; write one number, if the report gives it")


def test_a_date_with_day_keeps_its_profiles() -> None:
    assert ["us-core-observation-lab"] == claims(MONTHS.replace("WHEN", "2017-03-01"))["hb"]
    assert [] == warnings(MONTHS.replace("WHEN", "2017-03-01"))


@pytest.mark.parametrize(
    ("written", "span"), [("before 2017-03", {"end": "2017-03"}), ("after 2017", {"start": "2017"})]
)
def test_an_open_date_is_a_period_that_is_open_at_the_other_end(written: str, span: dict[str, str]) -> None:
    section = MONTHS.replace("WHEN", written)
    hemoglobin = built(section)["Observation/hb"]

    assert span == hemoglobin["effectivePeriod"]
    assert "effectiveDateTime" not in hemoglobin
    assert (["us-core-observation-lab"], []) == (claims(section)["hb"], claims(section)["r"])


def test_a_bundle_with_months_and_open_dates_has_no_error() -> None:
    for when in ("2017-03", "2017", "before 2017-03", "after 2017"):
        laboratory = MONTHS.partition("responses")[0].replace("WHEN", when)
        bundle = build_bundle(read_case(HEAD + laboratory))

        assert [] == [str(one) for one in validate(bundle, closed=True).issues if one.severity == "error"]


ORDER = """
conditions: [{key: relapse, kind: primary-cancer, diagnosis: {text: relapsed AML}, status: STATUS,
  verification: confirmed, at: 1 wk before visit, source: s}]
medications:
  - {key: induction, drug: {text: decitabine}, at: WHEN, status: completed, source: s}
"""


def order(when: str, status: str = "relapse") -> str:
    return ORDER.replace("WHEN", when).replace("STATUS", status)


def test_a_treatment_that_is_dated_after_a_relapse_that_it_may_precede_names_both_lines() -> None:
    said = (
        "small.yaml:11:5: MedicationStatement/induction is only known to be before another entry and is dated "
        "2020-01-31, after Condition/relapse on 2020-01-24 (small.yaml:8:14), though it may have been before that; "
        "say how long before, or count from that entry: before relapse"
    )

    assert [said] == warnings(order("baseline"))


def test_the_same_is_told_of_a_radiotherapy_and_of_a_progression() -> None:
    section = """
conditions: [{key: c, kind: primary-cancer, diagnosis: {text: c}, status: active, verification: confirmed, source: s}]
responses: [{key: r, response: progressive-disease, of: c, basis: [imaging], at: 1 mo before visit, source: s}]
radiotherapies: [{key: rt, course: external-beam, at: before visit, source: s}]
"""
    (told,) = warnings(section)

    assert told.startswith("small.yaml:10:18: Procedure/rt is only known to be before another entry")
    assert "Observation/r on 2019-12-31 (small.yaml:9:13)" in told


def test_a_first_line_that_is_dated_after_the_second_names_both_lines() -> None:
    section = """
medications:
  - {key: first, drug: {text: a}, line: 1, at: baseline, status: completed, source: s}
  - {key: second, drug: {text: b}, line: 2, at: 3 mo before visit, status: completed, source: s}
  - {key: third, drug: {text: c}, line: 3, at: +1 d, status: completed, source: s}
"""
    said = (
        "small.yaml:9:5: line 1 of therapy (first) is dated 2020-01-31, after line 2 (second) on 2019-10-31 "
        "(small.yaml:10:5); correct the times, or say how long before"
    )

    assert [said] == warnings(section)


@pytest.mark.parametrize(
    ("when", "status"),
    [
        ("2 mo before visit", "relapse"),
        ("before relapse", "relapse"),
        ("2 d before visit", "relapse"),
        ("baseline", "active"),
        ("after visit", "relapse"),
    ],
)
def test_nothing_is_told_where_the_words_say_the_order(when: str, status: str) -> None:
    assert [] == warnings(order(when, status))


def test_an_adverse_event_before_a_cause_of_which_only_the_order_is_told_is_no_error() -> None:
    section = """
medications: [{key: drug, drug: {text: a drug}, at: before visit, status: completed, source: s}]
adverse_events: [{key: rash, event: {text: rash}, at: 1 wk before visit, suspects: [drug], source: s}]
"""
    issues = validate(build_bundle(read_case(HEAD + section)), closed=True).issues

    assert ["warning"] == [one.severity for one in issues if one.check == "event-before-cause"]


def test_build_and_validate_show_the_warnings(tmp_path: Path) -> None:
    file = tmp_path / "small.yaml"
    file.write_text(HEAD + BLOBS, encoding="utf-8")
    built_case = run_command("build", str(file), "-o", str(tmp_path / "bundle.json"))
    checked = run_command("validate", str(file))

    assert (0, 0) == (built_case.exit_code, checked.exit_code)
    assert f"Warning: {file}:8:5: the unit 'blobs' of 3 blobs has no UCUM code" in built_case.stderr
    assert f"{file}:8:5: the unit 'blobs' of 3 blobs has no UCUM code" in checked.stdout
    assert 5 == run_command("validate", str(file), "--fail-on", "warning").exit_code


VITAL = """
from fhir_case.case import Event, Section
from fhir_case.mapping import Mapping, observation

class Weight(Event):
    kilograms: int

def weights(case):
    for entry in case.entries_of(Weight):
        yield observation(case, entry, kind="vital-signs", code={"text": "Body weight"}, words="", at=entry.at,
            value={"valueQuantity": {"value": entry.kilograms, "unit": "kg"}},
            profile="http://hl7.org/fhir/us/core/StructureDefinition/us-core-body-weight")

MAPPING = Mapping("weight", weights, "weights", sections=(
    Section("weights", Weight, resource="Observation", time="effectiveDateTime"),))
"""


@pytest.mark.parametrize("when", ["2017-03", "2017", "before 2017-03"])
def test_a_vital_sign_without_a_day_stands_in_words_and_claims_no_profile_of_vital_signs(when: str) -> None:
    code = 'code: {system: "http://loinc.org", code: 29463-7}'
    entry = f"{{key: w, finding: {{text: Body weight, {code}}}, value: 60 kg, category: exam, at: {when}, source: s}}"
    section = f"findings:\n  - {entry}"

    assert {"text": "Body weight"} == built(section)["Observation/w"]["code"]
    assert ["us-core-simple-observation"] == claims(section)["w"]
    (told,) = warnings(section)
    assert told.startswith("small.yaml:8:5: Observation/w is a vital sign that stands in words, without its code")


def test_a_blood_pressure_without_a_day_is_told_of_too() -> None:
    entry = "{key: bp, sign: blood-pressure, value: 62/52 mmHg, at: 2017-03, source: s}"
    (told,) = warnings(f"vital_signs: [{entry}]")

    assert "small.yaml:7:15: Observation/bp is a vital sign that stands in words" in told


def test_a_vital_sign_of_an_outside_mapping_loses_the_claim_only(tmp_path: Path) -> None:
    file = tmp_path / "weights.py"
    file.write_text(VITAL, encoding="utf-8")
    section = "weights:\n" + "".join(
        f"  - {{key: w{n}, kilograms: 60, at: {when}, source: s}}\n" for n, when in enumerate(("2017-03", "2017-03-01"))
    )
    told: list[Issue] = []
    build_bundle(
        read_case(HEAD + section, file="small.yaml", mapping_files=[file]), mapping_files=[file], warn=told.append
    )

    claim = "small.yaml:8:5: Observation/w0 does not claim the profile us-core-body-weight"
    assert [claim] == [one.message.partition(",")[0] for one in told if "claim" in one.message]


STAGES = (
    "conditions: [{key: c, kind: primary-cancer, diagnosis: NSCLC, verification: confirmed, at: anchor, source: p}]\n"
    "stages:\n  - {key: a, staging: STAGING, value: VALUE, METHODof: c, at: anchor, source: page 1}\n"
)


@pytest.mark.parametrize(
    ("staging", "value", "method", "told"),
    [
        ("pathologic-t", "pT1b", "", "pT1b has no code, since nothing says by which system; add method: ajcc-8"),
        (
            "m-category",
            "M1",
            "method: ajcc-8, ",
            "AJCC has no code for M1 alone; write staging: clinical-m or pathologic-m",
        ),
        ("pathologic-t", "pT1b", "method: ajcc-8, ", ""),
        ("m-category", "MX", "method: ajcc-8, ", ""),
        ("stage-group", "stage-iv", "method: {text: a modified system}, ", ""),
    ],
)
def test_a_stage_without_a_code_is_told_how_it_gets_one(staging: str, value: str, method: str, told: str) -> None:
    section = STAGES.replace("STAGING", staging).replace("VALUE", value).replace("METHOD", method)

    assert [told][: bool(told)] == [one.removeprefix("small.yaml:9:5: ")[: len(told)] for one in warnings(section)]

"""Drugs: the grammar of frequencies and doses, regimens, single doses, and what is never guessed."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from pydantic_core import PydanticCustomError

from fhir_case import build_bundle, validate
from fhir_case.errors import CaseError
from fhir_case.mapping import read_case
from fhir_case_mappings.medication.frequency import schedule_of
from support import resources

if TYPE_CHECKING:
    from fhir_case.fhir.wire import Resource

HEAD = """\
case: drugs
title: Made up
report: {citation: Made up., transcribed: 2026-11-28}
timeline: {anchor: a, index_date: 2020-03-01}
patient: {sex: female, source: s}
conditions:
  - {key: cancer, kind: primary-cancer, diagnosis: {text: x}, status: active, verification: confirmed, source: s}
  - {key: infection, kind: comorbidity, diagnosis: {text: x}, status: active, verification: confirmed, source: s}
"""


def made(*sections: str, fhir: Any = "R4") -> dict[str, Resource]:
    return resources(build_bundle(read_case(HEAD + "\n".join(sections)), fhir=fhir))


def medication(**fields: str) -> str:
    written = {"key": "a", "drug": "{text: x}", "at": "anchor", "status": "active", "source": "s"} | fields
    return f"  - {{{', '.join(f'{name}: {value}' for name, value in written.items())}}}"


def dosage(frequency: str = "", dose: str = "", **fields: str) -> dict[str, Any]:
    given = {name: value for name, value in (("frequency", frequency), ("dose", dose)) if value}
    found: dict[str, Any] = made("medications:", medication(**given, **fields))["MedicationStatement/drugs-a"][
        "dosage"
    ][0]
    return found


DAILY = {"period": 1, "periodUnit": "d"}


@pytest.mark.parametrize(
    ("written", "repeat"),
    [
        ("3/d", {"frequency": 3, **DAILY}),
        ("3x/d", {"frequency": 3, **DAILY}),
        ("three times a day", {"frequency": 3, **DAILY}),
        ("three-times-daily", {"frequency": 3, **DAILY}),
        ("tid", {"frequency": 3, **DAILY}),
        ("1-2/d", {"frequency": 1, "frequencyMax": 2, **DAILY}),
        ("every 8 h", {"frequency": 1, "period": 8, "periodUnit": "h"}),
        ("q8h", {"frequency": 1, "period": 8, "periodUnit": "h"}),
        ("every 2-3 wk", {"frequency": 1, "period": 2, "periodMax": 3, "periodUnit": "wk"}),
        ("every other day", {"frequency": 1, "period": 2, "periodUnit": "d"}),
        ("weekly", {"frequency": 1, "period": 1, "periodUnit": "wk"}),
        ("3 times per week", {"frequency": 3, "period": 1, "periodUnit": "wk"}),
        ("monthly", {"frequency": 1, "period": 1, "periodUnit": "mo"}),
        ("days 1, 8, 15 of 28", {"frequency": 3, "period": 28, "periodUnit": "d"}),
        ("days 1-5 of 21", {"frequency": 5, "period": 21, "periodUnit": "d"}),
        ("days 1 and 8 every 3 wk", {"frequency": 2, "period": 21, "periodUnit": "d"}),
        ("twice daily on days 1-14 of 21", {"frequency": 28, "period": 21, "periodUnit": "d"}),
        ("once daily on days 1-5 of 21", {"frequency": 5, "period": 21, "periodUnit": "d"}),
        ("every 12 h on days 1, 3, 5 of 28", {"frequency": 6, "period": 28, "periodUnit": "d"}),
        ("every 3 wk on days 1, 8", {"frequency": 2, "period": 21, "periodUnit": "d"}),
        ("weekly, days 1, 8, 15 of 28", {"frequency": 3, "period": 28, "periodUnit": "d"}),
        ("at bedtime on days 1-5 of 21", {"frequency": 5, "period": 21, "periodUnit": "d", "when": ["HS"]}),
        ("once on days 1, 8 of 28", {"frequency": 2, "period": 28, "periodUnit": "d"}),
        ("once on day 1", {"count": 1}),
        ("days 1-5 of 21, 2/d", {"frequency": 10, "period": 21, "periodUnit": "d"}),
        ("days 1-5, 2/d for 3 doses", {"count": 3}),
        ("once", {"count": 1}),
        ("single dose", {"count": 1}),
        ("once daily at bedtime", {"frequency": 1, **DAILY, "when": ["HS"]}),
        ("2/d as needed", {"frequency": 2, **DAILY}),
        ("at bedtime", {"frequency": 1, **DAILY, "when": ["HS"]}),
        ("before meals", {"when": ["AC"]}),
        ("with meals", {"when": ["C"]}),
        ("after meals", {"when": ["PC"]}),
        ("3/d before meals", {"frequency": 3, **DAILY, "when": ["AC"]}),
    ],
)
def test_a_prescription_is_understood(written: str, repeat: dict[str, Any]) -> None:
    schedule = schedule_of(written)

    assert schedule is not None
    assert repeat == schedule.repeat


@pytest.mark.parametrize("written", ["", "3", "0/d", "banana", "2-1/d", "0.5/d", "every", "days of 21", "3/d " * 40])
def test_what_is_no_prescription_is_not_guessed(written: str) -> None:
    assert schedule_of(written) is None


TOO_FAR = [
    "1/99999999999999999999d", "every 99999 d for 3 wk", "once a day for 99999999999 wk", "99999/d", "99999 doses",
    "day 1 of 99999", "days 1-99999999999",
]  # fmt: skip
ZERO = ["q0h", "q0d", "q00h", "every 0 h", "every 0-3 h", "0 hourly", "0 daily", "3-0/d", "3 per 0 d", "0 doses"]


@pytest.mark.parametrize("written", TOO_FAR)
def test_no_prescription_counts_to_ten_thousand(written: str) -> None:
    assert schedule_of(written) is None


@pytest.mark.parametrize("written", ZERO)
def test_nothing_is_never_read_as_one(written: str) -> None:
    assert schedule_of(written) is None


@pytest.mark.parametrize("written", [*ZERO, "once a day for 0 d", "days 3-1 of 21", "days 22 of 21", "days of 21"])
def test_what_is_no_prescription_is_an_error_with_its_line(written: str) -> None:
    with pytest.raises(CaseError) as refused:
        read_case(HEAD + "medications:\n" + medication(frequency=f"'{written}'"))

    assert "medications.a.frequency: " in str(refused.value)
    assert ":10:" in str(refused.value)


@pytest.mark.parametrize(
    "written",
    ["every 12 h on days 1, 3, 5", "2/d on days 1-14", "every 2 d on days 1-5 of 21", "1-2/d, days 1-5 of 21",
     "at bedtime on days 1-5", "every 5 h on days 1-5 of 21", "with meals on days 1-5 of 21", "once on days 1 and 8"],
)  # fmt: skip
def test_a_drug_of_some_days_is_never_one_of_all_days(written: str) -> None:
    schedule = schedule_of(written)

    assert schedule is not None
    assert {} == schedule.repeat
    assert schedule.days


def test_the_days_of_a_drug_stand_in_its_words_where_no_timing_can_say_them() -> None:
    found = dosage("'every 12 h on days 1, 3, 5'", dose="3 g/m2")

    assert {"code": {"text": "every 12 hours, days 1, 3, 5"}} == found["timing"]
    assert "3 g/m2 every 12 hours, days 1, 3, 5" == found["text"]


@pytest.mark.parametrize(
    "written",
    ["biweekly", "bi-monthly", "days 8, 1 of 21", "day 0 of 21", "day 30 of 28", "days 3-1 of 21", "days 3-1, 5 of 21",
     "days 0 of 21", "days 22 of 21", "days 1-9999", "days 1, 1", "once a day for 0 d", "daily for 3-1 d",
     "daily for 0 doses"],
)  # fmt: skip
def test_what_can_mean_two_things_or_contradicts_itself_is_refused(written: str) -> None:
    with pytest.raises(PydanticCustomError):
        schedule_of(written)


def test_words_of_the_report_that_are_a_prescription_are_one() -> None:
    assert {"frequency": 3, **DAILY} == dosage("{text: 3/d}")["timing"]["repeat"]
    assert "TID" == dosage("{text: 3/d}")["timing"]["code"]["coding"][0]["code"]
    assert {"code": {"text": "biweekly"}} == dosage("{text: biweekly}")["timing"]
    assert dosage("as needed")["asNeededBoolean"] is True


@pytest.mark.parametrize("name", ["three-times-dayly", "twice-dayly", "onec"])
def test_an_unknown_frequency_is_not_met_with_another_one(name: str) -> None:
    with pytest.raises(CaseError) as refused:
        read_case(HEAD + "medications:\n" + medication(frequency=name))

    assert "did you mean" not in f"{refused.value}{refused.value.hint}"


@pytest.mark.parametrize(
    ("written", "amounts"),
    [
        ("75 mg/m2", {"doseQuantity": (75, "mg/m2")}),
        ("1.5 g", {"doseQuantity": (Decimal("1.5"), "g")}),
        ("0.1 µg/kg/min", {"rateQuantity": (Decimal("0.1"), "µg/kg/min")}),
        ("200 mg/m2/d", {"rateQuantity": (200, "mg/m2/d")}),
        ("1 mg/kg/day", {"rateQuantity": (1, "mg/kg/day")}),
        ("1-2 mg/kg/d", {"rateRange": {"low": (1, "mg/kg/d"), "high": (2, "mg/kg/d")}}),
        ("2 g/24 h", {"rateQuantity": (2, "g/24 h")}),
        ("15 mg/wk", {"rateQuantity": (15, "mg/wk")}),
        ("5 mg/dose", {"doseQuantity": (5, "mg/dose")}),
        ("AUC 5", {"doseQuantity": (5, "AUC")}),
        ("5 AUC", {"doseQuantity": (5, "AUC")}),
        ("5-10 mg", {"doseRange": {"low": (5, "mg"), "high": (10, "mg")}}),
        ("{low: 5 mg, high: 10 mg}", {"doseRange": {"low": (5, "mg"), "high": (10, "mg")}}),
        ("<= 8 mg", {"doseRange": {"high": (8, "mg")}}),
    ],
)
def test_a_dose_is_what_is_printed(written: str, amounts: dict[str, Any]) -> None:
    def plain(amount: dict[str, Any]) -> Any:
        if "value" in amount:
            return amount["value"], amount["unit"]
        return {name: plain(one) for name, one in amount.items()}

    assert amounts == {name: plain(one) for name, one in dosage(dose=written)["doseAndRate"][0].items()}


@pytest.mark.parametrize(
    ("dose", "frequency"),
    [
        ("1 mg/kg/day", "twice-daily"),
        ("1 mg/kg/d", "every 12 h"),
        ("1 mg/kg/d", "1-2/d"),
        ("1-2 mg/kg/d", "3/d, days 1-5"),
        ("15 mg/wk", "2/wk"),
    ],
)
def test_a_dose_for_a_day_is_not_given_several_times_a_day(dose: str, frequency: str) -> None:
    with pytest.raises(CaseError, match=r":10:.* medications\.a\.dose: .* is it the sum, or each dose"):
        read_case(HEAD + "medications:\n" + medication(dose=dose, frequency=f"'{frequency}'"))


@pytest.mark.parametrize(
    ("dose", "frequency"),
    [
        ("200 mg/m2/d", "once-daily"),
        ("200 mg/m2/d", "days 1-7 of 28"),
        ("200 mg/m2/d", "continuous"),
        ("15 mg/wk", "weekly"),
        ("0.5 mg/kg/h", "every 8 h"),
        ("1 mg/kg", "twice-daily"),
    ],
)
def test_a_dose_for_a_time_and_a_frequency_that_agree_are_taken(dose: str, frequency: str) -> None:
    assert dosage(f"'{frequency}'", dose=dose)["text"].startswith(dose)


@pytest.mark.parametrize("field", ["rate", "dose"])
def test_a_rate_from_to_is_a_range(field: str) -> None:
    amounts = dosage(**{field: "0.1-0.4 µg/kg/min"})["doseAndRate"][0]

    assert ["rateRange"] == list(amounts)
    assert [Decimal("0.1"), Decimal("0.4")] == [amounts["rateRange"][end]["value"] for end in ("low", "high")]


def test_a_rate_of_nothing_is_refused_in_a_range_too() -> None:
    with pytest.raises(CaseError, match="a rate is more than nothing"):
        read_case(HEAD + "medications:\n" + medication(rate="0-0.4 µg/kg/min"))


@pytest.mark.parametrize(("reason", "expected"), [("cancer", 1), ("infection", 0)])
def test_only_a_drug_for_a_cancer_has_the_extension_of_mcode(reason: str, expected: int) -> None:
    drug = medication(dose="0.1 µg/kg/min", reasons=f"[{reason}]")
    given = "  - {key: b, of: a, drug: {text: x}, at: anchor, source: s}"
    found = made("medications:", drug, "administrations:", given)

    for name in ("MedicationRequest/drugs-a", "MedicationAdministration/drugs-b"):
        extensions = found[name].get("extension", [])
        assert expected == sum(one["url"].endswith("normalization-basis") for one in extensions)


def test_a_time_that_counts_from_a_drug_names_it_without_its_dosage() -> None:
    first = medication(drug="{text: daunorubicin}", dose="60 mg/m2", frequency="'days 1-3'", route="intravenous")
    found = made("medications:", first, medication(key="b", at="2 d after a"))

    assert "2 days after daunorubicin." in found["MedicationStatement/drugs-b"]["text"]["div"]


def test_the_doses_of_one_drug_are_told_apart_where_a_time_counts_from_one() -> None:
    drugs = [
        medication(key="a", dose="10 mg", frequency="once-daily", until="+5 d"),
        medication(key="b", dose="20 mg", frequency="once-daily", at="+5 d"),
        medication(key="c", drug="{text: y}", at="2 d after a"),
    ]

    assert (
        "2 days after x 10 mg once daily." in made("medications:", *drugs)["MedicationStatement/drugs-c"]["text"]["div"]
    )


def test_a_target_area_under_the_curve_has_its_unit_in_ucum() -> None:
    assert "mg.min/mL" == dosage(dose="AUC 5")["doseAndRate"][0]["doseQuantity"]["code"]


SINGLE = [
    "frequency: {text: once}",
    "frequency: once",
    "frequency: single dose",
    "frequency: {text: One dose}",
    "until: anchor",
]


@pytest.mark.parametrize("once", SINGLE)
@pytest.mark.parametrize("fhir", ["R4", "R5"])
def test_a_single_dose_is_not_taken_for_ever(once: str, fhir: Any) -> None:
    name, _, value = once.partition(": ")
    drugs = [
        medication(dose="50 mg", status="completed", **{name: value}),
        medication(key="b", dose="1000 mg", at="+30 d", until="+33 d", status="completed"),
    ]
    bundle = build_bundle(read_case(HEAD + "\n".join(["medications:", *drugs])), fhir=fhir)
    statement = resources(bundle)["MedicationStatement/drugs-a"]

    assert "2020-03-01" == statement["effectivePeriod"]["end"]
    assert [] == [str(one) for one in validate(bundle, fhir=fhir).issues if one.check == "overlapping-doses"]


def test_a_dose_that_was_completed_or_stopped_at_an_unknown_time_overlaps_with_none() -> None:
    for status in ("completed", "stopped"):
        drugs = [
            medication(dose="50 mg", status=status),
            medication(key="b", dose="100 mg", at="+30 d", status="active"),
        ]
        bundle = build_bundle(read_case(HEAD + "\n".join(["medications:", *drugs])))

        assert [] == [str(one) for one in validate(bundle).issues if one.check == "overlapping-doses"]


def test_two_doses_that_are_still_taken_overlap() -> None:
    drugs = [medication(dose="50 mg"), medication(key="b", dose="100 mg", at="+30 d")]
    bundle = build_bundle(read_case(HEAD + "\n".join(["medications:", *drugs])))

    assert ["overlapping-doses"] == [one.check for one in validate(bundle).issues if one.severity == "warning"]


REGIMEN = """\
regimens:
  - key: a
    regimen: capox
    kind: chemotherapy
    cycle: 21 d
    cycles: 4
    line: 1
    intent: palliative
    at: anchor
    until: +84 d
    status: completed
    reasons: [cancer]
    source: s
"""


def test_the_drugs_of_a_regimen_lead_to_it_and_have_its_times_and_reasons() -> None:
    found = made(
        REGIMEN + "medications:",
        "  - {key: b, drug: {text: x}, regimen: a, frequency: days 1 and 8, status: completed, source: s}",
    )
    statement, request = found["MedicationStatement/drugs-b"], found["MedicationRequest/drugs-b"]
    regimen = found["Procedure/drugs-a"]

    assert ("2020-03-01", "2020-05-24") == (statement["effectivePeriod"]["start"], statement["effectivePeriod"]["end"])
    assert [{"reference": "Procedure/drugs-a"}] == statement["partOf"] == request["supportingInformation"]
    assert [{"reference": "Condition/drugs-cancer"}] == statement["reasonReference"] == regimen["reasonReference"]
    assert {"frequency": 2, "period": 21, "periodUnit": "d"} == statement["dosage"][0]["timing"]["repeat"]
    assert request["meta"]["profile"][0].endswith("mcode-cancer-related-medication-request")
    assert request["extension"] == regimen["extension"]
    assert (1, 4) == (
        found["Observation/drugs-a-line"]["valueInteger"],
        found["Observation/drugs-a-cycles"]["valueInteger"],
    )


def test_a_drug_that_is_not_for_a_cancer_claims_no_profile_of_mcode() -> None:
    found = made("medications:", medication(reasons="[infection]"))["MedicationRequest/drugs-a"]

    assert ["http://hl7.org/fhir/us/core/StructureDefinition/us-core-medicationrequest"] == found["meta"]["profile"]
    assert ("plan", True) == (found["intent"], found["reportedBoolean"])


@pytest.mark.parametrize(
    ("status", "reason", "coded"),
    [
        ("stopped", "refused-by-patient", True),
        ("completed", "refused-by-patient", False),
        ("stopped", "{text: rash, code: {system: 'urn:x', code: y}}", False),
        ("completed", "{text: rash, code: {system: 'urn:x', code: y}}", True),
    ],
)
def test_a_coded_reason_stands_in_the_request_where_mcode_takes_it(status: str, reason: str, coded: bool) -> None:
    found = made("medications:", medication(status=status, stopped_for=reason, reasons="[cancer]"))

    assert coded == ("coding" in found["MedicationRequest/drugs-a"]["statusReason"])
    assert "coding" in found["MedicationStatement/drugs-a"]["statusReason"][0]
    assert found["MedicationRequest/drugs-a"]["statusReason"]["text"]


def test_a_time_that_counts_from_a_period_names_its_begin() -> None:
    given = "  - {key: a, drug: {text: x}, dose: 5 mg, at: anchor, until: +2 d, source: s}\n"
    after = "  - {key: b, drug: {text: x}, dose: 5 mg, at: 1 d after a, source: s}"
    found = made("administrations:", given + after)["MedicationAdministration/drugs-b"]
    parts = found["_effectiveDateTime"]["extension"][0]["extension"]

    assert "effectivePeriod.start" == next(one["valueString"] for one in parts if one["url"] == "targetPath")

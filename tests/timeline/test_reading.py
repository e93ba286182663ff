"""What resources of anyone become: each an event with its time, or counted with the reason why not."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from fhir_case import build_bundle, load_case
from fhir_case.errors import BundleError
from fhir_case.timeline import Event, entries_of, read_timeline
from support import CASES, SHIPPED, golden
from timeline.bundles import bundle_of, many_events, observation, patient, synthea_like

if TYPE_CHECKING:
    from fhir_case.fhir.wire import Resource
    from fhir_case.timeline import Timeline

RELATIVE = "http://hl7.org/fhir/StructureDefinition/cqf-relativeDateTime"
P = {"subject": {"reference": "Patient/p"}}
UCUM = "http://unitsofmeasure.org"


def read(*resources: Resource, **more: Any) -> Timeline:
    return read_timeline(entries_of(bundle_of([patient(**more), *resources])))


def event_of(resource: Resource, **more: Any) -> Event:
    (event,) = (timeline := read({"id": "x", **P, **resource}, **more)).events or timeline.untimed
    return event


def relative(relationship: str, offset: dict[str, Any], target: str = "Procedure/op") -> dict[str, Any]:
    parts = [
        {"url": "target", "valueReference": {"reference": target}},
        {"url": "relationship", "valueCode": relationship},
        {"url": "offset", **offset},
    ]
    return {"extension": [{"url": RELATIVE, "extension": parts}]}


def span(number: float, code: str) -> dict[str, Any]:
    return {"value": number, "system": UCUM, "code": code}


# Each kind of resource, in R4 and where it differs in R5, with lane, name, label and time in words.
KINDS: list[tuple[Resource, tuple[str, str, str, str]]] = [
    (
        {"resourceType": "Procedure", "code": {"text": "TACE"}, "performedDateTime": "2018-10-01"},
        ("procedures", "TACE", "", "2018-10-01"),
    ),
    (
        {
            "resourceType": "Procedure",
            "code": {"coding": [{"display": "TACE"}]},
            "occurrencePeriod": {"start": "2018", "end": "2019"},
        },
        ("procedures", "TACE", "", "2018 to 2019"),
    ),
    (
        {"resourceType": "Procedure", "status": "not-done", "code": {"text": "Biopsy"}},
        ("procedures", "Biopsy", "not done", "no time: the source gives none"),
    ),
    (
        {
            "resourceType": "Procedure",
            "category": {"coding": [{"code": "367336001"}]},
            "code": {"text": "FOLFOX"},
            "performedPeriod": {"start": "2018-01-01"},
        },
        ("medications", "FOLFOX", "regimen", "from 2018-01-01, end not said"),
    ),
    (
        {
            "resourceType": "MedicationStatement",
            "status": "active",
            "medicationCodeableConcept": {"text": "aspirin"},
            "effectivePeriod": {"start": "2018"},
            "dosage": [{"text": "100 mg"}],
        },
        ("medications", "aspirin", "100 mg", "from 2018, ongoing"),
    ),
    (
        {
            "resourceType": "MedicationStatement",
            "status": "recorded",
            "adherence": {"code": {"coding": [{"code": "taking"}]}},
            "medication": {"concept": {"text": "aspirin"}},
            "effectiveDateTime": "2018-02",
        },
        ("medications", "aspirin", "", "2018-02"),
    ),
    (
        {
            "resourceType": "MedicationRequest",
            "medicationCodeableConcept": {"text": "aspirin"},
            "authoredOn": "2018-02-03",
            "dosageInstruction": [
                {
                    "timing": {"repeat": {"frequency": 2, "period": 1, "periodUnit": "d"}},
                    "doseAndRate": [{"doseQuantity": {"value": 50, "unit": "mg"}}],
                }
            ],
        },
        ("medications", "aspirin", "prescribed 50 mg, 2 × per day", "2018-02-03"),
    ),
    (
        {
            "resourceType": "MedicationAdministration",
            "medication": {"reference": {"display": "saline"}},
            "occurencePeriod": {"start": "2018-02-03T10:00:00Z", "end": "2018-02-03T11:00:00Z"},
            "dosage": {"dose": {"value": 500, "unit": "mL"}},
        },
        ("medications", "saline", "given 500 mL", "2018-02-03T10:00:00Z to 2018-02-03T11:00:00Z"),
    ),
    (
        {
            "resourceType": "MedicationDispense",
            "medicationCodeableConcept": {"text": "aspirin"},
            "quantity": {"value": 30, "unit": "tablets"},
            "whenHandedOver": "2018-02-03",
        },
        ("medications", "aspirin", "dispensed 30 tablets", "2018-02-03"),
    ),
    (
        {
            "resourceType": "AdverseEvent",
            "event": {"text": "Rash"},
            "date": "2018-03-01",
            "severity": {"coding": [{"code": "mild", "display": "Mild"}]},
        },
        ("adverse-events", "Rash", "Mild", "2018-03-01"),
    ),
    (
        {"resourceType": "AdverseEvent", "code": {"text": "Rash"}, "occurrenceDateTime": "2018-03-01"},
        ("adverse-events", "Rash", "", "2018-03-01"),
    ),
    (
        {
            "resourceType": "Condition",
            "code": {"text": "Asthma"},
            "onsetDateTime": "1999",
            "clinicalStatus": {"coding": [{"code": "active"}]},
        },
        ("conditions", "Asthma", "", "from 1999, ongoing"),
    ),
    (
        {
            "resourceType": "Condition",
            "code": {"text": "Asthma"},
            "onsetDateTime": "1999",
            "abatementDateTime": "2001-05",
        },
        ("conditions", "Asthma", "", "1999 to 2001-05"),
    ),
    (
        {
            "resourceType": "Condition",
            "code": {"text": "Asthma"},
            "recordedDate": "2001-05-06",
            "verificationStatus": {"coding": [{"code": "refuted"}]},
        },
        ("conditions", "Asthma", "refuted", "from 2001-05-06, end not said"),
    ),
    (
        {"resourceType": "Condition", "code": {"text": "Asthma"}, "onsetAge": span(7, "a")},
        ("conditions", "Asthma", "", "no time: age 7 a, and no date of birth"),
    ),
    (
        {"resourceType": "Condition", "code": {"text": "Asthma"}, "onsetString": "as a child"},
        ("conditions", "Asthma", "", "no time: “as a child” is not a date"),
    ),
    (
        {
            "resourceType": "Encounter",
            "class": {"code": "IMP", "display": "inpatient"},
            "type": [{"text": "Stay"}],
            "period": {"start": "2018-01-01", "end": "2018-01-09"},
        },
        ("encounters", "Stay", "inpatient", "2018-01-01 to 2018-01-09"),
    ),
    (
        {
            "resourceType": "Encounter",
            "status": "in-progress",
            "class": [{"coding": [{"display": "inpatient"}]}],
            "actualPeriod": {"start": "2018-01-01"},
        },
        ("encounters", "inpatient", "", "from 2018-01-01, ongoing"),
    ),
    (
        {
            "resourceType": "ImagingStudy",
            "started": "2018-01-02T08:30:00+01:00",
            "modality": [{"code": "CT", "display": "Computed Tomography"}],
        },
        ("imaging", "Computed Tomography", "", "2018-01-02T08:30:00+01:00"),
    ),
    (
        {
            "resourceType": "DiagnosticReport",
            "category": [{"coding": [{"code": "RAD"}]}],
            "code": {"text": "Chest X-ray"},
            "effectiveDateTime": "2018-01-02",
        },
        ("imaging", "Chest X-ray", "", "2018-01-02"),
    ),
    (
        {
            "resourceType": "DiagnosticReport",
            "category": [{"coding": [{"code": "LAB"}]}],
            "code": {"text": "Blood count"},
            "issued": "2018-01-02T10:00:00Z",
        },
        ("other", "DiagnosticReport: Blood count", "", "2018-01-02T10:00:00Z"),
    ),
    (
        {
            "resourceType": "Immunization",
            "vaccineCode": {"text": "Influenza vaccine"},
            "occurrenceDateTime": "2018-10-01",
        },
        ("other", "Immunization: Influenza vaccine", "", "2018-10-01"),
    ),
    (
        {"resourceType": "Specimen", "type": {"text": "blood"}, "collection": {"collectedDateTime": "2018-10-01"}},
        ("other", "Specimen: blood", "", "2018-10-01"),
    ),
    (
        observation("x", "CRP", "2018-01-01", {"value": 5, "unit": "mg/L", "comparator": "<"}),
        ("laboratory", "CRP", "< 5 mg/L", "2018-01-01"),
    ),
    (
        observation("x", "Pulse", "2018-01-01", {"value": 72, "unit": "/min"}, category="vital-signs"),
        ("vital-signs", "Pulse", "72 /min", "2018-01-01"),
    ),
    (
        observation("x", "Cough", "2018-01-01", category="exam", valueBoolean=False),
        ("findings", "Cough", "no", "2018-01-01"),
    ),
    (observation("x", "Cough", "2018-01-01", category="exam"), ("findings", "Cough", "no value", "2018-01-01")),
    (
        observation("x", "Cough", "2018-13-45", "loud"),
        ("laboratory", "Cough", "loud", "no time: “2018-13-45” is not a date"),
    ),
    (
        {
            "resourceType": "Observation",
            "code": {"coding": [{"code": "2857-1", "display": "PSA"}]},
            "effectiveInstant": "2018-01-01T00:00:00Z",
            "valueQuantity": {"value": 4},
        },
        ("tumour-markers", "PSA", "4", "2018-01-01T00:00:00Z"),
    ),
    (
        {
            "resourceType": "Observation",
            "code": {"coding": [{"code": "88040-1"}]},
            "effectiveDateTime": "2018",
            "valueCodeableConcept": {"coding": [{"code": "LA28369-9", "display": "Partial response"}]},
        },
        ("responses", "Response", "Partial response", "2018"),
    ),
    (
        {
            "resourceType": "Observation",
            "code": {"text": "Pressure"},
            "effectiveTiming": {"event": ["2018-02-01", "2018-01-01"]},
            "valueRatio": {"numerator": {"value": 1}, "denominator": {"value": 8}},
        },
        ("findings", "Pressure", "1 / 8", "2018-01-01 to 2018-02-01"),
    ),
]


@pytest.mark.parametrize(
    ("resource", "expected"), KINDS, ids=lambda one: one["resourceType"] if isinstance(one, dict) else ""
)
def test_a_resource_becomes_an_event(resource: Resource, expected: tuple[str, str, str, str]) -> None:
    event = event_of(resource)

    assert expected == (event.lane, event.name, event.label, event.time_words)


PERIODS: list[tuple[Resource, str, tuple[bool, bool]]] = [
    ({"resourceType": "Observation", "effectivePeriod": {"end": "2018-03"}}, "before 2018-03", (True, False)),
    ({"resourceType": "Observation", "effectivePeriod": {"start": "2018-03"}}, "from 2018-03 on", (False, True)),
    ({"resourceType": "Procedure", "performedPeriod": {"end": "2018-03"}}, "before 2018-03", (True, False)),
    ({"resourceType": "Procedure", "performedPeriod": {"start": "2018-03"}}, "2018-03", (False, False)),
    (
        {"resourceType": "Specimen", "collection": {"collectedPeriod": {"end": "2018-03"}}},
        "before 2018-03",
        (True, False),
    ),
    (
        {"resourceType": "Condition", "onsetPeriod": {"start": "2018-03", "end": "2018-05"}},
        "from between 2018-03 and 2018-05, end not said",
        (False, False),
    ),
    (
        {"resourceType": "Condition", "onsetDateTime": "2018-01", "abatementPeriod": {"end": "2018-05"}},
        "2018-01 to before 2018-05",
        (False, False),
    ),
]


@pytest.mark.parametrize(("resource", "words", "open_sides"), PERIODS)
def test_a_period_of_what_has_no_duration_has_the_bounds_of_a_moment(
    resource: Resource, words: str, open_sides: tuple[bool, bool]
) -> None:
    event = event_of(resource)

    assert event.start
    assert (words, open_sides) == (event.time_words, (event.start.earliest is None, event.start.latest is None))


def test_an_age_is_a_year_where_the_birth_is_known() -> None:
    event = event_of(
        {"resourceType": "Condition", "code": {"text": "Asthma"}, "onsetAge": span(7, "a")}, birthDate="1990-06-01"
    )

    assert event.start
    assert event.start.earliest
    assert event.start.latest
    assert "from at the age of 7 a, end not said" == event.time_words
    assert 365 <= event.start.latest - event.start.earliest <= 367


OPERATION = {
    "resourceType": "Procedure",
    "id": "op",
    **P,
    "code": {"text": "Operation"},
    "performedDateTime": "2020-01-31",
}
OFFSETS: list[tuple[dict[str, Any], str, tuple[int | None, int | None]]] = [
    (relative("after-start", {"valueDuration": span(2, "wk")}), "2 weeks after Operation", (14, 14)),
    (relative("before-start", {"valueDuration": span(3, "d")}), "3 days before Operation", (-3, -3)),
    (relative("after-start", {"valueRange": {"low": span(0, "d")}}), "after Operation", (0, None)),
    (relative("before-start", {"valueRange": {"low": span(0, "d")}}), "before Operation", (None, 0)),
    (
        relative("after-start", {"valueRange": {"low": span(3, "d"), "high": span(5, "d")}}),
        "3 to 5 days after Operation",
        (3, 5),
    ),
    (relative("before-start", {"valueRange": {"high": span(1, "wk")}}), "at most 1 week before Operation", (-7, 0)),
    (relative("concurrent-with-start", {"valueDuration": span(0, "d")}), "at Operation", (0, 0)),
]


@pytest.mark.parametrize(("extension", "words", "bounds"), OFFSETS)
def test_a_time_that_counts_from_an_event_is_computed_where_there_is_no_date(
    extension: dict[str, Any], words: str, bounds: tuple[int | None, int | None]
) -> None:
    finding = {
        "resourceType": "Observation",
        "id": "o",
        **P,
        "code": {"text": "Fever"},
        "_effectiveDateTime": extension,
    }
    timeline = read(OPERATION, finding)
    operation, fever = (next(each for each in timeline.events if each.name == name) for name in ("Operation", "Fever"))

    assert operation.start
    assert fever.start
    place = operation.start.at
    assert words == fever.time_words
    assert bounds == tuple(
        None if each is None else each - place for each in (fever.start.earliest, fever.start.latest)
    )
    assert "Operation" == timeline.anchor_name


def test_times_that_count_from_one_another_in_a_circle_are_listed_as_having_none() -> None:
    first, second = (
        {
            "resourceType": "Observation",
            "id": key,
            **P,
            "code": {"text": key},
            "_effectiveDateTime": relative("after-start", {"valueDuration": span(1, "d")}, f"Observation/{other}"),
        }
        for key, other in (("a", "b"), ("b", "a"))
    )

    assert ["a", "b"] == [event.name for event in read(first, second).untimed]


def test_a_long_chain_of_times_without_a_date_ends() -> None:
    chain = [
        {
            "resourceType": "Observation",
            "id": f"o{number}",
            **P,
            "code": {"text": "step"},
            "_effectiveDateTime": relative(
                "after-start", {"valueDuration": span(1, "d")}, f"Observation/o{number + 1}"
            ),
        }
        for number in range(60)
    ]
    start = {**chain[0], "id": "o60", "effectiveDateTime": "2020-01-01"}
    timeline = read(*chain, start)

    assert 61 == len(timeline.events) + len(timeline.untimed)
    assert 21 == len(timeline.events)  # what is at most twenty steps from a date has one


@pytest.mark.parametrize(
    "name",
    ["hcc-tare-sorafenib", "pneumonia-h1n1-legionella", "burkitt-lymphoma-cardiotoxicity", "breast-cancer-metastatic"],
)
def test_both_releases_have_the_same_events(name: str) -> None:
    case = load_case(name)
    r4, r5 = (read_timeline(entries_of(build_bundle(case, fhir=release))) for release in ("R4", "R5"))

    def told(timeline: Timeline) -> set[tuple[object, ...]]:
        events = (*timeline.events, *timeline.untimed)
        return {(each.lane, each.name, each.label, each.time_words, each.ongoing, each.resources) for each in events}

    assert told(r4) == told(r5)


@pytest.mark.parametrize(
    "bundle", [*(golden(each.name) for each in sorted(CASES.iterdir())), synthea_like(), many_events(200)]
)
def test_every_resource_is_an_event_or_counted(bundle: Resource) -> None:
    timeline = read_timeline(entries_of(bundle))
    told = {name for event in (*timeline.events, *timeline.untimed) for name in event.resources}
    counted = sum(number for counts in timeline.others.values() for number in counts.values())
    told.discard(timeline.subject)  # the Patient is the frame

    assert len(bundle["entry"]) == len(told) + counted + 1


def test_what_was_entered_in_error_is_counted_and_not_shown() -> None:
    wrong = observation("w", "CRP", "2020-01-01", {"value": 5}, status="entered-in-error")

    assert ((), {"Observation": 1}) == ((timeline := read(wrong)).events, timeline.others["entered in error"])


def test_one_event_of_several_resources_names_all_of_them() -> None:
    timeline = read_timeline(entries_of(golden(SHIPPED)))
    reaction = next(event for event in timeline.events if event.lane == "adverse-events")

    assert (
        "AdverseEvent/hcc-tare-sorafenib-hand-foot-skin-reaction",
        "Condition/hcc-tare-sorafenib-hand-foot-skin-reaction-condition",
        "Observation/hcc-tare-sorafenib-hand-foot-skin-reaction-grade",
    ) == reaction.resources


def test_of_several_patients_one_has_to_be_chosen() -> None:
    bundle = bundle_of([patient(), patient("q"), observation("o", "CRP", "2020-01-01", {"value": 5})])

    with pytest.raises(BundleError, match="these are 2 patients: p, q; choose one by --patient ID"):
        read_timeline(entries_of(bundle))
    with pytest.raises(BundleError, match="there is no Patient/r; there are p, q"):
        read_timeline(entries_of(bundle), "r")
    assert ["CRP"] == [event.name for event in read_timeline(entries_of(bundle), "p").events]
    assert {"resource": 2} == read_timeline(entries_of(bundle), "Patient/q").others["about another patient"]


@pytest.mark.parametrize(
    "reference", ["Patient/p", "urn:uuid:0c1b7a2e-0000-4000-8000-000000000001", "https://a.example/fhir/Patient/p"]
)
def test_a_patient_who_is_not_in_the_bundle_has_a_course_all_the_same(reference: str) -> None:
    result = observation("o", "CRP", "2020-01-01", {"value": 5}, subject={"reference": reference})
    timeline = read_timeline(entries_of(bundle_of([result, {**result, "id": "p"}])))

    assert (2, {}) == (len(timeline.events), timeline.others)


ODD: list[Any] = [
    None,
    1,
    "x",
    [],
    {},
    [None],
    {"coding": 3},
    {"coding": [None, {"code": 7}]},
    True,
    {"start": 5},
    {"repeat": 2},
]


@pytest.mark.parametrize("kind", sorted({resource["resourceType"] for resource, _ in KINDS}))
def test_elements_of_any_form_break_nothing(kind: str) -> None:
    names = re.findall(r"\w+", """
        id status code category event type class medicationCodeableConcept medicationReference dosage quantity severity
        dosageInstruction effectivePeriod performedPeriod onsetAge onsetDateTime period started valueQuantity component
        referenceRange note extension meta subject bodySite partOf basedOn focus resultingCondition imagingStudy
        modality contained collection _effectiveDateTime abatementRange clinicalStatus verificationStatus conclusion
    """)  # fmt: skip
    resources = [
        {"resourceType": kind, "id": f"r{number}", **dict.fromkeys(names, value)} for number, value in enumerate(ODD)
    ]
    resources += [{"resourceType": kind, "id": f"{kind}-{name}", name: value} for name in names for value in ODD[:3]]

    read_timeline(entries_of(bundle_of([{**each, "id": str(number)} for number, each in enumerate(resources)])))

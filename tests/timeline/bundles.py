"""Bundles for the tests of timelines: of the form of Synthea's, of any size, and with texts that mean harm."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import TYPE_CHECKING, Any
from uuid import UUID

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fhir_case.fhir.wire import Resource

HOSTILE = (
    "<script>alert(1)</script>",
    "</svg><img src=x onerror=alert(1)>",
    "]]> --> <!-- &lt;b&gt; & \"quotes\" 'too'",
    "control \x00\x08\x1b[31m \x7f characters",
    "bidi \u202egnirts\u202c \u2066isolated\u2069 \u200bzero width",
    "half of a pair \ud800 and a word " + "a" * 10_000,
    "x" * 10_000,
    "日本語の名前 العربية עברית 🩺",
    "{{ 7 * 7 }} {% raw %} {# #}",
    "line\none\r\ntwo\ttab",
)


_WORDS = ("acute", "chronic", "liver", "tumour", "marker", "of the", "left", "right", "computed", "resection", "ratio")


def bundle_of(resources: Iterable[Resource], kind: str = "collection") -> Resource:
    return {"resourceType": "Bundle", "type": kind, "entry": [{"resource": each} for each in resources]}


def patient(key: str = "p", **more: Any) -> Resource:
    return {"resourceType": "Patient", "id": key, **more}


def observation(
    key: str, name: str, when: str, value: Any = None, *, category: str = "laboratory", **more: Any
) -> Resource:
    found: dict[str, Any] = (
        {"valueQuantity": value} if isinstance(value, dict) else {"valueString": value} if value else {}
    )
    return {
        "resourceType": "Observation",
        "id": key,
        "status": "final",
        "category": [{"coding": [{"code": category}]}],
        "code": {"text": name},
        "subject": {"reference": "Patient/p"},
        "effectiveDateTime": when,
        **found,
        **more,
    }


def many_events(count: int, seed: int = 0) -> Resource:
    """Return a Bundle of so many events of all kinds, with names, values and times at random."""
    random = Random(seed)  # noqa: S311 - not for secrets
    resources: list[Resource] = [patient()]
    for number in range(count):
        name = (
            " ".join(random.choices(_WORDS, k=random.randint(1, 9))) if random.random() < 0.5 else random.choice(_WORDS)
        )
        day = date(2015, 1, 1) + timedelta(days=int(random.triangular(0, 2500, 300)))
        resources.append(_any(random, f"e{number}", name, day))
    return bundle_of(resources)


def _any(random: Random, key: str, name: str, day: date) -> Resource:
    about: Resource = {"id": key, "subject": {"reference": "Patient/p"}, "code": {"text": name}, "status": "completed"}
    when = random.choice([day.isoformat(), f"{day:%Y-%m}", f"{day:%Y}", f"{day}T0{random.randint(0, 9)}:30:00Z"])
    end = (day + timedelta(days=random.randint(0, 400))).isoformat()
    label = " ".join(
        random.choices(
            ["positive", "negative", "present", "seen on the second image", "unchanged"], k=random.randint(1, 5)
        )
    )
    ended = {"end": end} if random.random() < 0.6 else {}
    drug = {"medicationCodeableConcept": {"text": name}, "dosage": [{"text": label}]}
    number = {"value": round(random.lognormvariate(3, 2), 2), "unit": random.choice(["mg/L", "U/L"])}
    kinds: list[Resource] = [
        {"resourceType": "Procedure", **about, "performedDateTime": when},
        {
            "resourceType": "MedicationStatement",
            **about,
            **drug,
            "effectivePeriod": {"start": day.isoformat(), **ended},
        },
        {
            "resourceType": "Encounter",
            **about,
            "type": [{"text": name}],
            "period": {"start": day.isoformat(), "end": end},
        },
        {
            "resourceType": "Condition",
            **about,
            "onsetDateTime": when,
            "clinicalStatus": {"text": random.choice(["active", ""])},
        },
        observation(key, name, when, label, category="exam"),
        {"resourceType": "AdverseEvent", **about, "event": {"text": name}, "date": when, "severity": {"text": label}},
        observation(key, random.choice(_WORDS), when, number),
    ]
    return random.choice(kinds)


def synthea_like(seed: int = 0, years: int = 30) -> Resource:
    """Return a Bundle as Synthea writes it: urn:uuid, times with zones, bills beside each encounter."""
    random = Random(seed)  # noqa: S311 - not for secrets
    entries: list[dict[str, Any]] = []

    def add(resource: Resource) -> str:
        url = f"urn:uuid:{UUID(int=random.getrandbits(128))}"
        entries.append({"fullUrl": url, "resource": {**resource, "id": url.removeprefix("urn:uuid:")}})
        return url

    person = add(
        {
            "resourceType": "Patient",
            "name": [{"given": ["Ana"], "family": "Example"}],
            "gender": "female",
            "birthDate": "1961-04-02",
        }
    )
    about = {"subject": {"reference": person}}
    for year in range(1990, 1990 + years):
        for _ in range(random.randint(1, 2)):
            start = datetime(year, random.randint(1, 12), random.randint(1, 28), 9, 30, tzinfo=UTC)
            _visit(random, add, about, start)
    add(
        {
            "resourceType": "Condition",
            **about,
            "code": {"text": "Hypertension"},
            "onsetDateTime": "1998-03-05T09:30:00-05:00",
            "clinicalStatus": {"coding": [{"code": "active"}]},
        }
    )
    return {"resourceType": "Bundle", "type": "transaction", "entry": entries}


def _visit(random: Random, add: Any, about: dict[str, Any], start: datetime) -> None:
    when, end = start.isoformat(), (start + timedelta(minutes=30)).isoformat()
    kind = random.choice(
        ["General examination of patient (procedure)", "Encounter for problem", "Emergency room admission"]
    )
    visit = add(
        {
            "resourceType": "Encounter",
            **about,
            "status": "finished",
            "class": {"code": "AMB"},
            "type": [{"text": kind}],
            "period": {"start": when, "end": end},
        }
    )
    link = {**about, "encounter": {"reference": visit}}
    for name, low, high, unit in (
        ("Body Weight", 60, 80, "kg"),
        ("Body mass index (BMI)", 22, 29, "kg/m2"),
        ("Glucose", 70, 180, "mg/dL"),
    ):
        category = "laboratory" if name == "Glucose" else "vital-signs"
        value = {"value": round(random.uniform(low, high), 1), "unit": unit}
        add(
            {
                "resourceType": "Observation",
                **link,
                "status": "final",
                "category": [{"coding": [{"code": category}]}],
                "code": {"text": name},
                "effectiveDateTime": when,
                "valueQuantity": value,
                "referenceRange": [{"low": {"value": 70, "unit": "mg/dL"}, "high": {"value": 100, "unit": "mg/dL"}}]
                if name == "Glucose"
                else [],
            }
        )
    add(
        {
            "resourceType": "Observation",
            **link,
            "status": "final",
            "category": [{"coding": [{"code": "vital-signs"}]}],
            "code": {"text": "Blood Pressure"},
            "effectiveDateTime": when,
            "component": [
                {
                    "code": {"text": f"{part} Blood Pressure"},
                    "valueQuantity": {"value": random.randint(*bounds), "unit": "mm[Hg]"},
                }
                for part, bounds in (("Systolic", (110, 150)), ("Diastolic", (65, 95)))
            ],
        }
    )
    if random.random() < 0.4:
        add(
            {
                "resourceType": "Immunization",
                "patient": about["subject"],
                "status": "completed",
                "vaccineCode": {"text": "Influenza, seasonal, injectable, preservative free"},
                "occurrenceDateTime": when,
            }
        )
    if random.random() < 0.3:
        add(
            {
                "resourceType": "MedicationRequest",
                **link,
                "status": random.choice(["active", "stopped"]),
                "intent": "order",
                "medicationCodeableConcept": {"text": "lisinopril 10 MG Oral Tablet"},
                "authoredOn": when,
                "dosageInstruction": [
                    {
                        "timing": {"repeat": {"frequency": 1, "period": 1.0, "periodUnit": "d"}},
                        "doseAndRate": [{"doseQuantity": {"value": 1.0}}],
                    }
                ],
            }
        )
    if random.random() < 0.25:
        add(
            {
                "resourceType": "Condition",
                **link,
                "code": {"text": random.choice(["Viral sinusitis (disorder)", "Acute bronchitis"])},
                "onsetDateTime": when,
                "abatementDateTime": (start + timedelta(days=21)).isoformat(),
            }
        )
        add(
            {
                "resourceType": "Procedure",
                **link,
                "status": "completed",
                "code": {"text": random.choice(["Plain chest X-ray", "Throat culture"])},
                "performedPeriod": {"start": when, "end": end},
            }
        )
    for bill in ("Claim", "ExplanationOfBenefit"):
        add({"resourceType": bill, "patient": about["subject"], "created": when, "status": "active"})

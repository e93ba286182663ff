"""Encounters: stays in hospital with their parts, emergencies, visits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import model_validator
from pydantic_core import PydanticCustomError

from fhir_case.case import Concept, Event, Quantity, Section, When
from fhir_case.case.entry import ConditionKey, EncounterKey, OrganizationKey, PersonKey, PlaceKey
from fhir_case.fhir.datatypes import code_of, quantity, reference
from fhir_case.fhir.systems import DIAGNOSIS_ROLE, SYSTEMS, US_CORE
from fhir_case.mapping import PATIENT, Codes, Mapping, moment_words, period, reference_to, resource
from fhir_case.mapping.narratives import named

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fhir_case.case import Case
    from fhir_case.fhir.wire import Resource

__all__ = ["MAPPING", "Encounter", "encounters"]

_codes = Codes.beside(__name__)

_SETTINGS = {
    "inpatient": ("IMP", "inpatient encounter"),
    "intensive-care": ("ACUTE", "inpatient acute"),
    "emergency": ("EMER", "emergency"),
    "outpatient": ("AMB", "ambulatory"),
    "short-stay": ("SS", "short stay"),
    "observation": ("OBSENC", "observation encounter"),
    "home": ("HH", "home health"),
    "virtual": ("VR", "virtual"),
}
_URGENCY = {"elective": "EL", "routine": "R", "urgent": "UR", "emergency": "EM"}
_DURATIONS = {"min": "min", "h": "h", "d": "d", "day": "d", "days": "d", "wk": "wk", "week": "wk", "weeks": "wk"} | {
    "mo": "mo", "month": "mo", "months": "mo", "hour": "h", "hours": "h"
}  # fmt: skip


class Encounter(Event):
    """
    A stay, a visit or another encounter of the patient with those who treat.

    Args:
        kind: What it was.
        setting: Where care was given; needed where the kind is not of the table, which says it.
        status: ``finished``, unless the report says otherwise.
        at: When it began: the admission.
        until: When it ended: the discharge.
        length: How long it was in min, h, d, wk or mo, where the report says that instead.
        part_of: The stay that it is a part of, as a stay in intensive care is.
        urgency: How urgent it was.
        reasons: The diseases that it was for.
        complaints: Why the patient came, where that is no disease of the case.
        discharge_diagnoses: The diseases that were diagnosed when it ended.
        service: The service that treated.
        location: Where it was.
        organization: The organization that gave the care.
        people: Who treated.
        admitted_from: Where the patient came from.
        discharged_to: Where the patient went.
    """

    kind: Annotated[Concept, _codes.table("encounters")]
    setting: (
        Literal[
            "inpatient", "intensive-care", "emergency", "outpatient", "short-stay", "observation", "home", "virtual"
        ]
        | None
    ) = None
    status: Literal["planned", "in-progress", "finished", "cancelled", "unknown"] = "finished"
    until: When | None = None
    length: Quantity | None = None
    part_of: EncounterKey | None = None
    urgency: Literal["elective", "routine", "urgent", "emergency"] | None = None
    reasons: tuple[ConditionKey, ...] = ()
    complaints: tuple[Annotated[Concept, _codes.table("phenotypes")], ...] = ()
    discharge_diagnoses: tuple[ConditionKey, ...] = ()
    service: Annotated[Concept, _codes.table("specialties")] | None = None
    location: PlaceKey | None = None
    organization: OrganizationKey | None = None
    people: tuple[PersonKey, ...] = ()
    admitted_from: Annotated[Concept, _codes.table("admissions")] | None = None
    discharged_to: Annotated[Concept, _codes.table("discharges")] | None = None

    @model_validator(mode="after")
    def _has_a_setting(self) -> Self:
        if self.setting is None and _codes.find("encounters", self.kind) is None:
            raise PydanticCustomError(
                "setting",
                "a kind of encounter that no table knows needs 'setting': {settings}",
                {"settings": ", ".join(_SETTINGS)},
            )
        if self.length is not None and (self.length.value <= 0 or (self.length.unit or "") not in _DURATIONS):
            raise PydanticCustomError("length", "a length is a number of min, h, d, wk or mo, such as 12 d")
        if self.part_of == self.key:
            raise PydanticCustomError("part_of", "an encounter is no part of itself")
        return self


def encounters(case: Case) -> Iterator[Resource]:
    """
    Map every encounter.

    Reads: each `Encounter`.
    Returns: one Encounter each, profile us-core-encounter.
    Source: https://hl7.org/fhir/us/core/STU6.1/StructureDefinition-us-core-encounter.html
    """
    for stay in case.entries_of(Encounter):
        kind = _codes.concept("encounters", stay.kind, stay)
        complaints = [_codes.concept("phenotypes", one, stay) for one in stay.complaints]
        yield resource(
            "Encounter",
            stay.key,
            stay,
            _words(case, stay, kind["text"]),
            f"Reason: {', '.join(one['text'] for one in complaints)}." if complaints else "",
            profile=US_CORE + "us-core-encounter",
            status=stay.status,
            **{"class": _class(stay)},
            type=[kind],
            serviceType=_codes.concept("specialties", stay.service, stay) if stay.service else None,
            priority=_priority(stay),
            subject=PATIENT,
            participant=[{"individual": reference_to(case, key)} for key in stay.people],
            period=period(case, stay.at, stay.until, stay),
            length=_length(stay),
            reasonCode=complaints,
            reasonReference=[reference("Condition", key) for key in stay.reasons],
            diagnosis=[
                {
                    "condition": reference("Condition", key),
                    "use": code_of(DIAGNOSIS_ROLE, "DD", "Discharge diagnosis"),
                }
                for key in stay.discharge_diagnoses
            ],
            hospitalization=_hospitalization(stay),
            location=[{"location": reference_to(case, stay.location)}] if stay.location else [],
            serviceProvider=reference_to(case, stay.organization) if stay.organization else None,
            partOf=reference_to(case, stay.part_of) if stay.part_of else None,
        )


def _words(case: Case, stay: Encounter, kind: str) -> str:
    until = f" until {moment_words(case, stay.until)}" if stay.until else ""
    length = f", {stay.length}" if stay.length else ""
    ends = [
        f"{said} {_codes.concept(table, one, stay)['text']}"
        for said, table, one in (
            ("Admitted:", "admissions", stay.admitted_from),
            ("Discharged to:", "discharges", stay.discharged_to),
        )
        if one is not None
    ]
    where = [named(key) for key in (stay.location, stay.organization) if key]
    ends += [f"Where: {', '.join(where)}"] if where else []
    ends += [f"Who treated: {', '.join(named(key) for key in stay.people)}"] if stay.people else []
    return f"{kind}: {moment_words(case, stay.at)}{until}{length}." + "".join(f" {one}." for one in ends)


def _class(stay: Encounter) -> dict[str, Any]:
    term = _codes.find("encounters", stay.kind)
    if stay.setting is None and term is not None and (known := term.other_concept("class")) is not None:
        coding: dict[str, Any] = known["coding"][0]
        return coding
    code, display = _SETTINGS[stay.setting or "inpatient"]
    return {"system": SYSTEMS["ACT-CODE"], "code": code, "display": display}


def _priority(stay: Encounter) -> dict[str, Any] | None:
    return code_of(SYSTEMS["ACT-PRIORITY"], _URGENCY[stay.urgency], stay.urgency) if stay.urgency else None


def _length(stay: Encounter) -> dict[str, Any] | None:
    if stay.length is None:
        return None
    return quantity(stay.length.value, stay.length.unit, _DURATIONS[stay.length.unit or ""], stay.length.comparator)


def _hospitalization(stay: Encounter) -> dict[str, Any]:
    ends = {
        "admitSource": stay.admitted_from and _codes.concept("admissions", stay.admitted_from, stay),
        "dischargeDisposition": stay.discharged_to and _codes.concept("discharges", stay.discharged_to, stay),
    }
    return {name: value for name, value in ends.items() if value}


MAPPING = Mapping(
    "encounter",
    encounters,
    "Encounter (US Core): stays and their parts, emergencies, visits",
    sections=(
        Section(
            "encounters",
            Encounter,
            resource="Encounter",
            time="period.start",
            roles=("encounter",),
            example="""\
encounters:
  - key: stay
    kind: hospital-stay  # or intensive-care, emergency-visit, outpatient-visit …, or {text: …} with `setting`
    at: 1 d before operation
    until: 8 d after operation
    reasons: [colon-cancer]
    discharged_to: home
    source: made up
  - {key: intensive-care-stay, kind: intensive-care, part_of: stay, at: operation, length: 2 d, source: made up}
""",
        ),
    ),
)

"""Radiotherapy: courses with volumes, doses and fractions, devices and activities."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from fhir_case.case import Concept, Event, KeyedEntry, Quantity, Section, Site, When
from fhir_case.case.checks import refuse_negative
from fhir_case.case.entry import ConditionKey
from fhir_case.case.forms import Form, Text
from fhir_case.mapping import Codes, Mapping

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fhir_case.case import Case
    from fhir_case.fhir.wire import Resource

__all__ = ["MAPPING", "Device", "Radiotherapy", "Volume", "codes", "radiotherapies"]

codes = Codes.beside(__name__)

Count = Annotated[int, Field(strict=True, ge=1, le=999)]


class Device(Form):
    """
    A product that was used.

    Args:
        name: Its name in the report.
        type: What it is.
        manufacturer: Who makes it.
    """

    name: Text
    type: Annotated[Concept, codes.table("products", suggest=False)]
    manufacturer: Text | None = None


class Volume(KeyedEntry):
    """
    A part of the body that radiation was given to.

    Args:
        site: The place of the body that it is in.
        description: The part in the words of the report, for example a liver segment.
        dose: The dose given to it in all, as printed; Gy and its like become the cGy of mCODE.
        fractions: How many fractions were given to it.
        activity: The radioactivity given to it.
    """

    site: Annotated[Site, codes.table("sites")]
    description: Text
    dose: Quantity | None = None
    fractions: Count | None = None
    activity: Quantity | None = None

    @model_validator(mode="after")
    def _amounts_are_not_negative(self) -> Self:
        refuse_negative(self.dose, "dose", "a dose")
        refuse_negative(self.activity, "activity", "an activity")
        return self


class Radiotherapy(Event):
    """
    A course of radiotherapy; ``at`` is its start.

    Args:
        course: What was done; a code table gives modality and technique.
        volumes: The parts of the body, where the report tells what each was given.
        sites: The parts of the body, where it does not.
        device: The product that was used.
        total_activity: The radioactivity given in all.
        dose: The total dose as printed. With one volume, or one site, it is the dose of that.
        fractions: How many fractions were given in all.
        dose_per_fraction: The dose of one fraction as printed.
        sessions: How many sessions there were.
        dosimetry: How the dose was computed.
        until: The end.
        status: ``completed``, unless the report says otherwise.
        intent: What it was meant to do, such as ``curative`` or ``palliative``.
        stopped_for: Why it ended early, or was not given.
        reasons: The diseases that it was for.
        targets: What it was for, where that is no disease of the case.
    """

    course: Annotated[Concept, codes.table("courses")]
    volumes: tuple[Volume, ...] = ()
    sites: tuple[Annotated[Site, codes.table("sites")], ...] = ()
    device: Device | None = None
    total_activity: Quantity | None = None
    dose: Quantity | None = None
    fractions: Count | None = None
    dose_per_fraction: Quantity | None = None
    sessions: Count | None = None
    dosimetry: Text | None = None
    until: When | None = None
    status: Literal["completed", "in-progress", "stopped", "not-done", "on-hold", "unknown"] = "completed"
    intent: Annotated[Concept, codes.table("intents")] | None = None
    stopped_for: Annotated[Concept, codes.table("reasons")] | None = None
    reasons: tuple[ConditionKey, ...] = ()
    targets: tuple[Concept, ...] = ()

    @model_validator(mode="after")
    def _amounts_are_not_negative(self) -> Self:
        refuse_negative(self.total_activity, "total_activity", "an activity")
        refuse_negative(self.dose, "dose", "a dose")
        refuse_negative(self.dose_per_fraction, "dose_per_fraction", "a dose")
        return self


def radiotherapies(case: Case) -> Iterator[Resource]:
    """
    Map courses of radiotherapy, radioembolisation included.

    mCODE's dose is an absorbed dose in cGy, to a volume: what is printed in Gy is converted, and a course that names no
    volume gets one of each site. Another unit, such as cobalt gray equivalent, is no absorbed dose. What is printed of
    the course stands in Observations too. An activity goes into one MedicationAdministration a volume.

    Reads: each `Radiotherapy`.
    Returns: one Procedure (mcode-radiotherapy-course-summary), one BodyStructure (mcode-radiotherapy-volume) a volume,
    at most one Device, the MedicationAdministrations and Observations of what was given.
    Source: https://hl7.org/fhir/us/mcode/STU4/StructureDefinition-mcode-radiotherapy-course-summary.html
    """
    from fhir_case_mappings.radiotherapy.course import course_resources

    for course in case.entries_of(Radiotherapy):
        yield from course_resources(case, course)


def site_concept(site: Site, entry: KeyedEntry) -> dict[str, Any]:
    """Return a place of the body, with the code of mCODE's list of places for radiotherapy that it lies in."""
    place = codes.site(site, entry)
    term = codes.term("sites", site, entry)
    within = term.other_concept("treatment_site") if term and not site.code else None
    if within is None:
        return place
    return {**place, "coding": [*within["coding"], *place["coding"]]}


MAPPING = Mapping(
    "radiotherapy",
    radiotherapies,
    "Procedure (mCODE radiotherapy course summary) with volumes, activities, dose and device",
    sections=(
        Section(
            "radiotherapies",
            Radiotherapy,
            resource="Procedure",
            time="performedPeriod.start",
            roles=("treatment",),
            parts=(Section("volumes", Volume, resource="BodyStructure"),),
            example="""\
radiotherapies:
  - key: pelvic-radiotherapy
    course: photon-imrt  # or external-beam, proton-beam …, or {text: …}
    volumes:
      - {key: pelvis, site: {text: pelvis}, description: Pelvic lymph nodes, source: made up}
    dose: 50.4 Gy  # as printed; with one volume it is the dose of that
    fractions: 28
    intent: adjuvant
    at: 8 wk after operation
    until: 14 wk after operation
    reasons: [colon-cancer]
    source: made up
""",
        ),
    ),
)

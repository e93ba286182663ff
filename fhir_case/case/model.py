"""
The case: what a written report says about one patient, in the words of the clinic.

Every part is frozen. Every entry has a key (the name by which other entries and the Bundle speak of it), its place in
the report, and the line of the file it came from. The model knows no FHIR and no code table.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from functools import cached_property
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from fhir_case.case.entry import (
    ConditionKey,
    Entry,
    Event,
    EventKey,
    FocusKey,
    ImagingKey,
    KeyedEntry,
    StageKey,
    TreatmentKey,
)
from fhir_case.case.forms import Concept, Day, Form, Key, Quantity, Site, Text, Value, When
from fhir_case.case.timing import Moments

__all__ = [
    "AdverseEvent",
    "Case",
    "Condition",
    "Device",
    "Finding",
    "Imaging",
    "Measurement",
    "Medication",
    "Patient",
    "Procedure",
    "Radiotherapy",
    "Report",
    "Response",
    "Score",
    "Size",
    "Stage",
    "Timeline",
    "Tumour",
    "Volume",
]


class Report(Form):
    """
    Name the publication that the case was taken from.

    Args:
        transcribed: The day on which this file was written from the report.
    """

    citation: Text
    title: Text | None = None
    year: Annotated[int, Field(strict=True, ge=1800, le=2200)] | None = None
    url: Annotated[str, Field(pattern=r"^https?://\S+$")] | None = None
    transcribed: Day


class Timeline(Form):
    """
    Say what the times of the case count from.

    Args:
        anchor: The key of the event that offsets count from.
        index_date: A day that the author of the file declares synthetic: the day of the anchor.
    """

    anchor: EventKey
    index_date: Day

    @model_validator(mode="after")
    def _within_the_calendar(self) -> Self:
        if not 1900 <= self.index_date.year <= 2200:
            raise PydanticCustomError("index_date", "the index date is outside the years 1900 to 2200")
        return self


class Name(Form):
    """A name, where the source gives one or the author made one up for a synthetic patient."""

    family: Text | None = None
    given: tuple[Text, ...] = ()


class Patient(Entry):
    """The patient. The age is the age at ``at``; nothing is computed from it."""

    sex: Literal["male", "female", "other", "unknown"]
    age: Quantity | None = None
    at: When | None = None
    name: Name | None = None
    birth_date: When | None = None

    @model_validator(mode="after")
    def _age_is_possible(self) -> Self:
        if self.age is not None and not 0 <= self.age.value <= 130:
            raise PydanticCustomError("age", "the age is outside 0 to 130 years")
        if self.birth_date is not None and self.birth_date.day is None:
            raise PydanticCustomError("birth_date", "a birth date is a date, of the precision that the report gives")
        return self


class Onset(Form):
    """When a condition began: at an age, at a time, or in words."""

    age: Quantity | None = None
    at: When | None = None
    text: Text | None = None

    @model_validator(mode="after")
    def _holds_one(self) -> Self:
        if sum(part is not None for part in (self.age, self.at, self.text)) != 1:
            raise PydanticCustomError("onset", "an onset is one of age, at, text")
        return self


class Condition(KeyedEntry):
    """
    A disease.

    Args:
        kind: What the disease is to this case.
        of: The cancer that a metastasis or a recurrence belongs to.
        status: The last clinical status that the report gives.
        at: When it was found.
        until: When it was seen to be gone.
        evidence: What the diagnosis rests on.
        stages: The stages that assess it.
    """

    kind: Literal["primary-cancer", "metastasis", "recurrence", "comorbidity"]
    diagnosis: Concept
    of: ConditionKey | None = None
    sites: tuple[Site, ...] = ()
    status: Literal["active", "recurrence", "relapse", "inactive", "remission", "resolved"]
    verification: Literal["confirmed", "provisional", "differential", "unconfirmed"]
    onset: Onset | None = None
    at: When | None = None
    until: When | None = None
    evidence: tuple[Concept, ...] = ()
    stages: tuple[StageKey, ...] = ()

    @model_validator(mode="after")
    def _belongs_to_a_cancer(self) -> Self:
        if self.kind in {"metastasis", "recurrence"} and self.of is None:
            raise PydanticCustomError("of", "a {kind} needs 'of': the key of the cancer", {"kind": self.kind})
        if self.until is not None and self.status not in {"inactive", "remission", "resolved"}:
            raise PydanticCustomError("until", "a condition that ended is inactive, in remission or resolved")
        return self


class Measurement(Event):
    """A laboratory test or a tumour marker with its result."""

    test: Concept
    value: Value
    interpretation: Literal["normal", "high", "low"] | None = None

    @model_validator(mode="after")
    def _is_not_negative(self) -> Self:
        _refuse_negative(self.value.quantity, "value", "a measured amount")
        return self


class Score(Event):
    """A clinical score."""

    score: Concept
    value: Value


class Stage(Event):
    """
    A stage or one category of a stage.

    Args:
        staging: What is staged: a stage group, a T, N or M category, another system.
        of: The cancer that is staged.
        method: The staging system with its edition or modification as printed.
        members: The categories that a stage group is made of.
    """

    staging: Concept
    value: Concept
    of: ConditionKey
    method: Concept | None = None
    members: tuple[StageKey, ...] = ()


class Size(Event):
    """The longest dimension of a tumour."""

    value: Quantity
    method: Concept | None = None
    imaging: ImagingKey | None = None

    @model_validator(mode="after")
    def _is_a_length(self) -> Self:
        if self.value.unit not in {"mm", "cm"} or self.value.value <= 0:
            raise PydanticCustomError("value", "a size is more than nothing and in mm or cm")
        return self


class Tumour(KeyedEntry):
    """One tumour that is followed over time."""

    of: ConditionKey
    site: Site
    description: Text
    sizes: tuple[Size, ...] = ()


class Finding(Event):
    """
    One thing that was looked for or asked, and what was found.

    Args:
        category: The kind of examination.
        of: The condition or the tumour that it tells about.
        imaging: The study that shows it.
        follows: The treatment after which it was looked for.
    """

    finding: Concept
    value: Value
    category: Literal["imaging", "exam", "social-history", "survey", "therapy", "procedure"]
    site: Site | None = None
    of: FocusKey | None = None
    imaging: ImagingKey | None = None
    follows: TreatmentKey | None = None


class Imaging(Event):
    """
    One imaging study.

    Args:
        modalities: Short names of modalities, for example ``ct``.
        conclusion: What the report says it showed, in words of one's own; absent when it only says that it was done.
        performer: Who did it, where the report says so.
    """

    study: Concept
    modalities: Annotated[tuple[Concept, ...], Field(min_length=1)]
    conclusion: Text | None = None
    performer: Text | None = None


class Device(Form):
    """A product that was used."""

    name: Text
    type: Concept
    manufacturer: Text | None = None


class Volume(KeyedEntry):
    """
    A part of the body that radiation was given to.

    Args:
        description: The part in the words of the report, for example a liver segment.
        activity: The radioactivity given to it.
    """

    site: Site
    description: Text
    activity: Quantity | None = None

    @model_validator(mode="after")
    def _activity_is_not_negative(self) -> Self:
        _refuse_negative(self.activity, "activity", "an activity")
        return self


class Radiotherapy(Event):
    """
    A course of radiotherapy; ``at`` is its start.

    Args:
        course: What was done; a code table gives modality and technique.
        total_activity: The radioactivity given in all.
        dose: The dose as printed.
        dosimetry: How the dose was computed.
    """

    course: Concept
    volumes: tuple[Volume, ...] = ()
    device: Device | None = None
    total_activity: Quantity | None = None
    dose: Quantity | None = None
    dosimetry: Text | None = None
    reasons: tuple[ConditionKey, ...] = ()

    @model_validator(mode="after")
    def _amounts_are_not_negative(self) -> Self:
        _refuse_negative(self.total_activity, "total_activity", "an activity")
        _refuse_negative(self.dose, "dose", "a dose")
        return self


class Procedure(Event):
    """A procedure that is not radiotherapy."""

    procedure: Concept
    sites: tuple[Site, ...] = ()
    reasons: tuple[ConditionKey, ...] = ()


class Medication(KeyedEntry):
    """
    One regimen of one drug; a changed dose is a regimen of its own.

    Args:
        frequency: A short name such as ``twice-daily``; absent when the report does not say.
        at: The start, absent when the report does not say.
        until: The end of this regimen.
        status: The last status that the report gives.
        stopped_for: Why this regimen ended.
    """

    drug: Concept
    dose: Quantity | None = None
    frequency: Concept | None = None
    at: When | None = None
    until: When | None = None
    status: Literal["active", "completed", "stopped", "on-hold", "unknown"]
    stopped_for: Concept | None = None
    reasons: tuple[ConditionKey, ...] = ()

    @model_validator(mode="after")
    def _dose_is_positive(self) -> Self:
        if self.dose is not None and self.dose.value <= 0:
            raise PydanticCustomError("dose", "a dose is more than nothing")
        return self


class AdverseEvent(Event):
    """
    An adverse event.

    Args:
        grade: The grade as printed, 1 to 5.
        suspects: The treatments that are suspected.
        outcome: What came of it, as the report says.
    """

    event: Concept
    grade: Annotated[int, Field(strict=True, ge=1, le=5)] | None = None
    suspects: tuple[TreatmentKey, ...] = ()
    outcome: Concept | None = None


class Response(Event):
    """
    How the cancer answered to treatment.

    Args:
        response: The answer by the criteria.
        criteria: The response criteria as printed.
        basis: What it was judged by.
        since: The begin of a time through which the answer held; ``at`` is then its end.
        imaging: The studies that it was judged by.
    """

    response: Concept
    of: ConditionKey
    criteria: Concept | None = None
    basis: Annotated[tuple[Concept, ...], Field(min_length=1)]
    since: When | None = None
    imaging: tuple[ImagingKey, ...] = ()


def _refuse_negative(
    amount: Quantity | None, field: Literal["activity", "dose", "total_activity", "value"], what: str
) -> None:
    # The type of an error about a whole entry names the field to look at: the reader gives the place of that field.
    if amount is not None and amount.value < Decimal(0):
        raise PydanticCustomError(field, "{what} is not negative", {"what": what})


class Case(Form):
    """One clinical case. Sections may be absent; their order in the file does not matter."""

    case: Key
    title: Text
    report: Report
    timeline: Timeline
    patient: Patient
    conditions: tuple[Condition, ...] = ()
    laboratory: tuple[Measurement, ...] = ()
    tumour_markers: tuple[Measurement, ...] = ()
    scores: tuple[Score, ...] = ()
    stages: tuple[Stage, ...] = ()
    tumours: tuple[Tumour, ...] = ()
    findings: tuple[Finding, ...] = ()
    imaging: tuple[Imaging, ...] = ()
    radiotherapies: tuple[Radiotherapy, ...] = ()
    procedures: tuple[Procedure, ...] = ()
    medications: tuple[Medication, ...] = ()
    adverse_events: tuple[AdverseEvent, ...] = ()
    responses: tuple[Response, ...] = ()

    @cached_property
    def moments(self) -> Moments:
        """Return the days of the case, computed from its anchor."""
        return Moments(self)

    def moved_to(self, index_date: date) -> Self:
        """Return the same case with another day of its anchor; all computed days move with it."""
        timeline = Timeline(anchor=self.timeline.anchor, index_date=index_date)
        return type(self).model_construct(
            **{**{name: getattr(self, name) for name in type(self).model_fields}, "timeline": timeline}
        )

    def entries(self) -> Iterator[tuple[str, KeyedEntry]]:
        """Return every entry that has a key, with the name of its section; parts of an entry follow it."""
        for section in SECTIONS:
            for entry in getattr(self, section):
                yield section, entry
                if isinstance(entry, Tumour):
                    yield from (("sizes", size) for size in entry.sizes)
                if isinstance(entry, Radiotherapy):
                    yield from (("volumes", volume) for volume in entry.volumes)


SECTIONS = tuple(name for name in Case.model_fields if name not in {"case", "title", "report", "timeline", "patient"})

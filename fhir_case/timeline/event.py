"""What a timeline shows: events, each in a lane, what has no time, and what is no event."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fhir_case.timeline.moment import Moment

__all__ = ["LANES", "Dose", "Event", "Lane", "Timeline", "Value"]

Lane = Literal[
    "procedures",
    "medications",
    "responses",
    "adverse-events",
    "tumour-markers",
    "conditions",
    "encounters",
    "imaging",
    "laboratory",
    "vital-signs",
    "findings",
    "other",
]

LANES: Mapping[Lane, str] = {
    "procedures": "Procedures",
    "medications": "Medications and regimens",
    "responses": "Responses",
    "adverse-events": "Adverse events",
    "tumour-markers": "Tumour markers",
    "conditions": "Conditions",
    "encounters": "Encounters",
    "imaging": "Imaging",
    "laboratory": "Laboratory",
    "vital-signs": "Vital signs",
    "findings": "Findings and scores",
    "other": "Other",
}
"""The lanes from the top down, each with its heading."""


@dataclass(frozen=True, slots=True)
class Value:
    """
    A measured number.

    Args:
        number: The number, as exact as a float is.
        unit: Its unit as the source writes it; empty without one.
        comparator: ``<``, ``<=``, ``>``, ``>=``, or empty.
        low: The lower bound of the reference range; None without one.
        high: The upper bound.
    """

    number: float
    unit: str = ""
    comparator: str = ""
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class Dose:
    """How much of a drug is given in a day, for the steps of its bar."""

    amount: float
    unit: str


@dataclass(frozen=True, slots=True)
class Event:
    """
    Something that happened, or was found.

    Args:
        lane: The lane that it is in.
        name: What it is; events of one name share a row.
        label: What is written at its mark, such as a dose, a value, a grade; may be empty.
        start: When it was, or began; None: nobody says.
        end: When it ended; None for what has no duration, and where nobody says.
        lasts: Whether it has a duration, known or not.
        ongoing: Whether it goes on at the end of the record.
        value: The number that was measured.
        dose: The dose per day.
        details: What else there is to say, each a sentence or a few words.
        resources: The resources that tell of it, as ``Type/id``, the first of them most.
        untimed: Why it has no time, in a few words; empty where it has one.
        kind: What decides its shape, such as ``complete response``; empty leaves that to the name.
    """

    lane: Lane
    name: str
    label: str = ""
    start: Moment | None = None
    end: Moment | None = None
    lasts: bool = False
    ongoing: bool = False
    value: Value | None = None
    dose: Dose | None = None
    details: tuple[str, ...] = ()
    resources: tuple[str, ...] = ()
    untimed: str = ""
    kind: str = ""

    @property
    def time_words(self) -> str:
        """Return when it was, in words."""
        if self.start is None and self.end is None:
            return f"no time: {self.untimed}" if self.untimed else "no time"
        words = self.start.words if self.start else "start not said"
        if self.end is not None:
            return f"{words} to {self.end.words}"
        if self.ongoing:
            return f"from {words}, ongoing"
        return f"from {words}, end not said" if self.lasts else words

    @property
    def words(self) -> str:
        """Return the whole of it in one line."""
        return f"{self.name}: {self.label}" if self.label else self.name


@dataclass(frozen=True, slots=True)
class Timeline:
    """
    The course of one patient, as FHIR tells it.

    Args:
        subject: The patient as ``Type/id``; empty where the input has none.
        patient: What is said of the patient in a few words.
        events: What has a time, in its order.
        untimed: What has none.
        anchor: The event that the source counts from; None where it gives dates only.
        anchor_name: What that is.
        others: How many resources of each type are no events of a course, or are not shown, by the reason.
    """

    subject: str = ""
    patient: str = ""
    events: tuple[Event, ...] = ()
    untimed: tuple[Event, ...] = ()
    anchor: Moment | None = None
    anchor_name: str = ""
    others: Mapping[str, Mapping[str, int]] = field(default_factory=dict)

    def of(self, lane: Lane) -> tuple[Event, ...]:
        """Return the events of a lane that have a time."""
        return tuple(event for event in self.events if event.lane == lane)

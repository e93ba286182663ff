"""A drug that was taken, in one dose, and what its regimen and its words say of it."""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Any, Self

from pydantic import model_validator
from pydantic_core import PydanticCustomError

from fhir_case.case import Concept, Quantity, When
from fhir_case.case.entry import key_of
from fhir_case.case.forms import Key, Text
from fhir_case.mapping import moment_words, period
from fhir_case.mapping.concepts import InTable
from fhir_case_mappings.medication.dosing import (
    Given,
    Line,
    Status,
    after,
    codes,
    dose_and_rate,
    given_words,
    timing,
)
from fhir_case_mappings.medication.frequency import Frequency
from fhir_case_mappings.medication.schedule import DAYS_OF

if TYPE_CHECKING:
    from fhir_case.case import Case
    from fhir_case_mappings.medication.regimens import Regimen
    from fhir_case_mappings.medication.schedule import Schedule

__all__ = ["STATUS_WORDS", "Dosing", "Medication"]

STATUS_WORDS = {
    "active": "still taken",
    "completed": "completed",
    "stopped": "stopped",
    "on-hold": "on hold",
    "intended": "intended",
    "not-taken": "not taken",
    "unknown": "whether it is still taken is not stated",
}


def _as_it_is(frequency: Frequency) -> Frequency:
    return frequency  # a prescription need not be in the table


class Medication(Given):
    """
    One drug in one dose; a changed dose is an entry of its own.

    Args:
        drug: The drug.
        frequency: How often, as printed: ``3/d``, ``every 8 h``, ``days 1, 8, 15 of 28``, ``once``, ``weekly``, or a
            short name such as ``twice-daily``; absent when the report does not say.
        at: The start, absent when the report does not say.
        until: The end of this dose.
        duration: How long it was taken, in place of the end: ``5 d``, ``6 mo``; ``for`` says the same.
        status: The last status that the report gives.
        line: The line of therapy, for a drug that is not part of a regimen.
        replaces: The entry with the dose before this one.
        category: In what way the source knows of it, such as a prescription.
        cumulative_dose: What was given in all.
    """

    drug: Annotated[Concept, codes.table("drugs", suggest=False)]
    frequency: Annotated[Frequency, InTable(_as_it_is, "frequencies")] | None = None
    at: When | None = None
    until: When | None = None
    duration: Quantity | None = None
    status: Status
    line: Line | None = None
    replaces: Annotated[Key, key_of("medication")] | None = None
    category: Text | None = None
    cumulative_dose: Quantity | None = None

    @model_validator(mode="before")
    @classmethod
    def _for_some_time(cls, data: Any) -> Any:
        if not isinstance(data, dict) or "for" not in data or "duration" in data:
            return data
        renamed = copy(data)
        renamed["duration"] = renamed.pop("for")
        return renamed

    @model_validator(mode="after")
    def _ends_once(self) -> Self:
        if self.duration is not None and (self.until is not None or self.duration.value <= 0):
            raise PydanticCustomError("duration", "the end is told by 'until' or by a 'duration' above 0, one of them")
        if self.duration is not None:
            after(self.key, self.duration)
        return self

    @model_validator(mode="after")
    def _belongs_to_one(self) -> Self:
        if self.line is not None and self.regimen is not None:
            raise PydanticCustomError("line", "the line is that of the regimen; write it there")
        return self

    @model_validator(mode="after")
    def _dose_is_for_one_time(self) -> Self:
        unit = self.dose.per_time if self.dose else ""
        schedule = self.frequency.schedule if self.frequency else None
        if unit in DAYS_OF and schedule is not None and DAYS_OF[unit] >= 1 and schedule.most * DAYS_OF[unit] > 1:
            raise PydanticCustomError(
                "dose",
                "'{given}' is for a time in which it is given more than once ({words}): is it the sum, or each dose? "
                "Write what is given at a time, without the time in the unit, or leave the frequency out",
                {"given": str(self.dose), "words": schedule.words},
            )
        return self


@dataclass(frozen=True)
class Dosing:
    """A medication, and the regimen that it is part of."""

    case: Case
    medication: Medication
    regimen: Regimen | None

    @cached_property
    def schedule(self) -> Schedule | None:
        """Return what is understood of the frequency."""
        schedule = self.medication.frequency.schedule if self.medication.frequency else None
        days = self.regimen.days if self.regimen else 0
        return schedule.of_cycle(days) if schedule is not None and days else schedule

    @cached_property
    def frequency(self) -> str:
        """Return the frequency in words."""
        given = self.medication.frequency
        if given is None:
            return ""
        term = codes.find("frequencies", given)
        if term is not None:
            return given.text or term.text
        return self.schedule.words if self.schedule else given.text or given.code[0].display or given.code[0].code

    @cached_property
    def taken(self) -> str:
        """Return in words what was given and how often."""
        return given_words(self.medication, self.frequency)

    @cached_property
    def drug(self) -> dict[str, Any]:
        """Return the drug as CodeableConcept."""
        return codes.concept("drugs", self.medication.drug, self.medication)

    @cached_property
    def reason_of_end(self) -> dict[str, Any] | None:
        """Return why it ended."""
        given = self.medication.stopped_for
        return codes.concept("reasons", given, self.medication) if given else None

    @cached_property
    def reasons(self) -> tuple[str, ...]:
        """Return the keys of the conditions that it is for."""
        return self.medication.reasons or (self.regimen.reasons if self.regimen else ())

    @cached_property
    def times(self) -> tuple[When | None, When | None]:
        """Return begin and end, those of the regimen where it has no begin of its own."""
        at, until, lasting = self.medication.at, self.medication.until, self.medication.duration
        begun = self.medication.key if at is not None else self.regimen.key if self.regimen and self.regimen.at else ""
        if lasting is not None and begun:
            until = after(begun, lasting)
        if at is None and self.regimen is not None:
            return self.regimen.at, until or self.regimen.until
        return at, until

    @cached_property
    def period(self) -> dict[str, Any]:
        """Return the Period; what was given once ends when it began."""
        at, until = self.times
        when = period(self.case, at, until, self.medication)
        repeat = self.schedule.repeat if self.schedule else {}
        if until is None and repeat.get("count") == 1 and "frequency" not in repeat:
            when |= {name.replace("start", "end"): value for name, value in when.items()}
        return when

    @property
    def _lasting(self) -> dict[str, Any]:
        """Return how long it was taken, where no begin is known from which that could be counted."""
        lasting = self.medication.duration
        return codes.quantity(lasting) if lasting is not None and self.times[0] is None else {}

    def dosage(self, bounds: dict[str, Any]) -> list[dict[str, Any]]:
        """Return the Dosage, with the period in which it is planned where this belongs here."""
        medication, frequency = self.medication, self.medication.frequency
        own = codes.concept("frequencies", frequency, medication)["coding"] if frequency and frequency.code else ()
        amounts = dose_and_rate(medication)
        parts = {
            "text": self.taken,
            "timing": timing(medication, self.schedule, self.frequency, bounds or self._lasting, own),
            "asNeededBoolean": bool(self.schedule and self.schedule.as_needed),
            "site": codes.site(medication.site, medication) if medication.site else None,
            "route": codes.concept("routes", medication.route, medication) if medication.route else None,
            "doseAndRate": [amounts] if amounts else [],
        }
        dosage = {name: value for name, value in parts.items() if value}
        return [dosage] if dosage else []

    @property
    def sentence(self) -> str:
        """Return in a sentence what was given and what became of it."""
        said = f"{self.drug['text']} {self.taken}".strip()
        reason = f" ({self.reason_of_end['text']})" if self.reason_of_end else ""
        return f"{said[:1].upper()}{said[1:]}; {STATUS_WORDS[self.medication.status]}{reason}."

    @property
    def time_words(self) -> str:
        """Return begin and end in words."""
        started, ended = (moment_words(self.case, one) for one in self.times)
        if not (started or ended):
            return "The report says neither when it began nor when it ended."
        return f"Begin: {started or 'not stated'}. End: {ended or 'not stated'}."

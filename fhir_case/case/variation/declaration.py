"""
What a file declares about how an entry varies, as it is written.

::

    vary:
      probability: 0.6                                # the entry is there in six of ten patients
      with: local-recurrence                          # and only where that one is
      value: 2-5 g/dL                                 # any number of the range is as likely
      at: {distribution: triangular, range: 13-36 mo, mode: 19 mo}
      dose: {of: other-entry.dose, factor: 0.5-1, range: 100-400 mg}  # a share of another, cut off
      status: {choice: [completed, {value: stopped, probability: 0.2}]}
      conclusion: {text: "{liver-mass-size.value} mass in segment 5/8."}
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from decimal import Decimal

    from fhir_case.case.node import Place, Problem
    from fhir_case.case.variation.distribution import Distribution

__all__ = ["DATE", "Choice", "Declared", "Draw", "Numbers", "Presence", "Share", "Variation", "Words"]

DATE = "date"
"""The unit of a range of dates, whose numbers are those of `datetime.date.toordinal`."""


@dataclass(frozen=True, slots=True)
class Numbers:
    """
    A number is drawn.

    Args:
        distribution: Of which.
        unit: Its unit as written; None where there is none, `DATE` for days.
        digits: The decimal places that are declared; None for those of the value that the file has.
    """

    distribution: Distribution
    unit: str | None = None
    digits: int | None = None


@dataclass(frozen=True, slots=True)
class Choice:
    """
    One of several values is drawn, as the file could have them; None leaves the field out.

    Args:
        values: The values.
        weights: The probability of each.
        places: Where each is written.
    """

    values: tuple[Any, ...]
    weights: tuple[Decimal, ...]
    places: tuple[Place, ...]


@dataclass(frozen=True, slots=True)
class Share:
    """
    The number of another field, or a multiple of it.

    Args:
        of: That field, ``KEY.FIELD``.
        factor: What it is multiplied with.
        within: The range that it is cut off at.
        digits: The decimal places that are declared; None for those of the value that the file has.
    """

    of: str
    factor: Numbers | None = None
    within: Numbers | None = None
    digits: int | None = None


@dataclass(frozen=True, slots=True)
class Words:
    """A text with what was drawn in its braces: ``{KEY.FIELD}``."""

    text: str


Draw = Numbers | Choice | Share | Words


@dataclass(frozen=True, slots=True)
class Variation:
    """
    How one field of an entry varies.

    Args:
        entry: The key of the entry, or the name of a section that is one mapping.
        field: The field, with those inside of it after points: ``onset.age``.
        draw: What is drawn.
        place: Where it is declared.
        without: The key of an entry: only a patient who has not that one varies.
        apart: Whether a time varies alone: not with others that are written alike, and in whatever order to them.
    """

    entry: str
    field: str
    draw: Draw
    place: Place
    without: str = ""
    apart: bool = False

    @property
    def name(self) -> str:
        """Return the name of what is drawn: ``KEY.FIELD``."""
        return f"{self.entry}.{self.field}"


@dataclass(frozen=True, slots=True)
class Presence:
    """
    In which patients an entry is.

    Args:
        entry: Its key.
        probability: How likely it is in a patient who has all that it depends on.
        together: The keys of entries without which it is not there either.
        place: Where it is declared.
    """

    entry: str
    probability: Decimal
    together: tuple[str, ...]
    place: Place


@dataclass(slots=True)
class Declared:
    """All that a file declares, and what is wrong with it."""

    variations: list[Variation] = field(default_factory=list)
    presences: list[Presence] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.variations or self.presences or self.problems)

    def add(self, other: Declared) -> None:
        """Add what another file declares."""
        self.variations += other.variations
        self.presences += other.presences
        self.problems += other.problems

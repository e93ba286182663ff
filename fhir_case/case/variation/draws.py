"""The uniform numbers that a patient is drawn from: those of a seed, and those that lead to the ends of all ranges."""

from __future__ import annotations

from decimal import Decimal
from functools import partial
from hashlib import sha256
from typing import TYPE_CHECKING, NamedTuple

from fhir_case.case.variation.declaration import Choice

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from fhir_case.case.variation.declaration import Presence, Variation

__all__ = ["Corner", "chosen", "corners", "is_left_out", "uniform_numbers"]

_HIGHEST = 1 - 2**-53


def uniform_numbers(seed: int, number: int) -> Callable[[str], float]:
    """
    Return what gives the number from 0 to 1, without 1, for the name of what is drawn for one patient.

    It depends on nothing else: not on other patients, nor on what else is declared.

    Args:
        seed: That of the cohort.
        number: That of the patient in it.
    """
    own = sha256(f"{seed}/{number}".encode()).digest()  # the seed of the patient

    def uniform(name: str) -> float:
        return (int.from_bytes(sha256(own + name.encode()).digest()[:8]) >> 11) / (1 << 53)

    return uniform


class Corner(NamedTuple):
    """A patient in whom all is at an end of what is declared: in words, and by the numbers that make it."""

    words: str
    uniform: Callable[[str], float]


def corners(variations: Iterable[Variation], presences: Iterable[Presence]) -> Iterator[Corner]:
    """Return the patients at the ends of what is declared; what holds for these holds for those between them."""
    yield Corner("all numbers at the low end of their ranges", partial(_ends, numbers=0.0, presences=0.0))
    yield Corner("all numbers at the high end of their ranges", partial(_ends, numbers=_HIGHEST, presences=0.0))
    choices = {one.name: one.draw for one in variations if isinstance(one.draw, Choice)}
    for position in range(max((len(one.values) for one in choices.values()), default=0)):
        starts = {name: _start(one, position) for name, one in choices.items()}
        yield Corner(f"choice {position + 1} of each field", partial(_given, starts))
    optional = [one.entry for one in presences if one.probability < 1]
    for entry in optional:
        yield Corner(f"without {entry}", partial(_given, {entry: _HIGHEST}))
    if len(optional) > 1:
        yield Corner("without all entries that may be left out", partial(_ends, numbers=0.0, presences=_HIGHEST))


def _ends(name: str, *, numbers: float, presences: float) -> float:
    return numbers if "." in name else presences  # an entry is drawn by its key, a field by KEY.FIELD


def _given(numbers: Mapping[str, float], name: str) -> float:
    return numbers.get(name, 0.0)


def _start(choice: Choice, position: int) -> float:
    """Return a number that draws the value at a position, or the last one."""
    last = min(position, len(choice.values) - 1)
    return float(sum(choice.weights[:last], Decimal(0)) + choice.weights[last] / 2)


def is_left_out(presence: Presence, uniform: Callable[[str], float]) -> bool:
    """Whether an entry is not there in a patient."""
    return Decimal(repr(uniform(presence.entry))) >= presence.probability


def chosen(choice: Choice, uniform: float) -> int:
    """Return the position of the value that a number draws."""
    drawn, reached = Decimal(repr(uniform)), Decimal(0)
    for position, weight in enumerate(choice.weights):
        reached += weight
        if drawn < reached:
            return position
    return max(position for position, weight in enumerate(choice.weights) if weight)

"""
Distributions of numbers, each cut off at the ends of its range.

A number is the quantile of one uniform number from 0 to 1, so that a patient takes exactly one for each variable and
the same numbers give the same patient on every machine.

Source: https://docs.python.org/3/library/statistics.html#normaldist-objects
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from decimal import Decimal
from statistics import NormalDist
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["PARAMETERS", "Distribution"]

PARAMETERS: dict[str, tuple[str, ...]] = {
    "uniform": (),
    "log-uniform": (),
    "normal": ("mean", "sd"),
    "lognormal": ("median", "sigma"),
    "triangular": ("mode",),
    "exponential": ("mean",),
}
"""The distributions, each with what it needs beside its range."""

_BEGINS = {"log-uniform": (True, False), "lognormal": (True, False), "exponential": (False, True)}
_LEAST_MASS = 1e-9
_POSITIVE = ("sd", "sigma", "median")


@dataclass(frozen=True, slots=True)
class Distribution:
    """
    A distribution of one number.

    Args:
        name: One of `PARAMETERS`.
        low: The least number.
        high: The greatest number.
        parameters: Those of the distribution, in their order.
        digits: How many decimal places a number has.
    """

    name: str
    low: Decimal
    high: Decimal
    parameters: tuple[Decimal, ...] = ()
    digits: int = 0

    def problem(self) -> str:
        """Return why no number can be drawn; empty when one can."""
        if self.low > self.high:
            return f"the range begins above its end: {self.low:f} to {self.high:f}"
        for name, value in zip(PARAMETERS[self.name], self.parameters, strict=True):
            if (name in _POSITIVE or self.name == "exponential") and value <= 0:
                return f"the {name} of a {self.name} distribution is more than 0, not {value:f}"
            if name == "mode" and not self.low <= value <= self.high:
                return f"the mode {value:f} is outside the range {self.low:f} to {self.high:f}"
        above, or_at = _BEGINS.get(self.name, (False, False))
        if (above and self.low <= 0) or (or_at and self.low < 0):
            begins = "above" if above else "at or above"
            return f"the range of a {self.name} distribution begins {begins} 0, not at {self.low:f}"
        if self.low < self.high and self._mass() < _LEAST_MASS:
            return f"a {self.name} distribution has next to nothing between {self.low:f} and {self.high:f}"
        return ""

    def quantile(self, uniform: float) -> Decimal:
        """Return the number below which that part of the distribution lies."""
        number = Decimal(repr(self._quantile(uniform))) if self.low < self.high else self.low
        step = Decimal(1).scaleb(-self.digits)
        return min(max(number.quantize(step), self.low.quantize(step)), self.high.quantize(step))

    def _mass(self) -> float:
        below = self._below()
        return 1.0 if below is None else below(float(self.high)) - below(float(self.low))

    def _below(self) -> Callable[[float], float] | None:
        """Return what says how much of the distribution without its range lies below a number."""
        first, second = (*map(float, self.parameters), 0.0, 0.0)[:2]
        if self.name == "normal":
            return NormalDist(first, second).cdf
        if self.name == "lognormal":
            logarithms = NormalDist(math.log(first), second)
            return lambda number: logarithms.cdf(math.log(number))
        if self.name == "exponential":
            return lambda number: -math.expm1(-number / first)
        return None

    def _quantile(self, uniform: float) -> float:
        low, high = float(self.low), float(self.high)
        if self.name == "uniform":
            return low + uniform * (high - low)
        if self.name == "log-uniform":
            return math.exp(math.log(low) + uniform * (math.log(high) - math.log(low)))
        if self.name == "triangular":
            return _triangular(low, high, float(self.parameters[0]), uniform)
        below = self._below()
        assert below is not None  # noqa: S101 - the other distributions have one
        part = below(low) + uniform * (below(high) - below(low))
        part = min(max(part, 1e-15), 1 - 1e-15)
        first, second = (*map(float, self.parameters), 0.0)[:2]
        if self.name == "normal":
            return NormalDist(first, second).inv_cdf(part)
        if self.name == "lognormal":
            return math.exp(NormalDist(math.log(first), second).inv_cdf(part))
        return -first * math.log1p(-part)


def _triangular(low: float, high: float, mode: float, uniform: float) -> float:
    if uniform * (high - low) <= mode - low:
        return low + math.sqrt(uniform * (high - low) * (mode - low))
    return high - math.sqrt((1 - uniform) * (high - low) * (high - mode))

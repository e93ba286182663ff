"""The page that holds synthetic patients against real ones, with the grade of each figure."""

from __future__ import annotations

import math
import statistics
from bisect import bisect_right
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.cohort.patients import CASE, TREATMENTS
from fhir_case.case.shipped import shipped_variation

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.cohort.patients import Patient

__all__ = ["distance", "evidence", "fingerprint", "without_recurrence"]

_TEMPLATE = Path(__file__).with_name("page.md")


def fingerprint() -> str:
    """Return what tells whether the declarations of the shipped case are those of the page."""
    return sha256(shipped_variation(CASE)).hexdigest()[:16]


def distance(one: Sequence[float], other: Sequence[float]) -> float:
    """Return the largest difference of two cumulative distributions, from 0 to 1 (Kolmogorov and Smirnov)."""
    first, second = sorted(one), sorted(other)
    points = (*first, *second)
    return max(abs(bisect_right(first, x) / len(first) - bisect_right(second, x) / len(second)) for x in points)


def without_recurrence(patients: Sequence[Patient], month: float) -> float:
    """Return the share without a recurrence at a month, by Kaplan and Meier; who is not seen any more is censored."""
    times = [(one.recurred, True) if one.recurred is not None else (one.followed, False) for one in patients]
    known = [(time, again) for time, again in times if time is not None]
    share = 1.0
    for end in sorted({time for time, again in known if again and time <= month}):
        at_risk = sum(time >= end for time, _ in known)
        share *= 1 - sum(again and time == end for time, again in known) / at_risk
    return share


def evidence(synthetic: Sequence[Patient], real: Sequence[Patient], seed: int) -> str:
    """Return the page."""
    half = (len(real) + 1) // 2
    first, second = real[:half], real[half:]
    with_day = [one for one in real if not one.recurred_unknown]
    sections = _calibrated(synthetic, first, second), _declared(synthetic, real), _recurrence(synthetic, real, with_day)
    return _TEMPLATE.read_text(encoding="utf-8").format(
        patients=len(synthetic), seed=seed, real=len(real), first=len(first), second=len(second),
        fingerprint=fingerprint(), calibrated=sections[0], declared=sections[1], recurrence=sections[2],
    )  # fmt: skip


def _calibrated(synthetic: Sequence[Patient], first: Sequence[Patient], second: Sequence[Patient]) -> str:
    groups = (synthetic, first, second)
    ages = [[one.age for one in group if one.age is not None] for group in groups]
    markers = [[one.afp for one in group if one.afp] for group in groups]
    logs = [[math.log(value) for value in group] for group in markers]
    lines = [
        _row("men", [_share(sum(one.male for one in group), len(group)) for group in groups]),
        _row("age, patients", [str(len(group)) for group in ages]),
        _row(
            "age, mean (standard deviation), years",
            [f"{_mean(group):.1f} ({_sd(group):.1f})" for group in ages],
            f"{_mean(ages[0]) - _mean(ages[2]):+.1f} years",
        ),
        _row("age, quartiles, years", [_quartiles(group) for group in ages]),
        _row("AFP, patients", [str(len(group)) for group in markers]),
        _row(
            "AFP, geometric mean, ng/mL",
            [f"{math.exp(_mean(group)):,.0f}" for group in logs],
            f"{math.exp(_mean(logs[0]) - _mean(logs[2])):.2f} times",
        ),
        _row("AFP, standard deviation of the logarithm", [f"{_sd(group):.2f}" for group in logs]),
        _row("AFP, quartiles, ng/mL", [_quartiles(group) for group in markers]),
        _row("AFP of at most 8 ng/mL", [_share(sum(v <= 8 for v in group), len(group)) for group in markers]),
        _row("AFP above 400 ng/mL", [_share(sum(v > 400 for v in group), len(group)) for group in markers]),
        _row("age, distance to the synthetic", ["", *(f"{distance(ages[0], group):.2f}" for group in ages[1:])]),
        _row("AFP, distance to the synthetic", ["", *(f"{distance(markers[0], group):.2f}" for group in markers[1:])]),
    ]
    halves = f"{distance(ages[1], ages[2]):.2f} for age and {distance(markers[1], markers[2]):.2f} for AFP"
    return "\n".join(lines) + f"\n\nThe distance between the two halves themselves is {halves}."


def _declared(synthetic: Sequence[Patient], real: Sequence[Patient]) -> str:
    groups = (synthetic, real)
    classes = [[one.child_pugh for one in group if one.child_pugh] for group in groups]
    lines = [_row("Child-Pugh, patients with a class", [str(len(group)) for group in classes])]
    lines += [_row(f"class {name}", [_share(group.count(name), len(group)) for group in classes]) for name in "ABC"]
    lines += [
        _row(f"{name}, ever", [_share(sum(name in one.treatments for one in group), len(group)) for group in groups])
        for name in TREATMENTS
    ]
    return "\n".join(lines)


def _recurrence(synthetic: Sequence[Patient], real: Sequence[Patient], with_day: Sequence[Patient]) -> str:
    groups = (synthetic, real)
    days = [[one.recurred for one in group if one.recurred is not None] for group in groups]
    again = [sum(one.recurred is not None or one.recurred_unknown for one in group) for group in groups]
    lines = [
        _row("recurred, ever", [_share(count, len(group)) for count, group in zip(again, groups, strict=True)]),
        _row("without a day of it", [str(sum(one.recurred_unknown for one in group)) for group in groups]),
        _row(
            "months to it, quartiles of those who have it",
            [_quartiles(group) for group in days],
            f"{statistics.median(days[0]) - statistics.median(days[1]):+.0f} months in the middle" if days[0] else "",
        ),
    ]
    for month in (12, 24, 36):
        shares = [f"{without_recurrence(group, month):.0%}" for group in (synthetic, with_day)]
        lines.append(_row(f"without recurrence at {month} months (Kaplan-Meier)", shares))
    return "\n".join(lines)


def _row(name: str, cells: Sequence[str], difference: str = "") -> str:
    """Return a row; where all cells are shares, the difference is in points, the first less the last."""
    shares = [int(cell.removesuffix("%")) for cell in cells if cell.endswith("%")]
    if not difference and len(shares) == len(cells):
        difference = f"{shares[0] - shares[-1]:+d} points"
    return f"| {name} | {' | '.join(cells)} | {difference} |"


def _share(count: int, whole: int) -> str:
    return f"{count / whole:.0%}" if whole else "none"


def _quartiles(values: Sequence[float]) -> str:
    if len(values) < 2:
        return "too few"
    return " / ".join(f"{value:,.0f}" for value in statistics.quantiles(values, n=4))


def _mean(values: Sequence[float]) -> float:
    return statistics.fmean(values)


def _sd(values: Sequence[float]) -> float:
    return statistics.stdev(values) if len(values) > 1 else 0.0

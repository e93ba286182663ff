"""Keep what was measured, make the tables of BENCHMARKS.md of it, and find what became slower."""

from __future__ import annotations

import json
import os
import platform
import re
import statistics
from dataclasses import asdict, dataclass, field
from datetime import date
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["Measurement", "Row", "compared", "keep", "of_medians", "report", "table", "with_table"]

_ROOT = Path(__file__).resolve().parent.parent.parent
_RESULTS = _ROOT / "scripts" / "benchmarks" / "results.ndjson"
_PAGE = _ROOT / "BENCHMARKS.md"
_LIBRARIES = ("fhir-case", "fhir.resources", "jsonschema-rs", "orjson", "pydantic", "PyYAML")
_WORSE = 1.10
"""How many times worse a ratio is that is called slower: two runs on a busy machine differ by some per cent."""


@dataclass(frozen=True, slots=True)
class Row:
    """
    One ratio of two medians of the same run.

    Args:
        name: What was measured.
        ms: Its median, in milliseconds of processor time.
        against: What it is measured against.
        against_ms: The median of that.
        ratio: How many times as fast it is (``at least``), or how many times as long it takes (``at most``).
        wanted: The ratio that is wanted; none where nobody has said what is.
        bound: Whether a large ratio is good, or a small one.
    """

    name: str
    ms: float
    against: str
    against_ms: float
    ratio: float
    wanted: float | None = None
    bound: Literal["at least", "at most"] = "at least"

    @property
    def reached(self) -> bool:
        """Whether it is as wanted."""
        if self.wanted is None:
            return True
        return self.ratio >= self.wanted if self.bound == "at least" else self.ratio <= self.wanted


@dataclass(frozen=True, slots=True)
class Measurement:
    """
    The ratios of one run, with the machine and the versions.

    Args:
        what: The name of the benchmark.
        day: The day, ``YYYY-MM-DD``.
        rows: The ratios.
        machine: What it ran on, see `machine`.
    """

    what: str
    day: str
    rows: tuple[Row, ...]
    machine: dict[str, Any] = field(default_factory=dict)


def of_medians(
    name: str,
    seconds: Sequence[float],
    against: str,
    against_seconds: Sequence[float],
    *,
    wanted: float | None = None,
    bound: Literal["at least", "at most"] = "at least",
) -> Row:
    """Return the ratio of the medians of two series."""
    ours, theirs = statistics.median(seconds), statistics.median(against_seconds)
    ratio = theirs / ours if bound == "at least" else ours / theirs
    return Row(name, round(1000 * ours, 2), against, round(1000 * theirs, 2), round(ratio, 2), wanted, bound)


def machine() -> dict[str, Any]:
    """Return what this machine is, what else it does, and the versions of what is measured."""
    return {
        "system": f"{platform.system()} {platform.machine()}",
        "cores": os.cpu_count(),
        "load": [round(one, 1) for one in os.getloadavg()],
        "python": platform.python_version(),
        **{name: version(name) for name in _LIBRARIES},
    }


def report(what: str, rows: Sequence[Row], *, compare: bool, results: Path = _RESULTS, page: Path = _PAGE) -> bool:
    """
    Print the ratios of a run; then keep them and write their table, or compare them with those that were kept last.

    Returns:
        Whether nothing became slower.
    """
    measurement = Measurement(what, date.today().isoformat(), tuple(rows), machine())  # noqa: DTZ011 - the day here
    print(", ".join(f"{name} {value}" for name, value in measurement.machine.items()))
    for row in rows:
        print(_line(row))
    if not compare:
        keep(measurement, results)
        page.write_text(with_table(page.read_text(encoding="utf-8"), measurement), encoding="utf-8")
        return True
    slower = list(compared(measurement, _read(results)))
    print("\n".join(slower) or "nothing became slower")
    return not slower


def _line(row: Row) -> str:
    wanted = (
        "" if row.wanted is None else f", wanted {row.bound} {row.wanted:g}{'' if row.reached else ': NOT REACHED'}"
    )
    return f"{row.name}: {row.ms:.1f} ms; {row.against}: {row.against_ms:.1f} ms; ratio {row.ratio:.2f}{wanted}"


def keep(measurement: Measurement, results: Path) -> None:
    """Append a measurement to the file of all, a line each."""
    with results.open("a", encoding="utf-8") as file:
        file.write(json.dumps(asdict(measurement), ensure_ascii=False) + "\n")


def _read(results: Path) -> list[Measurement]:
    lines = results.read_text(encoding="utf-8").splitlines() if results.exists() else []
    kept = (json.loads(line) for line in lines)
    return [Measurement(**{**one, "rows": tuple(Row(**row) for row in one["rows"])}) for one in kept]


def compared(measurement: Measurement, kept: Iterable[Measurement]) -> Iterable[str]:
    """
    Return a line for each ratio that is more than a tenth worse than when the same was kept last.

    What takes less than a millisecond is not compared: the clock is not that fine.
    """
    before = {row.name: (row, one.day) for one in kept if one.what == measurement.what for row in one.rows}
    for row in measurement.rows:
        earlier, day = before.get(row.name, (row, ""))
        worse = earlier.ratio / row.ratio if row.bound == "at least" else row.ratio / earlier.ratio
        if worse > _WORSE and min(row.ms, row.against_ms) >= 1:
            yield f"SLOWER: {row.name}: ratio {row.ratio:.2f}, {earlier.ratio:.2f} on {day}"


def table(measurement: Measurement) -> str:
    """Return a measurement in Markdown: the machine, then each ratio, in bold where it is not as wanted."""
    of = measurement.machine
    load = " ".join(map(str, of["load"]))
    versions = ", ".join(f"{name} {of[name]}" for name in ("python", *_LIBRARIES) if name in of)
    lines = [
        f"{measurement.day}, {of['cores']} cores, load {load}, {of['system']}; {versions}. Medians of processor time.",
        "",
        "| what | ms | against | ms | ratio | wanted | |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in measurement.rows:
        wanted = "" if row.wanted is None else f"{row.bound} {row.wanted:g}"
        said = "" if row.wanted is None else "reached" if row.reached else "**not reached**"
        ours, theirs = f"{row.name} | {row.ms:.1f}", f"{row.against} | {row.against_ms:.1f}"
        lines.append(f"| {ours} | {theirs} | {row.ratio:.2f} | {wanted} | {said} |")
    return "\n".join(lines)


def with_table(page: str, measurement: Measurement) -> str:
    """
    Return a page with the table of a measurement between its two marks.

    Raises:
        ValueError: The page has no such marks.
    """
    begin, end = f"<!-- made by scripts/bench {measurement.what} -->", "<!-- end -->"
    pattern = re.compile(f"({re.escape(begin)}\n).*?({re.escape(end)})", re.DOTALL)
    if not pattern.search(page):
        raise ValueError(f"the page has no '{begin}'")
    return pattern.sub(lambda found: f"{found[1]}{table(measurement)}\n{found[2]}", page, count=1)

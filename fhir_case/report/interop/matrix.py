"""Arrange an interoperability test as tables of what was tried by servers; all its reports show these."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple, get_args

from fhir_case.interop.named import by_name
from fhir_case.interop.result import BundleResult, Level, ProbeResult, deviations

if TYPE_CHECKING:
    from fhir_case.interop.result import (
        InteropResult,
        ProbeDescription,
        ResourceResult,
        ServerResult,
        State,
        Verdict,
    )

__all__ = [
    "LEVELS",
    "BundleTable",
    "Look",
    "ProbeRow",
    "ResourceRow",
    "as_sent",
    "bundle_tables",
    "head",
    "level_counts",
    "probe_groups",
    "probe_look",
    "reason_of",
    "resource_look",
]

LEVELS: tuple[Level, ...] = get_args(Level)
Tone = Literal["good", "bad", "weak", "none", "unknown"]


class Look(NamedTuple):
    """
    How a cell looks; colour is never alone.

    Args:
        tone: ``good``; ``bad``: what a server has to do it does not; ``weak``: what it should or may do it does not;
            ``none``: it does not claim it; ``unknown``: nothing was learned.
        sign: One character.
        word: One or two words.
    """

    tone: Tone
    sign: str
    word: str


_VERDICTS: dict[Verdict, Look] = {
    "pass": Look("good", "✓", "pass"),
    "fail": Look("bad", "✗", "FAIL"),
    "not applicable": Look("none", "–", "n/a"),
    "not run": Look("unknown", "?", "not run"),
}
_FAIL_OF_LESS = Look("weak", "!", "fail")
_STATES: dict[State, Look] = {
    "equal": Look("good", "✓", "equal"),
    "added": Look("good", "✓", "added"),
    "rewritten": Look("good", "≈", "rewritten"),
    "altered": Look("bad", "✗", "altered"),
    "lost": Look("bad", "✗", "lost"),
    "rejected": Look("bad", "✗", "rejected"),
    "not checked": Look("unknown", "?", "not checked"),
}
_WORST_FIRST: tuple[State, ...] = ("rejected", "lost", "altered", "not checked", "rewritten", "added", "equal")


def probe_look(verdict: Verdict, level: Level) -> Look:
    """Return the look of a verdict: a fail of what only SHOULD or MAY be is not that of a SHALL."""
    return _FAIL_OF_LESS if verdict == "fail" and level != "SHALL" else _VERDICTS[verdict]


def resource_look(state: State) -> Look:
    """Return the look of what a server made of a resource."""
    return _STATES[state]


@dataclass(frozen=True, slots=True)
class ProbeRow:
    """
    What one probe found on each server.

    Args:
        description: What it asks.
        cells: One for each server, in their order; *not run* where a server has none.
    """

    description: ProbeDescription
    cells: tuple[ProbeResult, ...]


@dataclass(frozen=True, slots=True)
class ResourceRow:
    """
    What became of one resource on each server.

    Args:
        resource: What names it.
        cells: One for each server, in their order; None where it was not tried.
    """

    resource: str
    cells: tuple[ResourceResult | None, ...]

    @property
    def worst(self) -> int:
        """Return the rank of its worst state, 0 for the worst there is."""
        return min(_WORST_FIRST.index(each.state if each else "not checked") for each in self.cells)

    @property
    def plain(self) -> bool:
        """Whether it is equal everywhere, but for what servers add."""
        return self.worst >= _WORST_FIRST.index("added")


@dataclass(frozen=True, slots=True)
class BundleTable:
    """
    What became of one case or Bundle on each server.

    Args:
        name: The case or file.
        results: One for each server, in their order; without resources where it was not tried.
        rows: One for each resource, in the order of the Bundle.
    """

    name: str
    results: tuple[BundleResult, ...]
    rows: tuple[ResourceRow, ...]

    @property
    def telling(self) -> list[ResourceRow]:
        """Return the rows that are not equal or added everywhere, the worst first."""
        return sorted((row for row in self.rows if not row.plain), key=lambda row: row.worst)


def probe_groups(result: InteropResult) -> dict[str, list[ProbeRow]]:
    """Return the rows of the probes by their groups, both in the order in which they are asked."""
    found = [{each.name: each for each in server.probes} for server in result.servers]
    groups: dict[str, list[ProbeRow]] = {}
    for description in result.probes:
        name = description.name
        cells = tuple(
            probes.get(name) or ProbeResult(name, "not run", server.error or "it was not asked")
            for server, probes in zip(result.servers, found, strict=True)
        )
        groups.setdefault(description.group, []).append(ProbeRow(description, cells))
    return groups


def bundle_tables(result: InteropResult) -> list[BundleTable]:
    """Return a table for each case or Bundle, in the order of the servers that have it."""
    held = [by_name(server.bundles, lambda each: each.name) for server in result.servers]
    tables = []
    for name in dict.fromkeys(name for bundles in held for name in bundles):
        results = tuple(
            bundles.get(name) or BundleResult(name, error=server.error or "it was not tried")
            for server, bundles in zip(result.servers, held, strict=True)
        )
        resources = [by_name(each.resources, lambda one: one.resource) for each in results]
        rows = tuple(
            ResourceRow(resource, tuple(each.get(resource) for each in resources))
            for resource in dict.fromkeys(resource for each in resources for resource in each)
        )
        tables.append(BundleTable(name, results, rows))
    return tables


def level_counts(result: InteropResult, server: ServerResult) -> dict[Level, tuple[int, int]]:
    """Return for each level how many probes passed, and of how many that passed or failed."""
    levels = {each.name: each.level for each in result.probes}
    counted = [(levels.get(each.name), each.verdict) for each in server.probes if each.verdict in ("pass", "fail")]
    return {
        level: (counted.count((level, "pass")), sum(each == level for each, _ in counted))
        for level in LEVELS
    }  # fmt: skip


def head(name: str) -> str:
    """Return the head of a server's column; one that has no name is called by its URL, here without the scheme."""
    return name.removeprefix("https://").removeprefix("http://")


def reason_of(found: ResourceResult, max_paths: int = 3) -> str:
    """Return why a resource is not as it was sent: the reason, or the paths of what is altered."""
    paths = [each.path for each in deviations(found.differences)]
    return found.reason or ", ".join(paths[:max_paths]) + (", ..." if len(paths) > max_paths else "")


def as_sent(bundle: BundleResult) -> int:
    """Return how many resources say what was sent: equal, with what servers add, or in another spelling."""
    return sum(resource_look(each.state).tone == "good" for each in bundle.resources)

"""Keep what is found, and show it as a table."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from .cells import FORMS, cells
from .counting import Counts
from .scenarios import SCENARIOS
from .servers import SERVERS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["Results", "markdown"]

_NOT_RUN = "not run"


class Results:
    """
    What was found, by the keys of cells, in a file.

    Args:
        path: The file; what another seed found is not continued.
    """

    def __init__(self, path: Path, seed: int) -> None:
        self.path = path
        self.seed = seed
        self.found: dict[str, dict[str, Any]] = {}
        if path.exists():
            kept = json.loads(path.read_text(encoding="utf-8"))
            self.found = kept["cells"] if kept["seed"] == seed else {}

    def has(self, key: str) -> bool:
        """Whether a cell has been run."""
        return key in self.found

    def get(self, key: str) -> Counts | None:
        """Return what was found; None where it has not been run."""
        return Counts(**self.found[key]) if key in self.found else None

    def put(self, key: str, counts: Counts) -> None:
        """Keep what was found, at once."""
        self.found[key] = counts.to_dict()
        text = json.dumps({"seed": self.seed, "cells": dict(sorted(self.found.items()))}, indent=1)
        part = self.path.with_suffix(".part")
        part.write_text(text + "\n", encoding="utf-8")
        part.replace(self.path)


def markdown(results: Results) -> str:
    """Return the tables, one for each server of which anything was found; of the others that they were not run."""
    blocks = []
    for server, words in SERVERS.items():
        if not any(key.startswith(f"{server}/") for key in results.found):
            blocks.append(f"### {words}\n\nNot run.")
            continue
        blocks.append("\n".join([f"### {words}", "", _summary(results, server), "", *_rows(results, server)]))
        blocks.append("\n".join(_scenario_rows(results, server)))
    return "\n\n".join(blocks) + "\n"


def _summary(results: Results, server: str) -> str:
    found = [Counts(**counts) for key, counts in results.found.items() if key.startswith(f"{server}/")]
    total = {name: sum(getattr(each, name) for each in found) for name in ("resources", "hits", "lost", "doubled")}
    unknown = sum(each.unknown for each in found)
    return (
        f"{len(found)} cells, {total['resources']:,} resources, {total['hits']:,} requests hit: "
        f"**{total['lost']} lost, {total['doubled']} doubled**, {unknown} unknown."
    )


def _rows(results: Results, server: str) -> Iterator[str]:
    yield f"| way | fault | moment | {' | '.join(FORMS)} |"
    yield f"|---|---|---|{'---|' * len(FORMS)}"
    rows: dict[tuple[str, str, str, str], list[str]] = {}
    for cell in cells(server):
        counts = results.get(cell.key)
        text = _NOT_RUN if counts is None else _cell(counts)
        rows.setdefault((cell.transport, cell.fault, cell.moment, cell.name), []).append(text)
    for (transport, fault, moment, _), texts in rows.items():
        yield f"| {transport} | {fault} | {moment} | {' | '.join(texts)} |"


def _cell(counts: Counts) -> str:
    text = counts.text if counts.good else f"**{counts.text}**"
    return text if counts.hits else f"{text} (no request was hit)"


def _scenario_rows(results: Results, server: str) -> Iterator[str]:
    yield "| what else happens | lost / doubled / unknown | |"
    yield "|---|---|---|"
    for name, scenario in SCENARIOS.items():
        counts = results.get(f"{server}/scenario/{name}")
        text = _NOT_RUN if counts is None else counts.text if counts.good else f"**{counts.text}**"
        yield f"| {scenario.words} | {text} | {counts.note if counts else ''} |"

"""
Report an interoperability test as one web page: the tables, and behind each cell the evidence.

It needs no script and loads nothing. A cell leads to its evidence, which is shown when it is the target of the address.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from fhir_case.report.characters import printable_lines, value_text
from fhir_case.report.interop.matrix import (
    LEVELS,
    as_sent,
    bundle_tables,
    head,
    level_counts,
    probe_groups,
    probe_look,
    resource_look,
)
from fhir_case.report.page.templates import page

if TYPE_CHECKING:
    from collections.abc import Iterator

    from markupsafe import Markup

    from fhir_case.interop.result import Exchange, InteropResult, ProbeResult, ResourceResult, ServerResult, State
    from fhir_case.report.interop.matrix import BundleTable, Look, ProbeRow

__all__ = ["interop_page"]

_MAX_ROWS = 500
_MIN_LENGTH_TO_REFER = 300
_MAX_LENGTH = 2_000
_MEANINGS: dict[State, str] = {
    "equal": "",
    "added": "equal, with what servers add",
    "rewritten": "the same in another spelling, or with ids of the server",
    "altered": "not what was sent",
    "lost": "accepted, and not there",
    "rejected": "refused",
    "not checked": "nothing was learned",
}
_PIECE = re.compile(r'"(?:[^"\\]|\\.)*"?|[][{},]|[^][{},"]+', re.DOTALL)


class Cell(NamedTuple):
    """
    One cell of a table.

    Args:
        look: How it looks.
        anchor: The name of its evidence; empty when there is none.
        label: The same in words, with row and column, for screen readers.
    """

    look: Look
    anchor: str
    label: str


class ShownBody(NamedTuple):
    """
    A body as it is shown.

    Args:
        text: The text; empty when the same was shown before.
        anchor: The evidence that shows it.
        title: What that is.
    """

    text: str
    anchor: str = ""
    title: str = ""


class ShownExchange(NamedTuple):
    """An exchange as it is shown."""

    exchange: Exchange
    request: ShownBody
    response: ShownBody


class Evidence(NamedTuple):
    """What stands behind a cell: one of a probe has a row, one of a resource has none."""

    cell: Cell
    title: str
    server: str
    found: ProbeResult | ResourceResult
    row: ProbeRow | None = None
    exchanges: tuple[ShownExchange, ...] = ()


@dataclass
class _Collected:
    """Collect evidence in the order of the page; a long body that was shown before is only referred to."""

    evidence: list[Evidence] = field(default_factory=list)
    _shown: dict[str, tuple[str, str]] = field(default_factory=dict)

    def probe(self, row: ProbeRow, server: ServerResult, found: ProbeResult, anchor: str) -> Cell:
        name = row.description.name
        look = probe_look(found.verdict, row.description.level)
        cell = Cell(look, anchor, f"{look.word}: {name}, {server.name}")
        exchanges = tuple(
            ShownExchange(
                each,
                self._once(each.request_body, anchor, f"request {number} of {name}, {server.name}"),
                self._once(each.response_body, anchor, f"answer {number} of {name}, {server.name}"),
            )
            for number, each in enumerate(found.exchanges, 1)
        )
        self.evidence.append(Evidence(cell, row.description.title, server.name, found, row, exchanges))
        return cell

    def resource(self, table: BundleTable, server: ServerResult, found: ResourceResult | None, anchor: str) -> Cell:
        if found is None:
            return Cell(resource_look("not checked"), "", f"not tried on {server.name}")
        look = resource_look(found.state)
        if not found.differences and not found.reason:
            return Cell(look, "", f"{look.word}: {server.name}")
        cell = Cell(look, anchor, f"{look.word}: {found.resource}, {server.name}")
        self.evidence.append(Evidence(cell, f"{table.name}: {found.resource}", server.name, found))
        return cell

    def _once(self, text: str, anchor: str, title: str) -> ShownBody:
        if len(text) >= _MIN_LENGTH_TO_REFER:
            if text in self._shown:
                return ShownBody("", *self._shown[text])
            self._shown[text] = anchor, title
        return ShownBody(text)


def interop_page(result: InteropResult) -> str:
    """Return the whole page; whatever servers sent is text in it, never markup."""
    collected = _Collected()
    groups = {
        group: [(row, list(_probe_cells(collected, result, row))) for row in rows]
        for group, rows in probe_groups(result).items()
    }
    bundles = [_bundle(collected, result, number, table) for number, table in enumerate(bundle_tables(result), 1)]
    return page(
        "interop/interop.html.jinja",
        filters={"head": head, "body": _body, "value": partial(value_text, max_length=_MAX_LENGTH)},
        result=result,
        levels=LEVELS,
        counts=[level_counts(result, server) for server in result.servers],
        as_sent=as_sent,
        groups=groups,
        bundles=bundles,
        evidence=collected.evidence,
        legend=_legend(),
        meanings=_MEANINGS,
        is_link=_is_link,
    )


def _probe_cells(collected: _Collected, result: InteropResult, row: ProbeRow) -> Iterator[Cell]:
    for number, (server, found) in enumerate(zip(result.servers, row.cells, strict=True), 1):
        yield collected.probe(row, server, found, f"p-{_anchor(row.description.name)}-{number}")


def _bundle(collected: _Collected, result: InteropResult, number: int, table: BundleTable) -> dict[str, Any]:
    rows = []
    telling = table.telling
    for line, row in enumerate(telling[:_MAX_ROWS], 1):
        cells = [
            collected.resource(table, server, found, f"r-{number}-{line}-{column}")
            for column, (server, found) in enumerate(zip(result.servers, row.cells, strict=True), 1)
        ]
        rows.append((row.resource, cells))
    wrong = any(cell.look.tone != "good" for _, cells in rows for cell in cells)
    return {"table": table, "rows": rows, "left_out": len(telling) - len(rows), "number": len(telling), "wrong": wrong}


def _legend() -> list[tuple[Look, str]]:
    return [
        (probe_look("pass", "SHALL"), "does what the specification asks"),
        (probe_look("fail", "SHALL"), "does not do what it SHALL"),
        (probe_look("fail", "MAY"), "does not do what it SHOULD or MAY"),
        (probe_look("not applicable", "SHALL"), "does not claim to do it, and so was not judged"),
        (probe_look("not run", "SHALL"), "could not be asked: nothing was learned"),
    ]


def _anchor(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9-]", "_", name)


def _is_link(text: str) -> bool:
    return text.startswith(("https://", "http://"))


def _body(text: str) -> Markup:
    """Return a body as markup: what is special in text is escaped, and quotes, of which JSON is full, are not."""
    from markupsafe import Markup

    shown = printable_lines(_indented(text))
    return Markup(shown.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;"))  # noqa: S704 - escaped here


def _indented(text: str) -> str:
    """Break JSON that stands in one line into many; no character of it is changed, also where it was cut."""
    first, _, rest = text.partition("\n")
    if not first.startswith(("{", "[")) or (rest and not rest.startswith("… cut")):
        return text
    parts: list[str] = []
    depth = 0
    for piece in _PIECE.findall(first):
        if piece in "]}":
            depth = max(0, depth - 1)
            parts += [*([] if parts[-1] in "[{" else ["\n", "\t" * depth]), piece]
            continue
        if parts and parts[-1] in "[{,":
            parts += ["\n", "\t" * depth]
        parts.append(piece)
        depth += piece in "[{"
    return "".join(parts) + (f"\n{rest}" if rest else "")

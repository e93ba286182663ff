"""Report an interoperability test as text for a terminal and as Markdown, and what has changed since an earlier one."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import quote

from fhir_case.interop.baseline import DIRECTIONS
from fhir_case.report.characters import printable
from fhir_case.report.counts import counted
from fhir_case.report.interop.matrix import (
    LEVELS,
    as_sent,
    bundle_tables,
    head,
    level_counts,
    probe_groups,
    probe_look,
    reason_of,
    resource_look,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from rich.console import RenderableType
    from rich.table import Table
    from rich.text import Text

    from fhir_case.interop.baseline import Change
    from fhir_case.interop.result import InteropResult, Level, ServerResult
    from fhir_case.report.interop.matrix import BundleTable

__all__ = ["changes_text", "interop_markdown", "interop_text"]

_STYLES = {"good": "green", "bad": "bold red", "weak": "yellow", "none": "dim", "unknown": "magenta"}
_MAX_LINES = 20
_MAX_CHANGES = 40
_MAX_LENGTH = 300
_UNBOUNDED = 100_000
_NAME_WIDTH = 16
_URL_CHARACTERS = ":/?#@!$&'+,;=%~"


def interop_text(result: InteropResult, *, width: int | None = None, colour: bool = False) -> str:
    """
    Return a test as text: each server with its counts, what each probe found, what became of each Bundle, and why.

    Args:
        width: The columns of the terminal; when absent, lines are as long as they are.
        colour: Whether to write the codes of colours; the words say all without them.
    """
    from rich.console import Console

    console = Console(
        width=width or _UNBOUNDED,
        force_terminal=colour,
        no_color=not colour,
        color_system="standard" if colour else None,
        highlight=False,
        legacy_windows=False,
        force_jupyter=False,
    )
    with console.capture() as written:
        for part in _parts(result, width):
            console.print(part, soft_wrap=isinstance(part, str), markup=False, emoji=False)
    return "\n".join(line.rstrip() for line in written.get().splitlines())


def _parts(result: InteropResult, width: int | None) -> Iterator[RenderableType]:
    number = counted(len(result.servers), "server")
    yield printable(f"Interoperability of {number}, fhir-case {result.fhir_case}, {result.started}")
    yield ""
    yield _servers(result)
    names, requests = _names(result, range(len(result.servers))), [f"{each.requests:,}" for each in result.servers]
    yield printable(f"Requests  [{', '.join(names)}]  {', '.join(requests)}")
    for servers in _blocks(result, width):
        yield ""
        yield _probes(result, servers)
    for table in bundle_tables(result):
        yield ""
        yield printable(f"Resources of {table.name}")
        for servers in _blocks(result, width):
            yield _bundle(table, result, servers)
    yield from _reasons(result)


def _blocks(result: InteropResult, width: int | None) -> list[range]:
    """Return the servers that stand side by side: a table that is too wide is written in several."""
    first_columns = max((len(each.name) for each in result.probes), default=0) + len("  SHOULD") + 4
    blocks: list[range] = []
    begin, used = 0, first_columns
    for column, name in enumerate(_names(result, range(len(result.servers)))):
        width_of_column = 2 + max(min(len(name), _NAME_WIDTH), len("not run"))
        if width is not None and column > begin and used + width_of_column > width:
            blocks.append(range(begin, column))
            begin, used = column, first_columns
        used += width_of_column
    return [*blocks, range(begin, len(result.servers))]


def _table(*titles: str, servers: Sequence[str] = ()) -> Table:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for title in titles:
        table.add_column(_cell(title), overflow="fold")
    for name in servers:
        table.add_column(_cell(name), overflow="fold", max_width=_NAME_WIDTH)
    return table


def _cell(text: str, style: str = "") -> Text:
    from rich.text import Text

    return Text(printable(text), style=style)


def _servers(result: InteropResult) -> Table:
    table = _table("SERVER", "SOFTWARE", "FHIR", *LEVELS, "N/A", "NOT RUN", "AS SENT")
    for server in result.servers:
        levels = [f"{passed} of {of}" if of else "-" for passed, of in level_counts(result, server).values()]
        resources = sum(len(each.resources) for each in server.bundles)
        sent = f"{sum(as_sent(each) for each in server.bundles)} of {resources}" if resources else "-"
        untested = bool(server.error) and not server.probes
        rest = ["-" if untested else str(server.counts[each]) for each in ("not applicable", "not run")]
        software = "not tested" if untested else server.software or "-"
        cells = (server.name, _short(software), server.fhir or "-", *levels, *rest, sent)
        table.add_row(*(_cell(each) for each in cells))
    return table


def _names(result: InteropResult, servers: range) -> list[str]:
    return [head(result.servers[index].name) for index in servers]


def _probes(result: InteropResult, servers: range) -> Table:
    table = _table("PROBE", "LEVEL", servers=_names(result, servers))
    for group, rows in probe_groups(result).items():
        table.add_row(_cell(group))
        for row in rows:
            looks = [probe_look(row.cells[index].verdict, row.description.level) for index in servers]
            name = _cell(f"  {row.description.name}")
            table.add_row(name, _cell(row.description.level), *(_cell(look.word, _STYLES[look.tone]) for look in looks))
    return table


def _bundle(table: BundleTable, result: InteropResult, servers: range) -> Table:
    written = _table("STATE", "", servers=_names(result, servers))
    for state in table.results[0].counts:
        numbers = [table.results[index].counts[state] for index in servers]
        if any(numbers):
            written.add_row(_cell(f"  {state}"), "", *(_cell(str(number)) for number in numbers))
    if any(table.results[index].error for index in servers):
        broken = ["yes" if table.results[index].error else "" for index in servers]
        written.add_row(_cell("  not tried, or broken off"), "", *(_cell(each) for each in broken))
    return written


def _reasons(result: InteropResult) -> Iterator[str]:
    levels: dict[str, Level] = {each.name: each.level for each in result.probes}
    for server in result.servers:
        lines = [
            *([f"not tested{' to the end' if server.probes else ''}: {server.error}"] if server.error else []),
            *_failed(server, levels),
            *_not_as_sent(server),
            *_cut([f"could not be removed: {each}" for each in server.left], "things that could not be removed"),
        ]
        if lines:
            yield ""
            yield printable(f"{server.name}  {server.base_url}")
            yield from (printable(f"  {_short(line)}") for line in lines)


def _failed(server: ServerResult, levels: Mapping[str, Level]) -> Iterator[str]:
    for level in LEVELS:
        for each in server.probes:
            if each.verdict == "fail" and levels.get(each.name) == level:
                yield f"{probe_look('fail', level).word} {each.name} ({level}): {each.observed}"


def _not_as_sent(server: ServerResult) -> Iterator[str]:
    for bundle in server.bundles:
        yield from (f"{bundle.name}: warning: {each}" for each in bundle.warnings)
        if bundle.error:
            yield f"{bundle.name}: {bundle.error}"
        lines = [
            f"{bundle.name}: {each.resource} {each.state}" + (f": {reason}" if (reason := reason_of(each)) else "")
            for each in bundle.resources
            if resource_look(each.state).tone != "good"
        ]
        yield from _cut(lines, "resources")


def _short(text: str) -> str:
    return text if len(text) <= _MAX_LENGTH else f"{text[: _MAX_LENGTH - 1]}…"


def _cut(lines: Sequence[str], what: str) -> Iterator[str]:
    yield from lines[:_MAX_LINES]
    if len(lines) > _MAX_LINES:
        yield f"and {len(lines) - _MAX_LINES:,} more {what}; the JSON lists all"


def interop_markdown(result: InteropResult) -> str:
    """
    Return the counts and the verdict of each probe as one table of Markdown, for a README.

    A probe leads to its place in the specification; a fail of a SHALL is bold and in capitals.

    Source: https://github.github.com/gfm/#tables-extension-
    """
    servers = result.servers
    lines = [
        _row("Probe", "Level", *(_escaped(head(each.name)) for each in servers)),
        _row(*["---"] * (len(servers) + 2)),
    ]
    lines.append(_row("*Software*", "", *(_escaped(each.software or each.error or "-") for each in servers)))
    lines.append(_row("*Requests*", "", *(f"{each.requests:,}" if each.requests else "-" for each in servers)))
    for level in LEVELS:
        counts = [level_counts(result, each)[level] for each in servers]
        lines.append(_row("*Passed*", level, *(f"{passed} of {of}" if of else "-" for passed, of in counts)))
    for table in bundle_tables(result):
        numbers = [f"{as_sent(each)} of {len(each.resources)}" if each.resources else "-" for each in table.results]
        lines.append(_row(f"*As sent: {_escaped(table.name)}*", "", *numbers))
    for group, rows in probe_groups(result).items():
        lines.append(_row(f"**{_escaped(group)}**", *[""] * (len(servers) + 1)))
        for row in rows:
            looks = [probe_look(each.verdict, row.description.level) for each in row.cells]
            words = [f"**{look.word}**" if look.tone == "bad" else look.word for look in looks]
            name = f"[{_escaped(row.description.title)}]({quote(row.description.specification, safe=_URL_CHARACTERS)})"
            lines.append(_row(name, row.description.level, *words))
    return "\n".join(lines) + "\n"


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def _escaped(text: str) -> str:
    """Show as it is what Markdown would read as a mark, HTML included."""
    return re.sub(r"([\\`*_\[\]<>|#&])", r"\\\1", printable(text))


def changes_text(changes: Sequence[Change]) -> str:
    """Return how many changes there are of each kind, and each with what it was and is, the worse first."""
    if not changes:
        return "Nothing has changed since the baseline."
    counts = {direction: sum(each.direction == direction for each in changes) for direction in DIRECTIONS}
    lines = [f"Since the baseline  [{', '.join(counts)}]  {', '.join(str(number) for number in counts.values())}"]
    for direction in DIRECTIONS:
        lines += _change_lines([each for each in changes if each.direction == direction])
    return "\n".join(lines)


def _change_lines(changes: Sequence[Change]) -> Iterator[str]:
    for each in changes[:_MAX_CHANGES]:
        subject = f"{each.server}: {each.what}" if each.what else each.server
        reason = f" ({_short(each.reason)})" if each.reason else ""
        yield printable(f"  {each.direction:<7}  {subject}: {_states(each)}{reason}")
    if len(changes) > _MAX_CHANGES:
        yield f"  {changes[0].direction:<7}  and {len(changes) - _MAX_CHANGES:,} more"


def _states(change: Change) -> str:
    if not change.before:
        return change.after
    return f"was {change.before}" if not change.after else f"{change.before} -> {change.after}"

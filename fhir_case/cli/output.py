"""
The one place where text leaves the program: standard output, standard error, and the files that commands write.

Texts of inputs and of servers are shown without what steers a terminal or a build server
(`fhir_case.report.characters`), and without our own credentials (`fhir_case.server.redaction`). No other module prints.
"""

from __future__ import annotations

import os
import sys
from io import StringIO
from typing import TYPE_CHECKING, Any

import click

from fhir_case.report.characters import behind_margin, encodable, json_characters, printable, shown
from fhir_case.server.redaction import forget_secrets, hide_proxies, redacted, without_secrets

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from types import TracebackType

    from rich.console import Console

__all__ = [
    "begin",
    "echo",
    "echo_command",
    "echo_data",
    "echo_error",
    "echo_json",
    "echo_progress",
    "echo_styled",
    "echo_table",
    "echo_text",
    "echo_usage_error",
    "live_console",
    "shown_line",
    "shown_text",
]

_WIDE = 250


class _Shown:
    """Standard error for what writes there by itself: warnings and logging of libraries."""

    def __init__(self, stream: Any) -> None:
        self.stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)

    def write(self, text: str) -> int:
        """Write a text as it may be shown."""
        self.stream.write(shown_text(text))
        return len(text)


def begin() -> None:
    """Begin a command: only its secrets are known, and what libraries and bugs write is shown as all else is."""
    forget_secrets()
    hide_proxies(os.environ)
    if sys.stderr is not None and not isinstance(sys.stderr, _Shown):
        sys.stderr = _Shown(sys.stderr)  # all but `write` is that of the stream
    sys.excepthook = _show_bug


def _show_bug(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    from traceback import format_exception

    echo_text("".join(format_exception(kind, error, trace)).rstrip("\n"), err=True)


def shown_line(text: str) -> str:
    """Return a text as it may be shown in one line."""
    return shown(printable(without_secrets(text)))


def shown_text(text: str) -> str:
    """Return a text of several lines as it may be shown."""
    return shown(without_secrets(text))


def echo(line: str = "", *, err: bool = False) -> None:
    """Write one line for people; an end of a line that an input or a server put into it is shown as its code."""
    click.echo(shown_line(line), err=err)


def echo_text(text: str, *, err: bool = False) -> None:
    """Write a report for people, whose lines are ours."""
    click.echo(shown_text(text), err=err)


def echo_error(error: object, *, after: str = "", err: bool = True) -> None:
    """Write an error; the further lines of what it says stand behind the margin, as no others do."""
    echo_text(behind_margin(without_secrets(f"{error}{after}")), err=err)


def echo_usage_error(error: click.ClickException) -> None:
    """Write an error of the command line as click does."""
    text, message = StringIO(), error.format_message()
    error.show(text)
    echo_text(text.getvalue().rstrip("\n").replace(message, behind_margin(without_secrets(message))), err=True)


def echo_styled(text: str) -> None:
    """Write a report with colours; what is foreign in it was made printable before they were added."""
    click.echo(without_secrets(text), color=True)


def echo_command(line: str) -> None:
    """Write a workflow command of GitHub Actions, whose values are escaped already."""
    click.echo(printable(line))


def echo_json(value: Any) -> None:
    """Write a value as JSON to standard output."""
    from fhir_case.fhir import wire

    echo_data(wire.dump(encodable(redacted(value)), indent=True))


def echo_data(content: str | bytes) -> None:
    """
    Write JSON, YAML or XML to standard output, with its own ends of lines.

    What a terminal would obey is written by its code where it is JSON, so that it means the same.
    """
    text = content.decode(errors="surrogateescape") if isinstance(content, bytes) else content
    if text.lstrip()[:1] in ("{", "[", '"'):
        text = json_characters(text)
    click.echo(text.encode(errors="surrogateescape"), nl=False)


def echo_table(titles: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Write a table to standard output, as wide as the terminal."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False)
    for title in titles:
        table.add_column(title, overflow="fold")
    for row in rows:
        table.add_row(*(Text(shown_line(cell)) for cell in row))
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = _WIDE  # another program reads it, and names must not be wrapped
    console.print(table)


def echo_progress(line: str, *, live: bool) -> None:
    """Write a line of progress to standard error; a live one takes the place of the one before."""
    click.echo(f"\r{shown_line(line):<100}" if live else shown_line(line), nl=not live, err=True)


def live_console() -> Console:
    """Return a console on standard error for bars and changing lines; its texts are made with `shown_line`."""
    from rich.console import Console

    stream = sys.stderr.stream if isinstance(sys.stderr, _Shown) else sys.stderr
    return Console(file=stream, highlight=False, markup=False)

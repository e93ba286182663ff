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

from fhir_case.cli.answer import Answer
from fhir_case.errors import FhirCaseError
from fhir_case.report.characters import behind_margin, encodable, json_characters, printable, shown
from fhir_case.server.redaction import forget_secrets, hide_proxies, redacted, without_secrets

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from types import TracebackType

    from rich.console import Console

    from fhir_case.errors import ExitCode

__all__ = [
    "begin",
    "echo",
    "echo_answer",
    "echo_command",
    "echo_data",
    "echo_error",
    "echo_json",
    "echo_json_pieces",
    "echo_notice",
    "echo_progress",
    "echo_styled",
    "echo_table",
    "echo_text",
    "echo_traceback",
    "echo_usage_error",
    "echo_warning",
    "is_json",
    "is_quiet",
    "live_console",
    "note_bug",
    "set_answer",
    "shown_line",
    "shown_text",
]

_WIDE = 250
_OF_A_BUG = "standard error has its traceback"

# Of the process, as the secrets are: what ends a command knows its answer no less than the threads of one.
_answer = Answer()


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


def begin(*, as_json: bool = False) -> None:
    """Begin a command: only its secrets are known, and what libraries and bugs write is shown as all else is."""
    global _answer  # noqa: PLW0603 - see there
    _answer = Answer(as_json=as_json)
    forget_secrets()
    hide_proxies(os.environ)
    if sys.stderr is not None and not isinstance(sys.stderr, _Shown):
        sys.stderr = _Shown(sys.stderr)  # all but `write` is that of the stream
    sys.excepthook = _show_bug


def _show_bug(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    from traceback import format_exception

    echo_traceback("".join(format_exception(kind, error, trace)).rstrip("\n"))


def shown_line(text: str) -> str:
    """Return a text as it may be shown in one line."""
    return shown(printable(without_secrets(text)))


def shown_text(text: str) -> str:
    """Return a text of several lines as it may be shown."""
    return shown(without_secrets(text))


def set_answer(context: click.Context, *, as_json: bool | None = None, quiet: bool | None = None) -> None:
    """Note the command that runs, whether it answers in JSON, and whether standard error has errors only."""
    _answer.command = _name(context)
    if as_json is not None:
        _answer.as_json = as_json
    if quiet is not None:
        _answer.quiet = quiet


def is_quiet() -> bool:
    """Whether standard error has errors only."""
    return _answer.quiet


def _name(context: click.Context) -> str:
    """Return the name of a command behind that of the program, ``server list``."""
    return context.command_path.partition(" ")[2]


def is_json() -> bool:
    """Whether the command answers in JSON."""
    return _answer.as_json


def _write(text: str, *, colour: bool | None = None) -> None:
    """Write what is for people to standard output; where that has JSON, it is no more than a notice."""
    if not (_answer.as_json and _answer.quiet):
        click.echo(text, err=_answer.as_json, color=colour)


def echo(line: str = "") -> None:
    """Write one line for people; an end of a line that an input or a server put into it is shown as its code."""
    _write(shown_line(line))


def echo_text(text: str) -> None:
    """Write a report for people, whose lines are ours."""
    _write(shown_text(text))


def echo_notice(line: str) -> None:
    """Write to standard error what is going on, or what to do next; ``--quiet`` leaves it out."""
    if not _answer.quiet:
        click.echo(shown_line(line), err=True)


def echo_warning(text: str, *, before: str = "") -> None:
    """Write a warning to standard error, without ``--quiet``; the answer in JSON has it always, as it has errors."""
    _answer.warnings.append(text)
    if not _answer.quiet:
        click.echo(shown_text(behind_margin(without_secrets(f"{before}{text}"))), err=True)


def echo_error(error: object, *, before: str = "", after: str = "") -> None:
    """
    Write an error to standard error; the further lines of what it says stand behind the margin, as no others do.

    Args:
        error: A `FhirCaseError`, or a text.
        before: What stands before it; the answer in JSON does not have it.
        after: What stands behind it, with the sign between: what to do next.
    """
    from fhir_case.report.envelope import error_json

    noted = error_json(error if isinstance(error, FhirCaseError) else FhirCaseError(str(error)))
    noted["hint"] = "; ".join(filter(None, (noted["hint"], after.removeprefix("; "))))
    _answer.errors.append(noted)
    click.echo(shown_text(behind_margin(without_secrets(f"{before}{error}{after}"))), err=True)


def echo_traceback(text: str) -> None:
    """Write the traceback of an error to standard error."""
    click.echo(shown_text(text), err=True)


def echo_usage_error(error: click.ClickException) -> None:
    """Write an error of the command line as click does."""
    text, message = StringIO(), error.format_message()
    error.show(text)
    shown_as = text.getvalue().rstrip("\n").replace(message, behind_margin(without_secrets(message)))
    click.echo(shown_text(shown_as), err=True)
    context = error.ctx if isinstance(error, click.UsageError) else None
    hint = f"{context.command_path} --help" if context else ""
    if context and not _answer.command:
        _answer.command = _name(context)
    _answer.errors.append({"where": "", "message": message, "hint": hint})


def note_bug(bug: Exception) -> None:
    """Let the answer in JSON name a bug, whose traceback is for standard error."""
    _answer.errors.append({"where": "", "message": f"a bug: {type(bug).__name__}: {bug}", "hint": _OF_A_BUG})


def echo_styled(text: str) -> None:
    """Write a report with colours; what is foreign in it was made printable before they were added."""
    _write(without_secrets(text), colour=True)


def echo_command(line: str) -> None:
    """Write a workflow command of GitHub Actions, whose values are escaped already."""
    click.echo(printable(line))


def echo_json(value: Any) -> None:
    """Answer with a value, as the result in the envelope, where JSON is asked for."""
    from fhir_case.fhir import wire

    if _answer.as_json:
        _answer.take([wire.dump(encodable(redacted(value)), indent=True).decode()])


def echo_json_pieces(pieces: Iterable[str]) -> None:
    """Answer with JSON that may be too large for memory; its secrets are hidden already."""
    _answer.take(pieces)


def echo_answer(exit_code: ExitCode) -> None:
    """Write the answer in JSON, where it is asked for, once: at the end of a command, or of what it answers."""
    if _answer.as_json:
        for piece in _answer.pieces(exit_code):
            click.echo(piece.encode(), nl=False)


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
    if _answer.quiet:
        return
    click.echo(f"\r{shown_line(line):<100}" if live else shown_line(line), nl=not live, err=True)


def live_console() -> Console:
    """Return a console on standard error for bars and changing lines; its texts are made with `shown_line`."""
    from rich.console import Console

    stream = sys.stderr.stream if isinstance(sys.stderr, _Shown) else sys.stderr
    return Console(file=stream, highlight=False, markup=False)

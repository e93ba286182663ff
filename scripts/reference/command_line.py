"""The reference of the command line: every command with its arguments and options, and the exit codes."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING

import click

from fhir_case.cli import cli
from fhir_case.cli.help import EXAMPLES
from fhir_case.errors import ExitCode

if TYPE_CHECKING:
    from collections.abc import Iterator

_HEAD = """\
# The command line

<!-- Written by scripts/make-reference from the commands; do not edit. -->

`fhir-case COMMAND --help` says the same. What a command finds is on standard output, messages and progress are on
standard error.
"""


def page() -> str:
    """Return the page."""
    return "\n".join(_lines()).rstrip() + "\n"


def _lines() -> Iterator[str]:
    yield _HEAD
    with click.Context(cli, info_name="fhir-case") as context:
        for name in cli.list_commands(context):
            command = cli.get_command(context, name)
            if command is not None:
                yield from _command(command, f"fhir-case {name}", context)
    yield "## Exit codes\n\n| code | meaning |\n|---|---|"
    yield from (f"| {code.value} | {code.meaning} |" for code in ExitCode)


def _command(command: click.Command, name: str, around: click.Context) -> Iterator[str]:
    with click.Context(command, info_name=name, parent=around) as context:
        usage = " ".join(command.collect_usage_pieces(context))
        yield f"## {name}\n\n```text\n{name} {usage}\n```\n\n{_text(command.help or '')}\n"
        if examples := EXAMPLES.get(name.removeprefix("fhir-case ")):
            yield "```sh\n" + "\n".join(examples) + "\n```\n"
        options = [one for one in command.get_params(context) if isinstance(one, click.Option) and not one.hidden]
        yield "| option | meaning |\n|---|---|"
        yield from (_option(one, context) for one in options if "--help" not in one.opts)
        yield ""
        if isinstance(command, click.Group):
            for inner in command.list_commands(context):
                found = command.get_command(context, inner)
                if found is not None:
                    yield from _command(found, f"{name} {inner}", context)


def _option(option: click.Option, context: click.Context) -> str:
    names = ", ".join(f"`{each}`" for each in (*option.opts, *option.secondary_opts))
    value = "" if option.is_flag else f" `{option.make_metavar(context)}`"
    return f"| {_cell(names + value)} | {_cell(_text(option.help or ''))} |"


def _text(text: str) -> str:
    """Return a help text as Markdown: what is code there begins with the mark of click for lines to keep."""
    return inspect.cleandoc(text).replace("\b\n", "").replace("``", "`")


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")

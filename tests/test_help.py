"""The help of all commands has one form."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

import click
import pytest

from fhir_case.cli import cli
from fhir_case.cli.help import EXAMPLES
from support import run_command

if TYPE_CHECKING:
    from collections.abc import Iterator


def commands(group: click.Group = cli, name: str = "") -> Iterator[tuple[str, click.Command]]:
    """Yield each command with its name, ``server list`` with that of its group."""
    for each in group.list_commands(click.Context(group)):
        command = group.get_command(click.Context(group), each)
        assert command is not None
        if isinstance(command, click.Group):
            yield from commands(command, f"{name}{each} ")
        else:
            yield f"{name}{each}", command


COMMANDS = dict(commands())


def test_every_command_has_an_example_and_its_options_exist() -> None:
    assert set(EXAMPLES) == set(COMMANDS)
    for name, examples in EXAMPLES.items():
        known = {option for each in COMMANDS[name].params for option in each.opts}
        for example in examples:
            assert f"fhir-case {name}" in example
            used = {word for word in shlex.split(example) if word.startswith("-")}
            assert used <= known, example


@pytest.mark.parametrize("width", [40, 80])
def test_no_name_is_broken_at_its_hyphen(width: int) -> None:
    for name in ("interop", "timeline", "completion"):
        shown = run_command(*name.split(), "--help", environment={"COLUMNS": str(width)}).stdout

        assert [] == [line for line in shown.splitlines() if line.endswith("-")], name


def test_the_options_that_commands_share_are_in_one_order_behind_their_own() -> None:
    expected = ["--fhir", "--codes", "--html", "--open", "--format", "--quiet", "--timeout", "--auth"]
    options = [max(each.opts, key=len) for each in COMMANDS["upload"].params if isinstance(each, click.Option)]

    assert expected == [option for option in options if option in expected]
    assert options.index("--restart") < options.index("--fhir")
    for command in COMMANDS.values():
        own = [max(each.opts, key=len) for each in command.params if isinstance(each, click.Option)]
        assert [option for option in expected if option in own] == [option for option in own if option in expected]


def test_no_option_shows_the_name_of_a_type_of_python_or_an_empty_default() -> None:
    for name in COMMANDS:
        shown = run_command(*name.split(), "--help").stdout

        assert "INTEGER" not in shown, name
        assert " TEXT " not in shown or name == "timeline"
        assert '[default: ""]' not in shown

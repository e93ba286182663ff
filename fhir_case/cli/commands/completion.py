"""``fhir-case completion``: what makes a shell complete the words of a command line."""

from __future__ import annotations

import click

from fhir_case.cli.output import echo_data

__all__ = ["completion"]

# Where a case can be a name or a file, the script of click for bash offers files only.
_FILES_ALONE = """\
            COMPREPLY=()
            compopt -o default
"""
_FILES_TOO = """\
            compopt -o filenames
            COMPREPLY+=($(compgen -f -- "$value"))
"""


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(context: click.Context, *, shell: str) -> None:
    """
    Write what makes SHELL complete commands, options, and the names of cases, tables, sections, servers and probes.

    The examples are lines for ~/.bashrc and ~/.zshrc, and a command for fish.
    """
    from click.shell_completion import get_completion_class

    kind = get_completion_class(shell)
    if kind is not None:
        script = kind(context.find_root().command, {}, "fhir-case", "_FHIR_CASE_COMPLETE").source()
        echo_data(script.replace(_FILES_ALONE, _FILES_TOO))

"""``fhir-case completion``: what makes a shell complete the words of a command line."""

from __future__ import annotations

import click

from fhir_case.cli.output import echo_data

__all__ = ["completion"]


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(context: click.Context, *, shell: str) -> None:
    """
    Write what makes SHELL complete commands, options, and the names of cases, tables, sections, servers and probes.

    bash: eval "$(fhir-case completion bash)" in ~/.bashrc; zsh likewise in ~/.zshrc; fish: fhir-case completion fish >
    ~/.config/fish/completions/fhir-case.fish
    """
    from click.shell_completion import get_completion_class

    kind = get_completion_class(shell)
    if kind is not None:
        echo_data(kind(context.find_root().command, {}, "fhir-case", "_FHIR_CASE_COMPLETE").source())

"""The form of all help: options in one order, an example of each command, and no name broken at its hyphens."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["EXAMPLES", "with_help"]

EXAMPLES = {
    "run": ("fhir-case run", "fhir-case run case.yaml --server http://localhost:8080/fhir"),
    "cases": ("fhir-case cases",),
    "new": ("fhir-case new case.yaml", "fhir-case new --section laboratory"),
    "schema": ("fhir-case schema -o case.schema.json", "fhir-case schema laboratory"),
    "mappings": ("fhir-case mappings",),
    "codes": ("fhir-case codes drugs", "fhir-case codes --search platelets"),
    "import": (
        "fhir-case import recipe.yaml --data tables -o cases --report losses.txt",
        "fhir-case import --draft patients.csv -o recipe.yaml",
    ),
    "build": ("fhir-case build case.yaml -o bundle.json", "fhir-case build case.yaml --type document --fhir R5"),
    "synth": ("fhir-case synth case.yaml -n 100 --seed 1 --out cohort",),
    "views": ("fhir-case views", "fhir-case views -o views"),
    "explain": ("fhir-case explain case.yaml", "fhir-case explain case.yaml --format html -o facts.html"),
    "validate": ("fhir-case validate case.yaml bundle.json", "fhir-case validate 'data/**/*.ndjson' --format sarif"),
    "upload": ("fhir-case upload bundle.json --server http://localhost:8080/fhir --dry-run",),
    "timeline": ("fhir-case timeline case.yaml -o course.svg",),
    "export": ("fhir-case export --to phenopacket case.yaml -o case.phenopacket.json",),
    "verify": ("fhir-case verify journal.jsonl",),
    "undo": ("fhir-case undo journal.jsonl",),
    "interop": ("fhir-case interop case.yaml --server clinic --server http://localhost:8080/fhir --html matrix.html",),
    "packages add": ("fhir-case packages add my-guide.tgz",),
    "packages list": ("fhir-case packages list",),
    "server start": ("fhir-case server start --detach --port 0",),
    "server status": ("fhir-case server status",),
    "server stop": ("fhir-case server stop --all",),
    "server log": ("fhir-case server log -n 100",),
    "server list": ("fhir-case server list",),
    "server check": ("fhir-case server check",),
    "completion": (
        'eval "$(fhir-case completion bash)"',
        'eval "$(fhir-case completion zsh)"',
        "fhir-case completion fish > ~/.config/fish/completions/fhir-case.fish",
    ),
    "doctor": ("fhir-case doctor", "fhir-case doctor profiles"),
}

# Behind the options of a command alone: what goes in, by what it is checked, what comes out, the connection.
_SHARED = (
    "--fhir", "--data", "--functions", "--mapping", "--codes", "--engine", "--package", "--validate-server",
    "--start-timeout",
    "--output", "--html", "--open", "--verbose", "--format", "--quiet",
    "--timeout", "--auth", "--header", "--ca-file", "--client-certificate", "--client-key", "--max-response-bytes",
    "--max-response-ratio", "--real-patient-data",
)  # fmt: skip
_UNBROKEN = "\N{NON-BREAKING HYPHEN}"


class _Formatter(click.HelpFormatter):
    """Help whose lines end between words, so that ``--fail-on`` can be copied."""

    def write_text(self, text: str) -> None:
        super().write_text(text.replace("-", _UNBROKEN))

    def write_dl(self, rows: Iterable[tuple[str, str]], col_max: int = 30, col_spacing: int = 2) -> None:
        unbroken = [(name, text.replace("-", _UNBROKEN)) for name, text in rows]
        super().write_dl(unbroken, col_max, col_spacing)

    def getvalue(self) -> str:
        return super().getvalue().replace(_UNBROKEN, "-")


class _Context(click.Context):
    formatter_class = _Formatter


def with_help(command: click.Command, name: str) -> click.Command:
    """
    Return a command, and those in it, with the options in the order of all commands, and its examples.

    Args:
        name: Its name, ``server list`` with that of its group.
    """
    command.context_class = _Context
    command.params.sort(key=_place)
    for parameter in command.params:
        if isinstance(parameter, click.Option) and parameter.default == "":
            parameter.show_default = False
    if examples := EXAMPLES.get(name):
        command.epilog = "\n".join(
            ("\b", "Example:" if len(examples) == 1 else "Examples:", *(f"  {one}" for one in examples))
        )
    if isinstance(command, click.Group):
        for inner, each in command.commands.items():
            with_help(each, f"{name} {inner}")
    return command


def _place(parameter: click.Parameter) -> int:
    if isinstance(parameter, click.Argument):
        return -2
    return next((place for place, name in enumerate(_SHARED) if name in parameter.opts), -1)

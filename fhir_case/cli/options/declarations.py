"""Options that several commands have, declared once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Callable

    Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]

__all__ = [
    "combined",
    "fhir_option",
    "format_option",
    "quiet_option",
    "real_patient_data_option",
    "renamed_option",
    "timeout_option",
]


def combined(*options: Decorator) -> Decorator:
    """Return a decorator that adds several options, in the order in which the help lists them."""

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


def fhir_option(meaning: str = "The FHIR release of the files.") -> Decorator:
    """Return ``--fhir``, with what the release is of."""
    releases = click.Choice(["R4", "R5"], case_sensitive=False)
    return click.option("--fhir", type=releases, default="R4", show_default=True, metavar="[R4|R5]", help=meaning)


def format_option(*more: str, meaning: str = "The format of the output.") -> Decorator:
    """Return ``--format``: text, JSON, and what else a command can write. The parameter is ``form``."""
    forms = click.Choice(["text", "json", *more])
    return click.option("--format", "form", type=forms, default="text", show_default=True, help=meaning)


def timeout_option(default_s: float = 300.0) -> Decorator:
    """Return ``--timeout``. The parameter is ``timeout_s``."""
    return click.option(
        "--timeout",
        "timeout_s",
        type=click.FloatRange(min=0, min_open=True),
        default=default_s,
        show_default=True,
        metavar="SECONDS",
        help="How long to wait for a response.",
    )


def real_patient_data_option(server: str = "The server") -> Decorator:
    """Return ``--real-patient-data``, with the server that it is about."""
    return click.option(
        "--real-patient-data",
        is_flag=True,
        help=f"{server} may receive the data of real patients. Without it, one that is not this machine receives only "
        "resources labelled as test data (HTEST).",
    )


def renamed_option(old: str, new: str, **attributes: Any) -> Decorator:
    """Let an option answer under its old name for one more release: hidden, and with a notice on standard error."""

    def pass_on(context: click.Context, _: click.Parameter, value: Any) -> None:
        if value:
            click.echo(f"{old} is now {new}; the old name goes with the next release", err=True)
            context.default_map = {**(context.default_map or {}), new.lstrip("-").replace("-", "_"): value}

    # Eager, so that the option of the new name finds the value as its default.
    return click.option(old, hidden=True, is_eager=True, expose_value=False, callback=pass_on, **attributes)


quiet_option = click.option("--quiet", "-q", is_flag=True, help="Show no progress.")

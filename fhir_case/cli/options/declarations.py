"""Options that several commands have, declared once, and errors that mean a wrong command line."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fhir_case.cli.output import echo_warning, set_answer
from fhir_case.errors import FhirCaseError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]

__all__ = [
    "ANY_FILE",
    "ANY_FOLDER",
    "ANY_PATH",
    "EXISTING_FILE",
    "combined",
    "database_option",
    "fhir_option",
    "output_options",
    "real_patient_data_option",
    "renamed_option",
    "seconds_option",
    "start_timeout_option",
    "timeout_option",
    "usage_errors",
]

ANY_PATH = click.Path(path_type=Path)
ANY_FILE = click.Path(path_type=Path, dir_okay=False)
ANY_FOLDER = click.Path(path_type=Path, file_okay=False)
EXISTING_FILE = click.Path(path_type=Path, exists=True, dir_okay=False, readable=True)


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
    return click.option("--fhir", type=releases, default="R4", metavar="[R4|R5]", help=meaning)


def output_options(*more: str, default: str | None = "text", meaning: str = "The format of the output.") -> Decorator:
    """
    Return ``--format`` and ``--quiet``, which every command has.

    What a command finds goes to standard output: with ``--format json`` by `echo_json`, as the result in the envelope.
    All else goes to standard error, by `echo_notice`, `echo_warning` and `echo_error`.

    Args:
        more: The formats beside ``json`` and the default.
        default: The format for people, or of the data; None where the command chooses. The parameter is ``form``.
    """
    forms = click.Choice([*([default] if default else []), "json", *more])
    return combined(
        click.option(
            "--format", "form", type=forms, default=default, is_eager=True, callback=_answer_in, help=meaning
        ),
        click.option(
            "--quiet", "-q", is_flag=True, is_eager=True, expose_value=False, callback=_be_quiet,
            help="Write only errors to standard error: no progress, notices and warnings.",
        ),
    )  # fmt: skip


def _answer_in(context: click.Context, _: click.Parameter, form: str | None) -> str | None:
    set_answer(context, as_json=form == "json")
    return form


def _be_quiet(context: click.Context, _: click.Parameter, quiet: bool) -> None:
    set_answer(context, quiet=quiet)


def seconds_option(name: str, parameter: str, default_s: float, meaning: str) -> Decorator:
    """Return an option that takes a time in seconds."""
    seconds = click.FloatRange(min=0)
    return click.option(name, parameter, type=seconds, default=default_s, metavar="SECONDS", help=meaning)


def timeout_option(default_s: float = 300.0) -> Decorator:
    """Return ``--timeout``. The parameter is ``timeout_s``."""
    seconds = click.FloatRange(min=0, min_open=True)
    meaning = "How long to wait for a response, to its last byte."
    return click.option("--timeout", "timeout_s", type=seconds, default=default_s, metavar="SECONDS", help=meaning)


def database_option(default: str) -> Decorator:
    """Return ``--db`` for an embedded server, with what it is without the option. It is checked where it starts."""
    return click.option(
        "--db",
        default="",
        metavar="h2|postgres|JDBC-URL",
        help="The database of the embedded server: H2, an embedded PostgreSQL (extra postgres), or one of your own, "
        "jdbc:postgresql://HOST/DATABASE, with user and password from FHIR_CASE_DB_USER, FHIR_CASE_DB_PASSWORD or "
        f"FHIR_CASE_DB_PASSWORD_FILE. Default: {default}.",
    )


def start_timeout_option(parameter: str = "start_timeout_s") -> Decorator:
    """Return ``--start-timeout``, for a server that is started; without it the parameter is None."""
    return click.option(
        "--start-timeout",
        parameter,
        type=click.FloatRange(min=0, min_open=True),
        metavar="SECONDS",
        help="How long the start of the embedded server may take. Default: 180, 120 more for each package, and longer "
        "as long as it gets on.",
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
    shown = f"{new} {attributes['flag_value']}" if "flag_value" in attributes else new

    def pass_on(context: click.Context, _: click.Parameter, value: Any) -> None:
        if value:
            echo_warning(f"{old} is now {shown}; the old name goes with the next release")
            parameter = next(each.name for each in context.command.params if new in each.opts)
            context.default_map = {**(context.default_map or {}), parameter: value}

    # Eager, so that the option of the new name finds the value as its default.
    return click.option(old, hidden=True, is_eager=True, expose_value=False, callback=pass_on, **attributes)


@contextmanager
def usage_errors(kind: type[FhirCaseError] = FhirCaseError, *, option: str = "") -> Iterator[None]:
    """
    Turn errors of the library into usage errors (exit code 2).

    Args:
        kind: The class of these errors; others pass.
        option: The option whose value is wrong, where it is one.
    """
    try:
        yield
    except kind as error:
        if option:
            raise click.BadParameter(str(error), param_hint=option) from None
        raise click.UsageError(str(error)) from None

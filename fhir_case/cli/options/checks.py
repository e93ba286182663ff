"""Which checks are made, and in how many processes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from fhir_case.cli.options import completion
from fhir_case.cli.options.declarations import combined

if TYPE_CHECKING:
    from collections.abc import Collection

    from fhir_case.cli.options.declarations import Decorator

__all__ = ["check_options", "left_out"]


def _known_checks(_context: click.Context, _parameter: click.Parameter, names: tuple[str, ...]) -> tuple[str, ...]:
    """Refuse names that are not those of checks."""
    if not names:
        return ()
    from fhir_case.validation import CHECKS
    from fhir_case.wording import did_you_mean

    known = [check.name for check in CHECKS]
    for name in names:
        if name not in known:
            advice = did_you_mean(name, known) or "--list-rules names all"
            raise click.BadParameter(f"there is no check '{name}'; {advice}")
    return names


def _number_of_jobs(_context: click.Context, _parameter: click.Parameter, text: str) -> int | None:
    """Return the number; None for ``auto``."""
    if text == "auto":
        return None
    from fhir_case.validation.workers.checking import MAXIMUM_PROCESSES

    if text.isdecimal() and 1 <= int(text) <= MAXIMUM_PROCESSES:
        return int(text)
    raise click.BadParameter(f"'{text}' is neither 'auto' nor a number from 1 to {MAXIMUM_PROCESSES}")


check_options: Decorator = combined(
    click.option(
        "--skip",
        multiple=True,
        metavar="CHECK",
        shell_complete=completion.checks,
        callback=_known_checks,
        help="Skip a check of --list-rules; may be repeated.",
    ),
    click.option(
        "--check",
        "forced",
        multiple=True,
        metavar="CHECK",
        type=click.Choice(["structure"]),
        help="Make a check that is left out of large inputs, of more than 300 resources: 'structure', the models of "
        "fhir.resources, which take six times as long as all other checks; the strict schema finds what they find.",
    ),
    click.option(
        "--jobs",
        default="auto",
        metavar="N",
        callback=_number_of_jobs,
        help="The number of processes. 'auto': one per core, at most 8, started when the input takes more than a "
        "second.",
    ),
)


def left_out(skip: Collection[str], forced: Collection[str], *, is_small: bool) -> dict[str, str]:
    """
    Return the checks that are not made, each with the reason.

    Raises:
        click.UsageError: A check is wanted and not wanted.
    """
    from fhir_case.issues import NOT_ASKED
    from fhir_case.validation import ON_REQUEST

    if both := sorted({*skip} & {*forced}):
        raise click.UsageError(f"--check {both[0]} and --skip {both[0]} contradict each other.")
    large = {} if is_small else {name: reason for name, reason in NOT_ASKED.items() if name not in forced}
    return large | dict.fromkeys(skip, ON_REQUEST)

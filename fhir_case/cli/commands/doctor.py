"""``fhir-case doctor``: what is there on this machine, and what is missing for what."""

from __future__ import annotations

import os
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from fhir_case.cli.options.declarations import output_options
from fhir_case.cli.output import echo, echo_json, echo_table
from fhir_case.diagnosis import PURPOSES
from fhir_case.errors import ExitCode

if TYPE_CHECKING:
    from fhir_case.diagnosis import Finding, Purpose

__all__ = ["doctor"]


@click.command()
@click.argument("purposes", metavar="[PURPOSE]...", nargs=-1, type=click.Choice(tuple(PURPOSES)))
@output_options()
def doctor(*, purposes: tuple[Purpose, ...], form: str) -> None:
    """
    Say what is there on this machine, and what is missing for what; nothing is started, downloaded or changed.

    With PURPOSE (cases, upload, server, postgres, profiles, excel, png, oauth, spark) the exit code is 8 where one of
    them cannot run.
    """
    from fhir_case.diagnosis import findings

    found = tuple(findings(os.environ))
    missing: dict[Purpose, list[str]] = {purpose: _missing(found, purpose) for purpose in PURPOSES}
    if form == "json":
        echo_json({"found": [asdict(one) for one in found], "missing": missing})
    else:
        _show(found, missing)
    if any(missing[purpose] for purpose in purposes):
        sys.exit(ExitCode.CHECKER)


def _missing(found: tuple[Finding, ...], purpose: Purpose) -> list[str]:
    return [one.name for one in found if purpose in one.needed_for and not one.found]


def _show(found: tuple[Finding, ...], missing: dict[Purpose, list[str]]) -> None:
    echo_table(("WHAT", "STATE", "DETAIL"), ((one.name, "ok" if one.found else "missing", one.detail) for one in found))
    echo()
    rows = (
        (purpose, f"needs {', '.join(lacks)}" if lacks else "can run", PURPOSES[purpose])
        for purpose, lacks in missing.items()
    )
    echo_table(("FOR", "STATE", "THAT IS"), rows)
    for one in found:
        if not one.found and one.hint:
            echo(f"{one.name}: {one.hint}")

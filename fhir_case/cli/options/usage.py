"""Errors of the library that mean a wrong command line."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from fhir_case.errors import FhirCaseError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["usage_errors"]


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

"""The files that a user names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fhir_case.cli.options.usage import usage_errors

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

__all__ = ["expanded"]


def expanded(patterns: Sequence[str]) -> list[Path | None]:
    """
    Return the paths of names and patterns; None stands for standard input, which is written ``-``.

    Raises:
        click.UsageError: One of them matches no file.
    """
    from fhir_case.documents import expand

    paths: list[Path | None] = []
    with usage_errors():
        for pattern in patterns:
            paths += [None] if pattern == "-" else expand([pattern])
    return paths

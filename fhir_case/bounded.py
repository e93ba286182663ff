"""Read small files of the user whole, and never one that does not end, such as a device or a pipe."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING

from fhir_case.errors import FhirCaseError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["read_bounded"]


def read_bounded(path: Path, most_bytes: int, *, pipes: bool = False) -> bytes:
    """
    Return the content of a file.

    Args:
        most_bytes: How large it may be.
        pipes: Whether it may be a pipe; one into which nobody writes would be waited for, for ever.

    Raises:
        FhirCaseError: It is larger, or a pipe.
        OSError: It cannot be read.
    """
    if not pipes and stat.S_ISFIFO(path.stat().st_mode):
        raise FhirCaseError("this is a pipe, which may never end", where=str(path), hint="write it to a file")
    with path.open("rb") as file:
        content = file.read(most_bytes + 1)
    if len(content) > most_bytes:
        raise FhirCaseError(f"this is larger than {most_bytes / 1e6:,.0f} MB", where=str(path), hint="check its name")
    return content

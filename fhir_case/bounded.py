"""Read small files of the user whole, and never one that does not end, such as a device."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fhir_case.errors import FhirCaseError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["read_bounded"]


def read_bounded(path: Path, most_bytes: int) -> bytes:
    """
    Return the content of a file.

    Args:
        most_bytes: How large it may be.

    Raises:
        FhirCaseError: It is larger.
        OSError: It cannot be read.
    """
    with path.open("rb") as file:
        content = file.read(most_bytes + 1)
    if len(content) > most_bytes:
        raise FhirCaseError(f"this is larger than {most_bytes / 1e6:,.0f} MB", where=str(path), hint="check its name")
    return content

"""The cases that come with this package."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files

__all__ = ["ShippedCase", "shipped_case_names", "shipped_case_text", "shipped_cases"]

_FOLDER = "cases"


@dataclass(frozen=True, slots=True)
class ShippedCase:
    """
    Name a case that comes with this package.

    Args:
        name: The name by which it is loaded.
        title: What it is about.
        citation: The report that it was taken from.
    """

    name: str
    title: str
    citation: str


def shipped_case_names() -> tuple[str, ...]:
    """Return the names of the shipped cases in their order."""
    folder = files("fhir_case.case") / _FOLDER
    return tuple(sorted(file.name.removesuffix(".yaml") for file in folder.iterdir() if file.name.endswith(".yaml")))


def shipped_case_text(name: str) -> bytes:
    """Return the file of a shipped case."""
    return (files("fhir_case.case") / _FOLDER / f"{name}.yaml").read_bytes()


def shipped_cases() -> tuple[ShippedCase, ...]:
    """
    Return the shipped cases in the order of their names.

    Raises:
        CaseError: A shipped case cannot be read.
    """
    from fhir_case.case.reading import read_case

    cases = ((name, read_case(shipped_case_text(name), file=f"{name}.yaml")) for name in shipped_case_names())
    return tuple(ShippedCase(name, case.title, case.report.citation) for name, case in cases)

"""The files of the cases that come with this package."""

from __future__ import annotations

from importlib.resources import files

__all__ = ["shipped_case_names", "shipped_case_text"]

_FOLDER = "cases"


def shipped_case_names() -> tuple[str, ...]:
    """Return the names of the shipped cases in their order."""
    folder = files("fhir_case.case") / _FOLDER
    return tuple(sorted(file.name.removesuffix(".yaml") for file in folder.iterdir() if file.name.endswith(".yaml")))


def shipped_case_text(name: str) -> bytes:
    """Return the file of a shipped case."""
    return (files("fhir_case.case") / _FOLDER / f"{name}.yaml").read_bytes()

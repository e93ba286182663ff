"""The files of the cases that come with this package."""

from __future__ import annotations

from importlib.resources import files

__all__ = ["shipped_case_names", "shipped_case_text", "shipped_variation"]

_FOLDER = "cases"
_VARIATION = ".vary.yaml"


def shipped_case_names() -> tuple[str, ...]:
    """Return the names of the shipped cases in their order."""
    folder = files("fhir_case.case") / _FOLDER
    names = (file.name for file in folder.iterdir() if not file.name.endswith(_VARIATION))
    return tuple(sorted(name.removesuffix(".yaml") for name in names if name.endswith(".yaml")))


def shipped_case_text(name: str) -> bytes:
    """Return the file of a shipped case."""
    return (files("fhir_case.case") / _FOLDER / f"{name}.yaml").read_bytes()


def shipped_variation(name: str) -> bytes:
    """Return the file that declares what varies of a shipped case in a cohort; nothing where there is none."""
    file = files("fhir_case.case") / _FOLDER / f"{name}{_VARIATION}"
    return file.read_bytes() if file.is_file() else b""

"""The JSON of every command: one envelope around its result, whatever became of it."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fhir_case.report.characters import encodable, json_characters

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from fhir_case.errors import ExitCode, FhirCaseError

__all__ = ["envelope_pieces", "error_json", "output_schema_path"]


def error_json(error: FhirCaseError) -> dict[str, str]:
    """Return an error as the envelope has it: where, what, and what to do next."""
    return {"where": error.where, "message": error.message, "hint": error.hint}


def envelope_pieces(
    command: str,
    exit_code: ExitCode,
    *,
    errors: Sequence[dict[str, str]],
    warnings: Sequence[str],
    result: Iterable[str],
) -> Iterator[str]:
    """
    Return the envelope, piece by piece; the result is last, since it may be large.

    Args:
        command: Its name, ``server list`` with that of its group; empty where the command line names none.
        errors: Each as `error_json` has it.
        result: JSON, in pieces; none for a command that came to no result.
    """
    from fhir_case import __version__
    from fhir_case.fhir import wire

    envelope: dict[str, Any] = {
        "fhir_case": __version__,
        "command": command,
        "outcome": exit_code.name.lower(),
        "exit_code": int(exit_code),
        "errors": errors,
        "warnings": warnings,
        "result": None,
    }
    begin, _, end = json_characters(wire.dump(encodable(envelope), indent=True).decode()).rpartition("null")
    yield begin
    empty = True
    for piece in result:
        empty = False
        yield piece.replace("\n", "\n  ")  # a text in JSON holds no end of a line
    yield f"null{end}" if empty else end


def output_schema_path() -> Path:
    """Return the path of the JSON Schema of the envelope and of all results in the installed package."""
    return Path(str(files("fhir_case.report") / "output.schema.json"))

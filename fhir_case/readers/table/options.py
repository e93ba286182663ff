"""What a command says of the tables of recipes: where they are, and the functions of the user's."""

from __future__ import annotations

import sys
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fhir_case.bounded import read_bounded
from fhir_case.errors import CaseError, FhirCaseError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from fhir_case.readers.table.losses import Losses

__all__ = ["TableOptions", "functions_of", "options_in_use", "shipped_recipe", "shipped_recipes", "table_options"]

_MOST_BYTES = 10_000_000


@dataclass(slots=True)
class TableOptions:
    """
    What a command says.

    Args:
        data: The folder with the tables; the folder of the recipe, without one.
        functions: The functions of the user's, by their names.
        losses: What became of the tables, filled in by what reads them.
    """

    data: Path | None = None
    functions: Mapping[str, Callable[..., Any]] = field(default_factory=dict)
    losses: list[Losses] = field(default_factory=list)


_IN_USE = [TableOptions()]


def options_in_use() -> TableOptions:
    """Return the options of the command that runs."""
    return _IN_USE[-1]


@contextmanager
def table_options(options: TableOptions) -> Iterator[TableOptions]:
    """Let recipes be read with these options, in the whole process: they are read in many places."""
    _IN_USE.append(options)
    try:
        yield options
    finally:
        _IN_USE.remove(options)


def _folder() -> Path:
    return Path(str(files("fhir_case.readers.table") / "recipes"))


def shipped_recipes() -> tuple[str, ...]:
    """Return the names of the shipped recipes in their order."""
    return tuple(sorted(path.stem for path in _folder().glob("*.yaml")))


def shipped_recipe(name: str) -> Path | None:
    """Return the file of a shipped recipe; None where there is none of this name."""
    return _folder() / f"{name}.yaml" if name in shipped_recipes() else None


def functions_of(path: Path) -> dict[str, Callable[..., Any]]:
    """
    Return the functions of a Python file of the user's, by their names.

    Raises:
        CaseError: The file cannot be read or run.
    """
    try:
        content = read_bounded(path, _MOST_BYTES)
    except OSError as error:
        raise CaseError(f"the functions cannot be read: {error.strerror}", where=str(path)) from None
    except FhirCaseError as error:
        raise CaseError(error.message, where=error.where, hint=error.hint) from None
    names: dict[str, Any] = {"__name__": "fhir_case_functions", "__file__": str(path)}
    try:
        with redirect_stdout(sys.stderr):
            exec(compile(content, str(path), "exec", dont_inherit=True), names)  # noqa: S102 - it is what the user gave
    except (Exception, SystemExit) as error:
        line = error.lineno if isinstance(error, SyntaxError) else _last_line(str(path), error)
        what = f"the functions cannot be run: {type(error).__name__}: {error}"
        raise CaseError(what, where=f"{path}:{line or 1}", hint="mend the file") from error
    return {name: one for name, one in names.items() if callable(one) and not name.startswith("_")}


def _last_line(path: str, error: BaseException) -> int | None:
    from traceback import extract_tb

    return next((frame.lineno for frame in reversed(extract_tb(error.__traceback__)) if frame.filename == path), None)

"""Call the functions of the user's: whatever one does or returns, the import goes on or says where it failed."""

from __future__ import annotations

import sys
from contextlib import redirect_stdout
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from fhir_case.case.node import Problem
from fhir_case.case.tree import MAX_DEPTH, MAX_VALUES
from fhir_case.readers.nodes import node_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from fhir_case.case.node import Node, Place

__all__ = ["FunctionFailedError", "called"]

_MOST_DIGITS = 40
_LONGEST_SHOWN = 300


class FunctionFailedError(Exception):
    """A function of the user's that failed: an error of the import, with its place."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.what)
        self.problem = problem


def called(name: str, function: Callable[..., Any], values: Mapping[str, str], place: Place) -> Node | None:
    """
    Return what a function makes of values, at their place; what it prints goes to standard error.

    Args:
        name: Its name in the recipe.
        function: The function.
        values: The known values of its columns, by their names.
        place: Where they are.

    Raises:
        FunctionFailedError: It raised whatever it may be, wanted to end the process, or returned what no case file has.
    """
    try:
        with redirect_stdout(sys.stderr):
            data = function(dict(values))
            _require_plain(data)
            return None if data is None else node_of(data, place)
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        what = f"the function '{name}' failed for {values}: {type(error).__name__}: {_words(error)}"
        raise FunctionFailedError(Problem(place, (), what, "mend it")) from error


def _words(error: BaseException) -> str:
    try:
        words = str(error)
    except Exception:
        return "without words"
    return words if len(words) <= _LONGEST_SHOWN else f"{words[:_LONGEST_SHOWN]}…"


def _require_plain(data: Any) -> None:
    """Raise ValueError for what no case file can have: too deep, too many values, too large a number."""
    count = 0
    waiting: list[tuple[Any, int]] = [(data, 1)]
    while waiting:
        value, depth = waiting.pop()
        count += 1
        if depth > MAX_DEPTH:
            raise ValueError(f"it returned values nested more than {MAX_DEPTH} levels deep")
        if count > MAX_VALUES:
            raise ValueError(f"it returned more than {MAX_VALUES:,} values")
        if isinstance(value, int | Decimal) and abs(value) >= 10**_MOST_DIGITS:
            raise ValueError(f"it returned a number of more than {_MOST_DIGITS} digits")
        if isinstance(value, dict):
            waiting += [(inner, depth + 1) for inner in value.values()]
        elif isinstance(value, list | tuple):
            waiting += [(inner, depth + 1) for inner in value]

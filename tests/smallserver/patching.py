"""
Apply a JSON Patch to a resource.

Source: RFC 6902; https://hl7.org/fhir/R4/http.html#patch
"""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING, Any

from .exchange import Refusal

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["patched"]


def patched(resource: Any, operations: Any) -> Any:
    """
    Return the patched resource; the one given stays as it is.

    Raises:
        Refusal: 400: it is not a JSON Patch; 422: a test fails, or an operation leads nowhere.
    """
    if not isinstance(operations, list):
        raise Refusal(400, "a JSON Patch is a list of operations")
    root = {"": deepcopy(resource)}
    for number, operation in enumerate(operations):
        try:
            _OPERATIONS[operation["op"]](root, operation)
        except (KeyError, TypeError) as error:
            raise Refusal(400, f"operation {number} is not an operation of a JSON Patch: {error}") from error
        except (LookupError, ValueError) as error:
            raise Refusal(422, f"operation {number} cannot be done: {error}", code="processing") from error
    return root.get("")


class _NowhereError(ValueError):
    """A pointer that leads nowhere."""


def _add(root: Any, operation: dict[str, Any]) -> None:
    _put(root, operation["path"], operation["value"])


def _remove(root: Any, operation: dict[str, Any]) -> None:
    holder, step = _place(root, operation["path"])
    _get(holder, step)
    del holder[step]


def _replace(root: Any, operation: dict[str, Any]) -> None:
    value = operation["value"]
    holder, step = _place(root, operation["path"])
    _get(holder, step)
    holder[step] = value


def _move(root: Any, operation: dict[str, Any]) -> None:
    holder, step = _place(root, operation["from"])
    value = _get(holder, step)
    del holder[step]
    _put(root, operation["path"], value)


def _copy(root: Any, operation: dict[str, Any]) -> None:
    _put(root, operation["path"], deepcopy(_get(*_place(root, operation["from"]))))


def _test(root: Any, operation: dict[str, Any]) -> None:
    wanted = operation["value"]
    found = _get(*_place(root, operation["path"]))
    if found != wanted or isinstance(found, bool) != isinstance(wanted, bool):
        raise _NowhereError(f"{operation['path']} is not what is tested")


def _put(root: Any, path: str, value: Any) -> None:
    holder, step = _place(root, path, end=True)
    if isinstance(holder, list):
        holder.insert(step, value)
    else:
        holder[step] = value


def _place(root: Any, path: str, *, end: bool = False) -> tuple[Any, Any]:
    """Return what holds the target of a pointer, and the step from there; of a list, the end too when wanted."""
    if not isinstance(path, str) or (path and path[0] != "/"):
        raise TypeError(f"{path!r} is not a JSON Pointer")
    steps = [step.replace("~1", "/").replace("~0", "~") for step in path.split("/")]
    holder = root
    for step in steps[:-1]:
        holder = _get(holder, _step(holder, step, 0))
    return holder, _step(holder, steps[-1], int(end))


def _step(holder: Any, step: str, more: int) -> str | int:
    if isinstance(holder, dict):
        return step
    if not isinstance(holder, list):
        raise _NowhereError(f"there is nothing in {holder!r}")
    if step == "-" and more:
        return len(holder)
    if not step.isdecimal() or int(step) >= len(holder) + more:
        raise _NowhereError(f"there is no item {step}")
    return int(step)


def _get(holder: Any, step: str | int) -> Any:
    if isinstance(holder, dict) and step not in holder:
        raise _NowhereError(f"there is no {step}")
    return holder[step]


_OPERATIONS: dict[str, Callable[[Any, dict[str, Any]], None]] = {
    "add": _add,
    "copy": _copy,
    "move": _move,
    "remove": _remove,
    "replace": _replace,
    "test": _test,
}

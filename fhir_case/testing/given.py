"""Take a resource in any of the forms in which tests have it."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from fhir_case.errors import BundleError
from fhir_case.fhir import wire

if TYPE_CHECKING:
    from fhir_case.fhir.wire import Resource

__all__ = ["has_floats", "resource_of", "to_json"]


def to_json(resource: Mapping[str, Any]) -> str:
    """
    Return a resource as JSON, each decimal with its digits; ``json`` cannot write them.

    Raises:
        BundleError: It holds something that JSON has not.
    """
    try:
        return wire.dump(resource).decode()
    except TypeError as error:
        raise BundleError(f"it cannot be written as JSON: {error}") from None


def resource_of(given: object) -> Resource:
    """
    Return a resource as a dict of its own.

    Args:
        given: A dict, JSON as text or bytes, a model of fhir.resources, or what else has ``model_dump_json`` or
            ``as_json``. The numbers of a model keep their digits, those of JSON too; a float has none to keep.

    Raises:
        BundleError: It is no resource.
    """
    try:
        found = wire.parse(given if isinstance(given, str | bytes) else wire.dump(_plain(given)))
    except (TypeError, ValueError) as error:
        raise BundleError(f"this {type(given).__name__} cannot be read as a resource: {error}") from None
    if not isinstance(found, dict) or not isinstance(found.get("resourceType"), str):
        raise BundleError(f"this {type(given).__name__} is no FHIR resource: it has no resourceType")
    return found


def has_floats(given: object) -> bool:
    """Whether a number in it is a float, which does not know with how many digits it was written."""
    if isinstance(given, Mapping):
        return any(has_floats(each) for each in given.values())
    if isinstance(given, list | tuple):
        return any(has_floats(each) for each in given)
    return isinstance(given, float)


def _plain(given: Any) -> object:
    if isinstance(given, Mapping):
        return dict(given)
    if hasattr(given, "model_dump_json"):
        return _with_digits(wire.parse(given.model_dump_json()), given)
    return given.as_json() if hasattr(given, "as_json") else given


def _with_digits(dumped: Any, held: Any) -> Any:
    """Put the decimals that a model holds into what it dumps: it writes them as floats, 15.00 as 15.0."""
    if isinstance(held, Decimal) and isinstance(dumped, int | Decimal):
        return held
    if isinstance(held, list) and isinstance(dumped, list) and len(held) == len(dumped):
        return [_with_digits(*pair) for pair in zip(dumped, held, strict=True)]
    fields = getattr(type(held), "model_fields", None)
    if fields and isinstance(dumped, dict):
        names: dict[str, str] = {str(field.alias or name): name for name, field in fields.items()}
        return {key: _with_digits(each, getattr(held, str(names.get(key, key)), None)) for key, each in dumped.items()}
    return dumped

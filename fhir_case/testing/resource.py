"""A resource in any of the forms in which tests have it."""

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
        BundleError: It holds something that JSON does not have.
    """
    try:
        return wire.dump(resource).decode()
    except TypeError as error:
        raise BundleError(f"it cannot be written as JSON: {error}") from None


def resource_of(value: object) -> Resource:
    """
    Return a resource as a dict of its own.

    Args:
        value: A dict, JSON as text or bytes, a model of fhir.resources, or what else has ``model_dump_json`` or
            ``as_json``. The numbers of a model keep their digits, those of JSON too; a float has none to keep.

    Raises:
        BundleError: It is not a resource.
    """
    try:
        found = wire.parse(value if isinstance(value, str | bytes) else wire.dump(_plain(value)))
    except (TypeError, ValueError) as error:
        raise BundleError(f"this {type(value).__name__} cannot be read as a resource: {error}") from None
    if not isinstance(found, dict) or not isinstance(found.get("resourceType"), str):
        raise BundleError(f"this {type(value).__name__} is not a FHIR resource: it has no resourceType")
    return found


def has_floats(value: object) -> bool:
    """Whether a number in it is a float, which does not know with how many digits it was written."""
    if isinstance(value, Mapping):
        return any(has_floats(each) for each in value.values())
    if isinstance(value, list | tuple):
        return any(has_floats(each) for each in value)
    return isinstance(value, float)


def _plain(value: Any) -> object:
    if isinstance(value, Mapping):
        return dict(value)
    if hasattr(value, "model_dump_json"):
        return _with_digits(wire.parse(value.model_dump_json()), value)
    return value.as_json() if hasattr(value, "as_json") else value


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

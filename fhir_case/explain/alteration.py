"""A case without one of its facts, or with another in its place."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any, Literal, get_args, get_origin

from fhir_case.case.forms import Concept, Form, Quantity, When

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fhir_case.case import Case
    from fhir_case.case.entry import Entry

__all__ = ["alterations", "with_entry"]

_OTHER_WORDS = "(something else)"
_OTHER_DAY = "1901-02-03"


def alterations(entry: Entry, field: str) -> Iterator[Entry]:
    """
    Return the entry without a field, and with another value in it, as far as both are possible, unchecked.

    Nothing is returned for a field that says what is so without it.
    """
    info = type(entry).model_fields[field]
    value = getattr(entry, field)
    if isinstance(value, When) and value.unknown and info.is_required():
        return
    if not info.is_required():
        default = info.get_default(call_default_factory=True)
        if value == default:
            return
        yield entry.model_copy(update={field: default})
    choices = get_args(info.annotation) if get_origin(info.annotation) is Literal else (_other(value),)
    for other in choices:
        if other != value:
            yield entry.model_copy(update={field: other})


def _other(value: Any) -> Any:
    """Return another value of the same form; the same where there is none."""
    if isinstance(value, Form):
        return value.model_copy(update=_other_parts(value))
    if isinstance(value, bool):
        return not value
    if isinstance(value, int | Decimal):
        return value + 1
    if isinstance(value, tuple):
        return tuple(_other(one) for one in value)
    return f"{value} {_OTHER_WORDS}" if isinstance(value, str) else value


def _other_parts(form: Form) -> dict[str, Any]:
    if isinstance(form, Concept):
        return {"name": None, "text": _OTHER_WORDS, "code": ()}
    if isinstance(form, When):
        others = (name for name in When.model_fields if name not in {"day", "unit"})
        return {**dict.fromkeys(others), "day": _OTHER_DAY}
    if isinstance(form, Quantity):
        return {"value": form.value + 1}
    inner = {name: getattr(form, name) for name in type(form).model_fields}
    return {name: _other(one) for name, one in inner.items() if isinstance(one, Form)}


def with_entry(case: Case, entry: Entry, other: Entry) -> Case:
    """Return the case with another entry in the place of one; its times are computed anew."""
    changed = {
        section.name: _replaced(getattr(case, section.name), section.parts, entry, other) for section in case.sections
    }
    kept = {name: getattr(case, name) for name in type(case).model_fields}
    return type(case).model_construct(**{**kept, **changed})


def _replaced(value: Any, parts: Any, entry: Entry, other: Entry) -> Any:
    if value is entry:
        return other
    if not isinstance(value, tuple):
        return value
    if any(one is entry for one in value):
        return tuple(other if one is entry else one for one in value)
    for part in parts:
        for position, one in enumerate(value):
            inner = getattr(one, part.name)
            if any(each is entry for each in inner):
                changed = one.model_copy(update={part.name: _replaced(inner, (), entry, other)})
                return (*value[:position], changed, *value[position + 1 :])
    return value

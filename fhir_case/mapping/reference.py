"""What a case file can hold, in words: each field with its meaning, its form, and whether it is required."""

from __future__ import annotations

import types
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel

from fhir_case.case.entry import HasRole
from fhir_case.case.forms.form import Form, ShortForm
from fhir_case.case.section import sections_by_role
from fhir_case.mapping.concepts import InTable

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from fhir_case.case.section import Section

__all__ = ["FieldReference", "fields_of", "parts_of", "values_of"]


@dataclass(frozen=True, slots=True)
class FieldReference:
    """
    A field of an entry.

    Args:
        name: Its name in the file.
        meaning: What it says.
        form: What can be written, in words.
        required: Whether an entry must have it.
        model: The model of its mapping; none for a single value.
    """

    name: str
    meaning: str
    form: str
    required: bool
    model: type[Form] | None = None


def fields_of(model: type[Form], sections: Iterable[Section]) -> tuple[FieldReference, ...]:
    """
    Return the fields of a model in their order, those that are required first.

    Args:
        sections: All sections of the case file, to say which of them have the entries that a key names.
    """
    roles = sections_by_role(sections)
    said = model.field_descriptions()
    found = []
    for name, field in model.model_fields.items():
        annotation = Annotated[field.annotation, *field.metadata] if field.metadata else field.annotation
        meaning = said.get(name) or field.description or ""
        form = _form(annotation, roles)
        found.append(FieldReference(name, meaning, form, field.is_required(), _model_in(annotation)))
    return tuple(sorted(found, key=lambda one: not one.required))


def values_of(model: type[Form]) -> tuple[type[Form], ...]:
    """Return the models of the values in an entry, which have a short form, and of those in them, by their names."""
    short = [one for one in _models_in(model) if issubclass(one, ShortForm)]
    found = dict.fromkeys((*short, *(inner for one in short for inner in _models_in(one))))
    return tuple(sorted(found, key=lambda one: one.__name__))


def parts_of(model: type[Form]) -> tuple[type[Form], ...]:
    """Return the models of the other mappings in an entry, and of those in them, each once."""
    values = values_of(model)
    return tuple(one for one in _models_in(model) if one not in values)


def _models_in(model: type[Form]) -> list[type[Form]]:
    found: list[type[Form]] = []
    waiting = [model]
    for each in waiting:
        for field in each.model_fields.values():
            inner = _model_in(field.annotation)
            if inner is not None and inner not in found:
                found.append(inner)
                waiting.append(inner)
    return found


def _model_in(annotation: Any) -> type[Form] | None:
    if isinstance(annotation, type) and issubclass(annotation, Form):
        return annotation
    return next((model for part in get_args(annotation) if (model := _model_in(part)) is not None), None)


def _form(annotation: Any, roles: Mapping[str, list[str]]) -> str:
    """Return in words what can be written for an annotation."""
    origin, parts = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _checked(parts[0], parts[1:], roles)
    if origin in {Union, types.UnionType}:
        return " or ".join(_form(part, roles) for part in parts if part is not types.NoneType)
    if origin is tuple:
        return f"list: {_form(parts[0], roles)}"
    if origin is Literal:
        return " or ".join(f"`{each}`" for each in parts)
    return _plain(annotation)


def _checked(annotation: Any, checks: tuple[Any, ...], roles: Mapping[str, list[str]]) -> str:
    named = [one for check in checks for one in (check, *getattr(check, "metadata", ()))]
    for check in named:
        if isinstance(check, InTable):
            return f"{_form(annotation, roles)} of the table `{check.table}`"
        if isinstance(check, HasRole):
            sections = dict.fromkeys(name for role in check.roles for name in roles.get(role, [role]))
            return "key of an entry of " + " or ".join(f"`{name}`" for name in sections)
    low = next((each.ge for each in named if getattr(each, "ge", None) is not None), None)
    high = next((each.le for each in named if getattr(each, "le", None) is not None), None)
    form = _form(annotation, roles)
    if low is not None or high is not None:
        return f"{form} from {low} to {high}" if high is not None else f"{form}, {low} or more"
    if any("a-z" in str(getattr(each, "pattern", "")) for each in named):
        return "key"
    return form


def _plain(annotation: Any) -> str:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return f"[{annotation.__name__}]"
    names = {"str": "text", "int": "whole number", "Decimal": "number", "bool": "`true` or `false`", "date": "day"}
    return names.get(getattr(annotation, "__name__", ""), "text")

"""
Ask the models of fhir.resources what they dislike about a resource, and say it in plain words.

The library has models for R4B and R5. R4B serves R4, except for the types that R4B removed or wrote anew.
"""

from __future__ import annotations

import re
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from fhir_case.wording import MAX_HINTS, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["FhirVersion", "ModelFinding", "forms_of_choice", "has_model", "model_findings"]

FhirVersion = Literal["R4", "R5"]

_PACKAGES = {"R4": "fhir.resources.R4B", "R5": "fhir.resources"}

# What R4B does not have as R4 has it. Source: https://hl7.org/fhir/R4B/diff.html
_NOT_AS_IN_R4 = frozenset({"Evidence", "EvidenceVariable"})

_KINDS = {
    "string_type": "must be text in quotes",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_from_float": "must be a whole number",
    "list_type": "must be a list",
    "json_invalid": "must be an object",
    "json_type": "must be an object",
    "model_type": "must be an object",
    "dict_type": "must be an object",
    "missing": "is required and missing",
    "model_field_validation.missing": "is required and missing",
    "model_validation_format": "must be an object",
    "base64_decode": "is not base64",
}


class ModelFinding(NamedTuple):
    """
    One thing that a model dislikes.

    Args:
        path: The steps from the resource to the element; a number is a place in a list.
        message: What is wrong, in plain words.
        code: ``required`` or ``structure``, codes of http://hl7.org/fhir/issue-type.
    """

    path: tuple[str | int, ...]
    message: str
    code: str


def has_model(resource_type: str, fhir: FhirVersion = "R4") -> bool:
    """Whether fhir.resources has a model that serves the type in this version of FHIR."""
    return _model(resource_type, fhir) is not None


def forms_of_choice(resource_type: str, element: str) -> tuple[str, ...]:
    """Return all forms of the choice that an element of a resource is one of; nothing for another element."""
    model = _model(resource_type, "R4")
    fields = {field.alias or name: field for name, field in model.model_fields.items()} if model else {}
    choices = {name: (field.json_schema_extra or {}).get("one_of_many") for name, field in fields.items()}
    choice = choices.get(element)
    return tuple(name for name, other in choices.items() if choice and other == choice)


def model_findings(resource: Mapping[str, Any], fhir: FhirVersion = "R4") -> Iterator[ModelFinding]:
    """
    Return what the model of the resource's type dislikes; nothing for a type without a model.

    Raises:
        ArithmeticError, AttributeError, KeyError, TypeError, ValueError, RecursionError: The model itself broke.
    """
    from pydantic import ValidationError

    model = _model(resource["resourceType"], fhir)
    if model is None:
        return
    try:
        model.model_validate(resource)
    except ValidationError as errors:
        for number, error in enumerate(errors.errors(include_url=False)):
            if not _is_false_alarm(error):
                path = tuple(step for step in error["loc"] if step != "root")  # which stands for no step
                code = "required" if "missing" in error["type"] else "structure"
                yield ModelFinding(path, _plain(error, model, hint=number < MAX_HINTS), code)


def _is_false_alarm(error: Any) -> bool:
    """Return what the models get wrong: they know no extensions on the value of an Extension, and stop at -2^63 + 1."""
    last = str(error["loc"][-1]) if error["loc"] else ""
    return (error["type"], last[:6]) == ("extra_forbidden", "_value") or (
        error["type"] == "greater_than_equal" and last.endswith("Integer64")
    )


def _plain(error: Any, model: Any, *, hint: bool) -> str:
    kind, message = error["type"], " ".join(str(error["msg"]).split()).removeprefix("Value error, ")
    last = next((step for step in reversed(error["loc"]) if isinstance(step, str) and step != "root"), "")
    if kind == "extra_forbidden":
        here = hint and len(error["loc"]) == 1
        known = {field.alias or name for name, field in model.model_fields.items()} if here else ()
        text = f"'{last}' is not an element here" + did_you_mean(last, known, before="; ")
    elif message.startswith("None is not allowed"):
        text = f"'{last}' holds null, which only a list of simple values with extensions may"
    elif "got multiple" in message:
        text = "only one form of this choice may be present: " + _forms(message, error["input"])
    elif kind in _KINDS:
        text = f"'{last}' {_KINDS[kind]}"
    elif kind.startswith(("date", "time")) or kind == "string_pattern_mismatch" or "match spec regex" in message:
        text = f"{_shown(error['input'])} is not a value that '{last}' can have" + _why(error)
    else:
        text = f"'{last}': {message}"
    return text


def _forms(message: str, given: object) -> str:
    """Name those forms of a choice that are there; the message lists all that could be."""
    names = re.findall(r"'(\w+)'", message)
    return ", ".join(name for name in names if not isinstance(given, dict) or name in given)


def _why(error: Any) -> str:
    reason = str(error.get("ctx", {}).get("error", ""))
    return "" if not reason or "regex" in reason else f": {reason}"


def _shown(value: object) -> str:
    text = str(value)
    return f"'{text if len(text) <= 60 else text[:57] + '...'}'"


@cache
def _model(resource_type: str, fhir: FhirVersion) -> Any:
    if fhir == "R4" and resource_type in _NOT_AS_IN_R4:
        return None
    try:
        model = import_module(_PACKAGES[fhir]).get_fhir_model_class(resource_type)
    except (KeyError, ValueError):
        return None
    return model if model.get_resource_type() == resource_type else None

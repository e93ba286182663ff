"""
Check each resource against the models of fhir.resources, and say what they dislike in plain words.

The library has models for R4B and R5. R4B serves R4, except for the types that R4B removed or wrote anew.
"""

from __future__ import annotations

import re
from difflib import get_close_matches
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any

from fhir_case.errors import CheckerError
from fhir_case.issues import Issue
from fhir_case.validate.check import Check, always
from fhir_case.validate.subject import expression

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from fhir_case.validate.subject import FhirVersion, Located, Subject

__all__ = ["STRUCTURE"]

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


def _structure(subject: Subject) -> Iterator[Issue]:
    for located in subject.resources:
        model = _model(located.type, subject.fhir)
        if model is None:
            if located.type:
                yield _not_checked(located, f"the models of fhir.resources have no {subject.fhir} {located.type}")
            continue
        yield from _disliked(located, model)


def _disliked(located: Located, model: Any) -> Iterator[Issue]:
    from pydantic import ValidationError

    try:
        model.model_validate(_alone(located.resource))
    except ValidationError as errors:
        for error in errors.errors(include_url=False):
            if _is_false_alarm(error):
                continue
            path = tuple(step for step in error["loc"] if step != "root")  # which stands for no step
            yield Issue(
                "error",
                "structure",
                _plain(error, model),
                located.label,
                located.path + expression(path),
                "required" if "missing" in error["type"] else "structure",
            )
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        # The models break on some input that they should refuse; that is no finding about the resource.
        yield _not_checked(located, f"the model of fhir.resources failed with {type(error).__name__}")


def _is_false_alarm(error: Any) -> bool:
    """Tell what the models get wrong: they know no extensions on the value of an Extension, and stop at -2^63 + 1."""
    last = str(error["loc"][-1]) if error["loc"] else ""
    return (error["type"], last[:6]) == ("extra_forbidden", "_value") or (
        error["type"] == "greater_than_equal" and last.endswith("Integer64")
    )


def _alone(resource: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out the resources inside, which are looked at on their own."""
    bare = {name: value for name, value in resource.items() if name != "contained"}
    if resource.get("resourceType") == "Bundle" and isinstance(bare.get("entry"), list):
        bare["entry"] = [
            {name: value for name, value in entry.items() if name != "resource"} if isinstance(entry, dict) else entry
            for entry in bare["entry"]
        ]
    return bare


def _plain(error: Any, model: Any) -> str:
    kind, message = error["type"], " ".join(str(error["msg"]).split()).removeprefix("Value error, ")
    last = next((step for step in reversed(error["loc"]) if isinstance(step, str) and step != "root"), "")
    if kind == "extra_forbidden":
        known = {field.alias or name for name, field in model.model_fields.items()} if len(error["loc"]) == 1 else ()
        near = get_close_matches(last, known, n=1)
        text = f"'{last}' is no element here" + (f"; did you mean '{near[0]}'?" if near else "")
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


def _not_checked(located: Located, reason: str) -> Issue:
    return Issue("information", "structure", f"not checked: {reason}", located.label, located.path, "not-supported")


@cache
def _model(kind: str, fhir: FhirVersion) -> Any:
    if fhir == "R4" and kind in _NOT_AS_IN_R4:
        return None
    try:
        package = import_module(_PACKAGES[fhir])
    except ImportError as error:
        raise CheckerError(f"fhir.resources could not be imported: {error}") from error
    try:
        model = package.get_fhir_model_class(kind)
    except (KeyError, ValueError):
        return None
    return model if model.get_resource_type() == kind else None


STRUCTURE = Check(
    "structure",
    "Elements have the names, types and cardinalities of the specification, as the models of fhir.resources know them.",
    "https://github.com/nazrulworld/fhir.resources",
    _structure,
    always,
)

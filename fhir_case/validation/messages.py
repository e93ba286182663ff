"""The errors of the strict schema as plain messages, each with the element that is wrong."""

from __future__ import annotations

import re
from datetime import date
from typing import TYPE_CHECKING, Any

from fhir_case.fhir.definitions import targets
from fhir_case.wording import MAX_HINTS, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from fhir_case.validation.located import Path

__all__ = ["explain", "is_blank_text"]

Explained = tuple["Path", str, str]

_TYPES = {
    "object": "an object",
    "array": "a list",
    "string": "text in quotes",
    "number": "a number",
    "integer": "a whole number",
    "boolean": "true or false",
    "null": "null",
}
_FORMATS = {
    "date": "a calendar date: YYYY, YYYY-MM or YYYY-MM-DD",
    "dateTime": "a calendar date (YYYY, YYYY-MM or YYYY-MM-DD), or a date with time and time zone",
    "instant": "a date with time and time zone: YYYY-MM-DDThh:mm:ss+hh:mm",
    "time": "a time of day: hh:mm:ss",
    "absolute-uri": "an absolute URI, such as https://example.org/x or urn:oid:1.2.3",
    "element-id": "an id of an element: it has no spaces",
    "id": "an id: 1 to 64 letters, digits, - and .",
    "code": "a code: no spaces at its ends, no two in a row",
    "uri": "a URI: no spaces",
    "url": "a URL: no spaces",
    "canonical": "an absolute URL without spaces, or #id",
    "oid": "an OID: urn:oid:1.2.3",
    "uuid": "a UUID: urn:uuid: and 36 characters, its letters in lower case",
    "base64Binary": "base64",
    "integer64": "a whole number in quotes",
}
_EMPTY_TEXT = "empty text is not allowed; leave the element out"


def explain(error: Any, definitions: Mapping[str, Any]) -> Iterator[Explained]:
    """
    Yield the findings that an error of the schema stands for.

    Args:
        error: A `jsonschema_rs.ValidationError`; the library has one class for each keyword, without a common type.
        definitions: Those of the schema.

    Yields:
        The path to the element, what is wrong, and the issue type. One error can stand for several elements.
    """
    path: Path = tuple(error.instance_path[1:])  # the first step is the type
    definition = str(error.schema_path[1]) if len(error.schema_path) > 1 else ""
    keyword = error.kind.name
    if keyword == "additionalProperties":
        yield from _unexpected(error, path, definition, definitions)
    elif keyword == "required":
        yield (*path, error.kind.property), f"'{error.kind.property}' is required and missing", "required"
    elif keyword == "anyOf":
        yield from _no_alternative(error, path, definition, definitions)
    elif keyword in ("falseSchema", "propertyNames"):
        yield path, _one_of_a_choice(error, path), "structure"
    else:
        yield path, _SIMPLE.get(keyword, _other)(error, definition), "required" if keyword == "minItems" else "value"


def _unexpected(error: Any, path: Path, definition: str, definitions: Mapping[str, Any]) -> Iterator[Explained]:
    known = definitions.get(definition, {}).get("properties", {})
    for number, name in enumerate(error.kind.unexpected):
        hint = did_you_mean(name, known, before="; ") if number < MAX_HINTS else ""
        yield (*path, name), f"'{name}' is not an element of {definition.split('(', maxsplit=1)[0]}{hint}", "structure"


def _no_alternative(error: Any, path: Path, definition: str, definitions: Mapping[str, Any]) -> Iterator[Explained]:
    branches = [branch[0] for branch in error.kind.context if branch]
    if all(branch.kind.name == "required" for branch in branches) and not definition.startswith(
        ("Coding:", "Codeable")
    ):
        names = [branch.kind.property for branch in branches if not branch.kind.property.startswith("_")]
        one = f"'{names[0]}'" if len(names) == 1 else f"one of {_listed(names)}"
        yield (*path, *names[:1]) if len(names) == 1 else path, f"{one} is required and missing", "required"
    elif definition.startswith(("Reference(", "CodeableReference(")):
        yield path, _wrong_target(error, definition), "value"
    elif definition.startswith(("Coding:", "CodeableConcept:")):
        name = definition.partition(":")[2]
        yield path, f"no coding here is of the value set '{name}', and the binding is required", "code-invalid"
    else:
        yield from explain(error.kind.context[0][0], definitions)


def _wrong_target(error: Any, definition: str) -> str:
    if not isinstance(error.instance, str):
        return "must be text in quotes"
    if error.instance == "":
        return _EMPTY_TEXT
    return (
        f"{_shown(error.instance)} points to a type that is not allowed here; allowed: {_listed(targets(definition))}"
    )


def _one_of_a_choice(error: Any, path: Path) -> str:
    at = error.schema_path.index("dependentSchemas")
    first = str(error.schema_path[at + 1])
    if error.kind.name == "falseSchema":
        return f"only one of '{first}' and '{path[-1]}' may be present: they are forms of one element"
    return f"only '{first}' or another form of the same element may be present, not both"


def _type(error: Any, _: str) -> str:
    if error.instance is None:
        return "null is not allowed; leave the element out"
    wanted = [_TYPES.get(str(one), str(one)) for one in error.kind.types if one != "null"]
    return f"must be {' or '.join(wanted)}"


def _code(error: Any, definition: str) -> str:
    options = [one for one in error.kind.options if one is not None]
    value = error.instance
    if value is None:
        return "null is not allowed; leave the element out"
    if value == "":
        return _EMPTY_TEXT
    hint = did_you_mean(value, options, before="; ") if isinstance(value, str) else ""
    name = definition.partition(":")[2].rstrip("?")
    allowed = _listed(options) if len(options) <= 12 else f"the {len(options)} codes of '{name or definition}'"
    return f"{_shown(value)} is not one of {allowed}{hint}"


def _format(error: Any, definition: str) -> str:
    kind = definition.rstrip("?")
    value = error.instance
    if kind in ("date", "dateTime", "instant") and _is_not_a_day(value):
        return f"{_shown(value)} is not a day of the calendar"
    if is_blank_text(error):
        return "the text has white space only; leave the element out"
    if value == "":
        return _EMPTY_TEXT
    if kind == "xhtml":
        return "the narrative has white space only; leave the element out"
    if kind == "id":
        return f"{_shown(value)} is not {_FORMATS['id']}{_wrong_signs(value)}"
    return f"{_shown(value)} is not {_FORMATS.get(kind, f'of the form of {kind}')}"


def is_blank_text(error: Any) -> bool:
    """
    Whether an error of the schema is about text that has white space only, which R4 advises against.

    Source: https://hl7.org/fhir/R4/datatypes.html#string
    """
    definition = str(error.schema_path[1]).rstrip("?") if len(error.schema_path) > 1 else ""
    return error.kind.name == "pattern" and definition in ("string", "markdown") and error.instance != ""


def _wrong_signs(text: str) -> str:
    """Name the first characters that an id must not have; nothing when it is only too long."""
    wrong = list(dict.fromkeys(re.findall(r"[^A-Za-z0-9\-.]", text)))[:3]
    return f"; not allowed: {' '.join(repr(one) for one in wrong)}" if wrong else f"; it has {len(text)} characters"


def _is_not_a_day(text: str) -> bool:
    if not re.match(r"\d{4}-\d\d-\d\d(?:T|$)", text):
        return False
    try:
        date.fromisoformat(text[:10])
    except ValueError:
        return True
    return False


def _too_few(error: Any, _: str) -> str:
    return (
        "an empty list is not allowed; leave the element out"
        if not error.instance
        else f"at least {error.kind.limit} are needed"
    )


def _empty(*_: object) -> str:
    return "an element without content is not allowed; leave it out"


def _other(error: Any, _: str) -> str:
    return f"this is not allowed here: {_shown(error.message)}"


_SIMPLE: dict[str, Callable[[Any, str], str]] = {
    "enum": _code,
    "maxItems": lambda error, _: f"at most {error.kind.limit} are allowed",
    "maximum": lambda error, _: f"{_shown(error.instance)} is more than {error.kind.limit}",
    "minimum": lambda error, _: f"{_shown(error.instance)} is less than {error.kind.limit}",
    "minItems": _too_few,
    "minLength": _format,
    "minProperties": _empty,
    "not": _empty,
    "pattern": _format,
    "type": _type,
}


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names)


def _shown(value: object) -> str:
    text = str(value)
    return f"'{text if len(text) <= 60 else text[:57] + '...'}'"

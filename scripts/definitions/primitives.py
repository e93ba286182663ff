"""The formats of the primitive types of FHIR as JSON Schema, with the calendar made exact."""

from __future__ import annotations

from typing import Any

__all__ = ["ID", "Schema", "primitives"]

Schema = dict[str, Any]

ID = r"[A-Za-z0-9\-.]{1,64}"

_LEAP_YEAR = r"(?:[0-9]{2}(?:0[48]|[2468][048]|[13579][26])|(?:0[48]|[2468][048]|[13579][26])00)"
_YEAR = r"(?:[0-9](?:[0-9](?:[0-9][1-9]|[1-9]0)|[1-9]00)|[1-9]000)"
_DAY = (
    rf"(?:{_YEAR}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])|(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)"
    rf"|02-(?:0[1-9]|1[0-9]|2[0-8]))|{_LEAP_YEAR}-02-29)"
)
_CLOCK = r"(?:[01][0-9]|2[0-3]):[0-5][0-9]:(?:[0-5][0-9]|60)"
_OFFSET = r"(?:Z|[+-](?:(?:0[0-9]|1[0-3]):[0-5][0-9]|14:00))"
_PARTIAL = rf"{_YEAR}(?:-(?:0[1-9]|1[0-2]))?"

# A validator has a short way for this pattern, and none for one with a + in it: half the time of each URI.
_WITHOUT_SPACE: Schema = {"type": "string", "pattern": r"^\S*$", "minLength": 1}

_ABSOLUTE = r"[A-Za-z][A-Za-z0-9+.\-]*:\S+"


def primitives(release: str) -> dict[str, Schema]:
    """
    Return the schemas of the primitive types of a release, and of what some elements narrow them to.

    Source: https://hl7.org/fhir/R4/datatypes.html#primitive, https://hl7.org/fhir/R5/datatypes.html#primitive
    """
    later = release != "R4"
    # R5 says how many digits a fraction of a second has, that text may be white space only, and that base64 has none.
    clock = _CLOCK + (r"(?:\.[0-9]{1,9})?" if later else r"(?:\.[0-9]+)?")
    text: Schema = {"type": "string", "minLength": 1} if later else {"type": "string", "pattern": r"\S"}
    return {
        "base64Binary": {"type": "string", "pattern": r"^[0-9a-zA-Z+/=]+$" if later else r"^[0-9a-zA-Z+/=\s]+$"},
        "boolean": {"type": "boolean"},
        "absolute-uri": {"type": "string", "pattern": rf"^{_ABSOLUTE}$"},
        "canonical": {"type": "string", "pattern": rf"^(?:{_ABSOLUTE}|#\S+)$"},
        "code": {"type": "string", "pattern": r"^[^\s]+(?:\s[^\s]+)*$"},
        "date": {"type": "string", "pattern": rf"^(?:{_DAY}|{_PARTIAL})$"},
        "dateTime": {"type": "string", "pattern": rf"^(?:{_DAY}(?:T{clock}{_OFFSET})?|{_PARTIAL})$"},
        "decimal": {"type": "number"},
        "element-id": {"type": "string", "pattern": r"^\S*$", "minLength": 1},
        "id": {"type": "string", "pattern": rf"^{ID}$"},
        "instant": {"type": "string", "pattern": rf"^{_DAY}T{clock}{_OFFSET}$"},
        "integer": {"type": "integer", "minimum": -(2**31), "maximum": 2**31 - 1},
        "integer64": {"type": "string", "pattern": r"^(?:0|-?[1-9][0-9]{0,18})$"},
        "markdown": text,
        "oid": {"type": "string", "pattern": r"^urn:oid:[0-2](?:\.(?:0|[1-9][0-9]*))+$"},
        "positiveInt": {"type": "integer", "minimum": 1, "maximum": 2**31 - 1},
        "string": text,
        "time": {"type": "string", "pattern": rf"^{clock}$"},
        "unsignedInt": {"type": "integer", "minimum": 0, "maximum": 2**31 - 1},
        "uri": _WITHOUT_SPACE,
        "url": _WITHOUT_SPACE,
        "uuid": {
            "type": "string",
            "pattern": r"^urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$",
        },
        "xhtml": {"type": "string", "pattern": r"\S"},
    }

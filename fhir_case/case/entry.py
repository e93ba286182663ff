"""What every entry of a case has: a key, a place in the report, the line of the file, and keys that name others."""

from __future__ import annotations

from typing import Annotated, Any, NamedTuple, Self

from pydantic import AfterValidator, ModelWrapValidatorHandler, PrivateAttr, ValidationInfo, model_validator
from pydantic_core import PydanticCustomError

from fhir_case.case.forms import Form, Key, Text, When, known_event

__all__ = [
    "ConditionKey",
    "Entry",
    "Event",
    "EventKey",
    "FocusKey",
    "ImagingKey",
    "KeyedEntry",
    "LocatedDict",
    "Place",
    "StageKey",
    "TreatmentKey",
]


class Place(NamedTuple):
    """Name a place in a case file; lines and columns count from 1."""

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


class LocatedDict(dict[str, Any]):
    """Carry the place of a mapping from the reader to the entry that is made of it."""

    place: Place | None = None


def _reference_to(*sections: str) -> AfterValidator:
    """Check that a key names an entry of one of the sections; the reader hands in all keys of the file."""

    def check(key: str, info: ValidationInfo) -> str:
        keys: dict[str, str] | None = (info.context or {}).get("keys")
        if keys is None:
            return key
        wanted = " or ".join(sections)
        if key not in keys:
            raise PydanticCustomError(
                "unknown_key", "no entry of {wanted} has the key '{key}'", {"wanted": wanted, "key": key}
            )
        if keys[key] not in sections:
            raise PydanticCustomError(
                "wrong_section",
                "'{key}' is an entry of {found}; this names an entry of {wanted}",
                {"key": key, "found": keys[key], "wanted": wanted},
            )
        return key

    return AfterValidator(check)


EventKey = Annotated[Key, AfterValidator(known_event)]
ConditionKey = Annotated[Key, _reference_to("conditions")]
FocusKey = Annotated[Key, _reference_to("conditions", "tumours")]
ImagingKey = Annotated[Key, _reference_to("imaging")]
StageKey = Annotated[Key, _reference_to("stages")]
TreatmentKey = Annotated[Key, _reference_to("procedures", "radiotherapies", "medications")]


class Entry(Form):
    """What every entry has: its place in the report, a note, and the line it was written on."""

    source: Text
    note: Text | None = None
    _place: Place | None = PrivateAttr(default=None)

    @model_validator(mode="wrap")
    @classmethod
    def _keep_place(cls, data: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        entry = handler(data)
        if isinstance(data, LocatedDict):
            entry._place = data.place  # noqa: SLF001 - a class method fills its own instance
        return entry

    @property
    def place(self) -> Place | None:
        """Return the line of the file that this entry was written on; none when it was made in Python."""
        return self._place


class KeyedEntry(Entry):
    """An entry that others can speak of."""

    key: Key


class Event(KeyedEntry):
    """An entry that happened at a time, so that other entries may count from it."""

    at: When

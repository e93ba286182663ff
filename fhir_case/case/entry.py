"""What every entry of a case has: a key, a place in the report, the line of the file, and keys that name others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Self

from pydantic import AfterValidator, ModelWrapValidatorHandler, PrivateAttr, ValidationInfo, model_validator
from pydantic_core import PydanticCustomError

from fhir_case.case.forms import KEY, Form, Key, Text, When, known_event
from fhir_case.case.node import LocatedDict, Place

__all__ = [
    "ConditionKey",
    "EncounterKey",
    "Entry",
    "Event",
    "EventKey",
    "FocusKey",
    "HasRole",
    "ImagingKey",
    "KeyedEntry",
    "OrganizationKey",
    "Performer",
    "PersonKey",
    "PlaceKey",
    "ResultKey",
    "Shown",
    "SpecimenKey",
    "StageKey",
    "TreatmentKey",
    "TumourKey",
    "key_of",
]


@dataclass(frozen=True, slots=True)
class HasRole(AfterValidator):
    """
    The check of a field that its key names an entry with one of some roles.

    Args:
        roles: The roles.
    """

    roles: tuple[str, ...] = ()


def key_of(*roles: str) -> HasRole:
    """
    Return the check that a key names an entry of a section with one of the roles.

    The reader hands in the section of each key of the file as the context ``keys``, and the sections of each role as
    the context ``roles``; without them, as for a case made in Python, nothing is checked.
    """

    def check(key: str, info: ValidationInfo) -> str:
        context = info.context or {}
        keys: dict[str, str] | None = context.get("keys")
        if keys is None:
            return key
        sections = [section for role in roles for section in context["roles"].get(role, (role,))]
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

    return HasRole(check, roles)


EventKey = Annotated[Key, AfterValidator(known_event)]
ConditionKey = Annotated[Key, key_of("condition")]
EncounterKey = Annotated[Key, key_of("encounter")]
FocusKey = Annotated[Key, key_of("condition", "tumour")]
ImagingKey = Annotated[Key, key_of("imaging")]
ResultKey = Annotated[Key, key_of("laboratory-result")]
SpecimenKey = Annotated[Key, key_of("specimen")]
OrganizationKey = Annotated[Key, key_of("organization")]
PersonKey = Annotated[Key, key_of("person")]
PlaceKey = Annotated[Key, key_of("place")]
StageKey = Annotated[Key, key_of("stage")]
TreatmentKey = Annotated[Key, key_of("treatment")]
TumourKey = Annotated[Key, key_of("tumour")]


_person_or_organization = key_of("person", "organization")


def _key_or_words(performer: str, info: ValidationInfo) -> str:
    """Check what has the form of a key to be one; other words, such as ``Department of Radiology``, are words."""
    if not KEY.match(performer):
        return performer
    checked: str = _person_or_organization.func(performer, info)  # type: ignore[call-arg]
    return checked


Performer = Annotated[Text, AfterValidator(_key_or_words)]


class Entry(Form):
    """
    What every entry has: its place in the report, a note, and the line it was written on.

    Args:
        source: Its place in the report, such as ``page 3`` or ``table 2``.
        note: What the report says beside that, or what a reader has to know; it becomes the note of the resource.
    """

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
    """
    An entry that others can refer to.

    Args:
        key: The name by which other entries refer to it; it becomes the end of the id of its resource.
    """

    key: Key

    @property
    def is_cancer(self) -> bool:
        """Whether it says that the patient has a cancer, or had one."""
        return False


class Event(KeyedEntry):
    """
    An entry that happened at a time, so that other entries may count from it.

    Args:
        at: When it happened.
        encounter: The stay or visit in which it was.
        performer: Who did it: the key of an entry of people or organizations, or words.
    """

    at: When
    encounter: EncounterKey | None = None
    performer: Performer | None = None


class Shown(Event):
    """
    An event whose result may have been seen in an imaging study, which then lists it among its results.

    Args:
        imaging: The imaging study that showed it.
    """

    imaging: ImagingKey | None = None

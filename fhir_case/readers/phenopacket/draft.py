"""The case that is made of a packet: its sections, keys that are short and unique, and who is called what."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from fhir_case.readers.phenopacket.packet import At
from fhir_case.readers.phenopacket.times import UNKNOWN

if TYPE_CHECKING:
    from fhir_case.readers.phenopacket.packet import Part

__all__ = ["Draft", "case_key"]

# The key of a case and that of an entry, with what mappings add to it, are an id of at most 64 characters.
_LONGEST_CASE = 28
_LONGEST_KEY = 18
_ROOM_FOR_NUMBER = 4


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")


def case_key(identifier: str) -> str:
    """Return the key of a case for the identifier of a packet; one that is cut has a hash of the identifier."""
    slug = _slug(identifier)
    slug = slug if slug[:1].isalpha() else f"packet-{slug}".strip("-")
    if len(slug) <= _LONGEST_CASE and re.sub(r"[^a-z0-9]", "", identifier.lower()) and slug:
        return slug
    digest = sha256(identifier.encode()).hexdigest()[:8]
    return f"{slug[: _LONGEST_CASE - 9].rstrip('-')}-{digest}"


@dataclass(slots=True)
class Draft:
    """
    The sections of a case while they are filled.

    Args:
        sections: The entries of each section.
        conditions: The key of the condition of each disease that the packet lists, by its code with prefix.
        specimens: The key of the specimen of each biosample, by its identifier.
        subject: The identifier of the subject.
        files: The files that the packet names.
    """

    sections: dict[str, list[At]] = field(default_factory=dict)
    conditions: dict[str, str] = field(default_factory=dict)
    specimens: dict[str, str] = field(default_factory=dict)
    subject: str = ""
    files: list[dict[str, Any]] = field(default_factory=list)
    _keys: set[str] = field(default_factory=set)

    def key(self, wanted: str, otherwise: str) -> str:
        """Return a key that no other entry has, made of a code or a name."""
        slug = _slug(wanted)
        if not slug[:1].isalpha() or len(slug) > _LONGEST_KEY:
            slug = slug[:_LONGEST_KEY].strip("-") if slug[:1].isalpha() else otherwise
        base = slug[: _LONGEST_KEY - _ROOM_FOR_NUMBER].strip("-")
        found, number = slug, 1
        while found in self._keys:
            number += 1
            found = f"{base}-{number}"
        self._keys.add(found)
        return found

    def add(self, section: str, part: Part, key: str, **fields: Any) -> str:
        """Add an entry, dated as unknown unless a time is given; fields without a value are left out."""
        entry: dict[str, Any] = {"key": key, "source": part.path}
        if section not in {"conditions", "medications", "regimens"}:
            entry["at"] = UNKNOWN
        entry |= {name: value for name, value in fields.items() if value not in (None, "", [], {})}
        self.sections.setdefault(section, []).append(At(part.place, entry))
        return key

"""What a journal file says: its header, and one record for each request and each other line."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fhir_case.load.journal.entry import JournalEntry

__all__ = [
    "Awaited",
    "Finished",
    "Gap",
    "Header",
    "LookedUp",
    "Placeholder",
    "Record",
    "RequestRecord",
    "Sent",
    "Undone",
]

FORMAT = 1

Sent = tuple[tuple[str, tuple[int, ...]], ...]
"""The entries of a request, each a document and positions in it."""


@dataclass(frozen=True, slots=True)
class Header:
    """
    What a journal is about.

    Args:
        server: The base URL.
        fhir: The release of FHIR.
        inputs: For each file its path, its size in bytes and its SHA-256.
        options: What else decides what is sent.
        folder: The folder to which relative paths are relative.
        led_to: The path of each input that another leads to, as a recipe to its tables, and the path of the other.
        data: The folder with the tables of recipes; empty where each has its own beside it.
    """

    server: str
    fhir: str
    inputs: tuple[tuple[str, int, str], ...]
    options: Mapping[str, Any] = field(default_factory=dict)
    folder: str = field(default="", compare=False)
    led_to: Mapping[str, str] = field(default_factory=dict, compare=False)
    data: str = field(default="", compare=False)

    @property
    def named(self) -> tuple[str, ...]:
        """Return the paths of the inputs that were named, which lead to all others."""
        return tuple(name for name, *_ in self.inputs if name not in self.led_to)

    def to_dict(self) -> dict[str, Any]:
        """Return the first line of the journal."""
        return {
            "journal": FORMAT,
            "server": self.server,
            "fhir": self.fhir,
            "inputs": [
                dict(zip(("path", "bytes", "sha256"), each, strict=True))
                | ({"of": self.led_to[each[0]]} if each[0] in self.led_to else {})
                for each in self.inputs
            ],
            "options": dict(self.options),
            "folder": self.folder,
            **({"data": self.data} if self.data else {}),
        }


@dataclass(frozen=True, slots=True)
class RequestRecord:
    """
    What a journal says of one request.

    Args:
        request: The header ``X-Request-ID``; empty for resources that needed none.
        state: ``open``: it may have been carried out; ``answered``; ``not done``.
        entries: What became of its resources; empty unless it was answered.
        sent: The entries that it held.
        resolving: Whether it resolves references of what is stored already.
        types: The types of what it creates, where it was not done, but may be later all the same.
        there: ``Type/id`` of what the server had of its identifiers before: it did not store these. None when it
            was not asked.
        versions: The version of what it had under ids of ours before; None when it was not asked.
        told: Whether the journal says of all that an open request held what became of it, or that it is not known.
    """

    request: str
    state: Literal["open", "answered", "not done"]
    entries: tuple[JournalEntry, ...] = ()
    sent: Sent = ()
    resolving: bool = False
    types: tuple[str, ...] = ()
    there: tuple[str, ...] | None = None
    versions: Mapping[str, str] | None = None
    told: bool = False


@dataclass(frozen=True, slots=True)
class Awaited:
    """A reference, ``Type/id``, for which the server has to make a placeholder."""

    name: str


@dataclass(frozen=True, slots=True)
class Placeholder:
    """A placeholder that the server made, ``Type/id``, and its version."""

    name: str
    version: str


@dataclass(frozen=True, slots=True)
class Undone:
    """What became of ``Type/id`` when the load was undone; see `fhir_case.load.undo.undo`."""

    stored_as: str
    state: str


@dataclass(frozen=True, slots=True)
class Finished:
    """All was sent."""


@dataclass(frozen=True, slots=True)
class Gap:
    """Lines that are missing, as the numbers of the others show: they may say that something was sent."""


@dataclass(frozen=True, slots=True)
class LookedUp:
    """What the missing lines before may have said was looked up on the server."""


Record = Gap | LookedUp | RequestRecord | Awaited | Placeholder | Undone | Finished

"""
Follow references to what is nowhere, in place of which the server makes resources of its own: placeholders.

Which of them were not there is written down before anything is sent, and what was made of them afterwards::

    {"awaited": "Type/id"}
    {"placeholder": "Type/id", "version": …}

Source: https://hapifhir.io/hapi-fhir/docs/server_jpa/configuration.html
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Literal, get_args

from fhir_case.fhir.references import location_of
from fhir_case.fhir.wire import objects
from fhir_case.load.journal.entry import JournalEntry
from fhir_case.load.journal.reader import Record, read_records
from fhir_case.load.survey.survey import Concern
from fhir_case.server.lookup import found_by_id

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path
    from typing import Any

    from fhir_case.fhir.wire import Resource
    from fhir_case.load.journal.reader import JournalFile
    from fhir_case.load.survey.index import Index
    from fhir_case.server.client import Client

__all__ = [
    "PLACES",
    "NotedPlaceholders",
    "Place",
    "Placeholders",
    "await_placeholders",
    "compare_placeholders",
    "is_placeholder",
    "look_for_placeholders",
    "note_awaited",
]

Place = Literal["placeholder", "replaced", "gone"]
PLACES: tuple[Place, ...] = get_args(Place)

_EXTENSION = "http://hapifhir.io/fhir/StructureDefinition/resource-placeholder"  # HAPI FHIR 8.8.0
_AT_ONCE = 200
_RUN = 8  # signs with which all requests of one run begin, see `Sender`
_ELEMENTS = "id,meta,extension"


def is_placeholder(resource: Resource) -> bool:
    """Whether a server made a resource only so that a reference has something to point to."""
    return any(each.get("url") == _EXTENSION for each in objects(resource.get("extension")))


@dataclass(slots=True)
class Placeholders:
    """
    What became of references to what was nowhere.

    Args:
        made: How many placeholders the server made for them.
        missing: What is not there after all.
    """

    made: int = 0
    missing: Concern = field(default_factory=Concern)


def await_placeholders(names: Iterable[str], client: Client, index: Index) -> Iterator[str]:
    """
    Note in an index what the server does not have, and give the references that no placeholder can answer.

    Args:
        names: The references that no document answers.

    Raises:
        ServerError: The server was not reached, or is overloaded.
    """
    for some in _pieces(names):
        places = [name for name in some if (place := location_of(name)) and place.reference == name]
        lookup = found_by_id(client, places, elements="id")
        known = (*lookup.resources, *(name for name in places if name.partition("/")[0] in lookup.refused))
        index.put_awaited(set(places).difference(known))
        yield from (name for name in some if name not in places)


def note_awaited(index: Index, journal: JournalFile) -> None:
    """
    Write down what is awaited, and go on awaiting what the journal says of an earlier run.

    Raises:
        FhirCaseError: The journal cannot be read or written.
    """
    for some in _pieces(index.awaited()):
        journal.note([{"awaited": name} for name in some])
    for some in _pieces(line["awaited"] for line in _lines(journal.path) if "awaited" in line):
        index.put_awaited(some)


def look_for_placeholders(index: Index, client: Client, journal: JournalFile) -> Placeholders:
    """
    Find out which of what is awaited the server has made, and write it down.

    Raises:
        ServerError: The server was not reached, or is overloaded.
        FhirCaseError: The journal cannot be read or written.
    """
    found = Placeholders()
    if next(index.awaited(), None) is None:
        return found
    runs = _runs(journal.path)
    for some in _pieces(index.awaited()):
        lookup = found_by_id(client, some, elements=_ELEMENTS)
        made = _made(lookup.resources, runs)
        journal.note([{"placeholder": name, "version": version} for name, version in made.items()])
        found.made += len(made)
        found.missing.note(*(name for name in some if name not in lookup.resources))
    return found


def _made(resources: Mapping[str, Resource], runs: set[str]) -> dict[str, str]:
    """Return the version of each placeholder, but for those of which the server says that another request made them."""
    made = {}
    for name, resource in resources.items():
        meta = resource.get("meta") or {}
        request = str(meta.get("source") or "").partition("#")[2]
        if is_placeholder(resource) and (not request or request[:_RUN] in runs):
            made[name] = str(meta.get("versionId") or "")
    return made


def _runs(journal: Path) -> set[str]:
    """Return how the requests of each run begin."""
    return {each.request[:_RUN] for each in read_records(journal) if isinstance(each, Record) and each.request}


class NotedPlaceholders:
    """Collect, while a journal is read, what undoing has to know of placeholders."""

    def __init__(self) -> None:
        self._versions: dict[str, str] = {}
        self._awaited: dict[str, None] = {}
        self._runs: set[str] = set()

    def read(self, record: Record | dict[str, Any]) -> None:
        """Take note of one request, or of a line of another kind."""
        if isinstance(record, Record):
            self._runs.add(record.request[:_RUN])
        elif "placeholder" in record:
            self._versions.setdefault(record["placeholder"], record["version"])
        elif "awaited" in record:
            self._awaited[record["awaited"]] = None

    def groups(self, client: Client) -> list[tuple[JournalEntry, ...]]:
        """
        Return what was made, some at a time; a run that was broken off has not written it down, so it is looked for.

        Raises:
            ServerError: The server was not reached, or is overloaded.
        """
        groups = []
        for some in _pieces(self._awaited):
            unknown = [name for name in some if name not in self._versions]
            found = _made(found_by_id(client, unknown, elements=_ELEMENTS).resources, self._runs)
            made = {name: self._versions[name] for name in some if name in self._versions} | found
            entries = (JournalEntry(name, "", 0, "created", name, version) for name, version in made.items())
            groups.append(tuple(entries))
        return [group for group in groups if group]


def compare_placeholders(index: Index, client: Client) -> Counter[Place]:
    """
    Count what became of the placeholders in an index: they are there, something real is there instead, or nothing.

    Raises:
        ServerError: The server was not reached, or is overloaded.
    """
    counts: Counter[Place] = Counter()
    for some in _pieces(index.awaited()):
        lookup = found_by_id(client, some, elements=_ELEMENTS)
        for name in some:
            stored = lookup.resources.get(name)
            counts["gone" if stored is None else "placeholder" if is_placeholder(stored) else "replaced"] += 1
    return counts


def _lines(journal: Path) -> Iterator[dict[str, Any]]:
    return (each for each in read_records(journal) if not isinstance(each, Record))


def _pieces(names: Iterable[str]) -> Iterator[list[str]]:
    waiting = iter(names)
    while some := list(islice(waiting, _AT_ONCE)):
        yield some

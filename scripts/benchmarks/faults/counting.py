"""Count on a server what a load has stored there, and compare it with what its journal says."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from itertools import takewhile
from typing import TYPE_CHECKING, Any

from load.forms import RUN, documents, key_of, keys_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from fhir_case.fhir.wire import Resource
    from fhir_case.load.journal.entry import JournalEntry
    from fhir_case.server.client import Client

__all__ = ["Counts", "Data", "count"]

_TYPES = ("Organization", "Patient", "Observation")


@dataclass(slots=True)
class Counts:
    """
    What became of the resources of one cell.

    Args:
        resources: How many there are to be.
        lost: Are not there, and the journal does not say so.
        doubled: Are there more than once, or in more than one version of ours.
        unknown: The journal says that it does not know whether they are there.
        failed: The journal says that they are not there, and they are not.
        hits: How many requests met a fault.
        runs: How often the command was given until it came to its end.
        note: What else is to be said; empty for nothing.
    """

    resources: int = 0
    lost: int = 0
    doubled: int = 0
    unknown: int = 0
    failed: int = 0
    hits: int = 0
    runs: int = 0
    note: str = ""
    details: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        """Return the cell as the table has it."""
        failed = f", {self.failed} refused" if self.failed else ""
        return f"{self.lost} / {self.doubled} / {self.unknown} of {self.resources}{failed}"

    @property
    def good(self) -> bool:
        """Whether nothing was lost and nothing doubled."""
        return not (self.lost or self.doubled)

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON."""
        return {name: value for name, value in asdict(self).items() if name != "details" and value != ""}


class Data:
    """
    The documents of one cell, as files.

    Args:
        run: A name that nothing else on the server has.
        forms: The form of each document, see `load.forms.FORMS`.
        folder: Where they are written.
    """

    def __init__(self, run: str, forms: Sequence[str], folder: Path) -> None:
        self.run = run
        self.documents = documents(run, forms)
        self.keys = keys_of(self.documents)
        self.files = [folder / f"{number:03}.json" for number in range(len(self.documents))]
        folder.mkdir(parents=True, exist_ok=True)
        for file, document in zip(self.files, self.documents, strict=True):
            file.write_text(json.dumps(document), encoding="utf-8")

    def stored(self, client: Client) -> dict[str, list[Resource]]:
        """Return what the server has of each key."""
        found: dict[str, list[Resource]] = {}
        kinds = {entry["resource"]["resourceType"] for document in self.documents for entry in document["entry"]}
        for kind in _TYPES:
            for resource in (
                client.search(kind, {"_tag": f"{RUN}|{self.run}", "_count": "500"}) if kind in kinds else ()
            ):
                found.setdefault(key_of(resource), []).append(resource)
        return found

    def said(self, journal: Path) -> dict[str, JournalEntry]:
        """Return what the journal says last of each key; of what several documents share, the best."""
        from fhir_case.load.journal.reader import read_requests

        numbers = {str(file): number for number, file in enumerate(self.files)}
        last: dict[tuple[int, int], JournalEntry] = {}
        for record in read_requests(journal) if journal.exists() and journal.stat().st_size else ():
            for entry in record.entries:
                if entry.source in numbers:
                    last[numbers[entry.source], entry.position] = entry
        said = {}
        for key, places in self.keys.items():
            found = [last[place] for place in places if place in last]
            if found:
                said[key] = min(found, key=lambda entry: (not entry.confirmed, entry.state == "unchanged"))
        return said


def count(data: Data, journal: Path, client: Client) -> Counts:
    """Return how many resources are lost, doubled, and unknown."""
    stored, said = data.stored(client), data.said(journal)
    found = Counts(resources=len(data.keys))
    for key in data.keys:
        there, entry = stored.get(key, []), said.get(key)
        state = entry.state if entry else "not said"
        versions = [_versions(client, each) for each in there]
        if len(there) > 1 or any(each > 1 for each in versions):
            found.doubled += max(len(there) - 1, 1)
            found.details.append(f"{key}: {state}, {len(there)} there, versions {versions}")
        if state == "unknown":
            found.unknown += 1
        elif state == "failed" and not there:
            found.failed += 1
        elif state == "failed" or not there or (entry and entry.stored_as not in map(_name, there)):
            found.lost += 1
            found.details.append(f"{key}: {state}, {len(there)} there")
    return found


def _name(resource: Resource) -> str:
    return f"{resource['resourceType']}/{resource['id']}"


def _versions(client: Client, resource: Resource) -> int:
    """Return how many versions a resource has in its history, since it was deleted the last time."""
    history = client.request("GET", f"{_name(resource)}/_history", headers={"Cache-Control": "no-cache"}).body or {}
    since = takewhile(lambda entry: entry.get("resource"), history.get("entry", ()))  # the newest is the first
    return len({entry["resource"]["meta"].get("versionId") for entry in since})

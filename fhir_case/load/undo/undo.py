"""Delete what a run created, and nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

from fhir_case.errors import FhirCaseError, RejectedError
from fhir_case.load.journal import record as records
from fhir_case.load.journal.entry import JournalEntry
from fhir_case.load.journal.reader import Unknown, read_header, read_records
from fhir_case.load.journal.record import Awaited, Placeholder, RequestRecord
from fhir_case.load.journal.writer import JournalFile
from fhir_case.load.undo.created import Created
from fhir_case.load.undo.ours import Ours
from fhir_case.server.deletion import delete
from fhir_case.server.lookup import found_by_id
from fhir_case.server.placeholders import RUN_DIGITS, batches, found_placeholders, made_by
from fhir_case.server.statement import refuse_without_statement

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from fhir_case.fhir.wire import Resource
    from fhir_case.load.journal.record import Record
    from fhir_case.load.undo.created import Group
    from fhir_case.server.client import Client

__all__ = ["UNDONE", "NotedPlaceholders", "Undone", "undo"]

State = Literal["deleted", "gone", "left"]
UNDONE: tuple[State, ...] = get_args(State)

_GONE = (404, 410)


@dataclass(frozen=True, slots=True)
class Undone:
    """
    What became of one resource that a run had created.

    Args:
        resource: ``Type/id`` in the input, or what else names it.
        stored_as: ``Type/id`` on the server.
        state: ``deleted``; ``gone``: it was not there any more; ``left``: it is as the run left it.
        reason: Why it was left.
    """

    resource: str
    stored_as: str
    state: State
    reason: str = ""

    def to_dict(self) -> dict[str, str]:
        """Return it as JSON."""
        found = {"resource": self.resource, "stored_as": self.stored_as, "state": self.state, "reason": self.reason}
        return {name: value for name, value in found.items() if value}


def undo(path: Path, client: Client, on_progress: Callable[[Sequence[Undone]], None] = lambda _: None) -> Counter[str]:
    """
    Delete what the run of a journal created, in the reverse order, and return how many are in each state.

    What existed before, or was changed since, is kept. When it is interrupted, the same call resumes it.

    Raises:
        FhirCaseError: It is not a journal, it is about another server, or its end is not known.
        ServerError: The server was not reached, or is overloaded.
    """
    header = read_header(path)
    if header.server != client.base_url:
        raise FhirCaseError(f"this journal is about {header.server}", where=str(path))
    refuse_without_statement(client)
    with Created() as created, JournalFile(path, header) as journal:
        read = _Read(created)
        for_good = read.journal(path, client)
        counts = created.undone()
        if for_good:
            counts["left"] += len(for_good)
            on_progress(for_good)
        for group in created.groups():
            undone = tuple(_undo_group(group, client, read.ours))
            journal.undone([each.to_dict() for each in undone])
            counts.update(each.state for each in undone)
            on_progress(undone)
    return counts


class _Read:
    """What a journal says was created, updated and undone."""

    def __init__(self, created: Created) -> None:
        self._created = created
        self._doubtful: dict[str, Undone] = {}
        self.ours = Ours(created)

    def journal(self, path: Path, client: Client) -> tuple[Undone, ...]:
        """Read a journal, and return what cannot be undone."""
        unknown = Unknown()
        placeholders = NotedPlaceholders()
        left: list[Undone] = []
        gap = undone = False
        for record in read_records(path):
            placeholders.read(record)
            if isinstance(record, records.Gap | records.LookedUp):
                gap = isinstance(record, records.Gap) and not undone
            if isinstance(record, records.Undone):
                undone = True
                self._created.undo(record.stored_as, record.state)
            if not isinstance(record, records.RequestRecord):
                continue
            self.ours.runs.add(record.request[:RUN_DIGITS])
            if record.state == "open" and not record.told:
                raise FhirCaseError(
                    "the run was interrupted, and the outcome of its last requests is not known",
                    where=str(path),
                    hint="repeat the upload, so that they are looked up; then undo",
                )
            if record.state != "open":
                unknown.read(record)
            left += self._request(record)
        if gap:
            raise FhirCaseError(
                "lines of this journal are missing, so that it does not say all that was sent",
                where=str(path),
                hint="repeat the upload, so that it is looked up; then undo",
            )
        for group in placeholders.groups(client):
            self._created.add(group, before_all=True)  # all else may refer to them, so that they go last
        left += [Undone(entry.resource, entry.stored_as, "left", entry.reason) for entry in unknown.entries]
        left += self._left_in_doubt(client)
        return tuple(left)

    def _left_in_doubt(self, client: Client) -> Iterator[Undone]:
        """Return what may have been created by a run, unless another line says so or it is not there any more."""
        for names in batches(name for name in self._doubtful if not self._created.has(name)):
            lookup = found_by_id(client, names, elements="id")
            for name in names:
                if name in lookup.resources or name.partition("/")[0] in lookup.refused:
                    yield self._doubtful[name]

    def _request(self, record: RequestRecord) -> Iterator[Undone]:
        created = []
        for entry in record.entries:
            if entry.doubt:
                self._doubtful[entry.stored_as] = Undone(entry.resource, entry.stored_as, "left", entry.doubt)
            if entry.state == "deleted":
                yield Undone(entry.resource, entry.resource, "left", "the run deleted it, and nothing brings it back")
            elif entry.references == "filled" or entry.state in ("updated", "updated or unchanged"):
                if entry.version:
                    self._created.put_again(entry.stored_as, entry.version)
            elif entry.state == "created" and not entry.retold:
                if entry.stored_as:
                    created.append(entry)
                else:
                    yield Undone(entry.resource, "", "left", "it was created, and the server did not say where")
        self._created.add(created)


def _undo_group(group: Group, client: Client, ours: Ours) -> Iterator[Undone]:
    lookup = found_by_id(client, [entry.stored_as for entry in group], elements="id,meta")
    ours.learn(lookup.resources.values())
    ready = []
    for entry in group:
        stored = lookup.resources.get(entry.stored_as)
        if stored is None and entry.stored_as.partition("/")[0] in lookup.refused:
            stored, reason = _read_alone(client, entry.stored_as)
            if reason:
                yield Undone(entry.resource, entry.stored_as, "left", reason)
                continue
        if stored is None:
            yield Undone(entry.resource, entry.stored_as, "gone")
        elif reason := ours.why_not(entry, stored):
            yield Undone(entry.resource, entry.stored_as, "left", reason)
        else:
            ready.append(entry)
    left = delete(client, [entry.stored_as for entry in ready])
    there = found_by_id(client, left, elements="id") if left else None
    for entry in ready:
        reason = left.get(entry.stored_as, "")
        if reason and there and entry.stored_as not in there.resources:
            reason = reason if entry.stored_as.partition("/")[0] in there.refused else ""
        yield Undone(entry.resource, entry.stored_as, "left" if reason else "deleted", reason)


def _read_alone(client: Client, name: str) -> tuple[Resource | None, str]:
    """Return a resource of a type that the server does not let us search, or why it cannot be read; neither if gone."""
    kind, _, resource_id = name.partition("/")
    try:
        found = client.read(kind, resource_id)
    except RejectedError as error:
        return None, "" if error.status in _GONE else f"the server does not let us look for it: {error.message}"
    if (found.get("resourceType"), found.get("id")) != (kind, resource_id):
        return None, "the server answers with another resource"
    return found, ""


class NotedPlaceholders:
    """What a journal says of placeholders, as far as it has been read."""

    def __init__(self) -> None:
        self._versions: dict[str, str] = {}
        self._awaited: dict[str, None] = {}
        self._runs: set[str] = set()

    def read(self, record: Record) -> None:
        """Take note of one record."""
        match record:
            case RequestRecord():
                self._runs.add(record.request[:RUN_DIGITS])
            case Placeholder():
                self._versions.setdefault(record.name, record.version)
            case Awaited():
                self._awaited[record.name] = None

    def groups(self, client: Client) -> Iterator[tuple[JournalEntry, ...]]:
        """
        Return what was made, some at a time; an interrupted run has not written it down, so it is looked up.

        Raises:
            ServerError: The server was not reached, or is overloaded.
        """
        for names in batches(self._awaited):
            noted = {name: self._versions[name] for name in names if name in self._versions}
            found = made_by(self._runs, found_placeholders(client, [name for name in names if name not in noted]))
            made = noted | found
            if made:
                yield tuple(JournalEntry(name, "", 0, "created", name, version) for name, version in made.items())

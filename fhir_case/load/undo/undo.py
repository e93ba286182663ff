"""Take back what a run created, and nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

from fhir_case.errors import FhirCaseError, RejectedError
from fhir_case.load.journal.reader import JournalFile, read_header, read_records
from fhir_case.load.run.placeholders import NotedPlaceholders
from fhir_case.load.run.resume import Unknown
from fhir_case.load.undo.created import Created
from fhir_case.server.deletion import deletion
from fhir_case.server.lookup import found_by_id

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from fhir_case.load.journal.entry import JournalEntry
    from fhir_case.load.undo.created import Group
    from fhir_case.server.client import Client

__all__ = ["UNDONE", "Undone", "undo"]

State = Literal["deleted", "gone", "left"]
UNDONE: tuple[State, ...] = get_args(State)


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
    Delete what the run of a journal created, in the reverse order, and give how many are in each state.

    What existed before, or was changed since, is left. When it is interrupted, the same call goes on.

    Raises:
        FhirCaseError: It is no journal, it is about another server, or its end is not known.
        ServerError: The server was not reached, or is overloaded.
    """
    header = read_header(path)
    if header.server != client.base_url:
        raise FhirCaseError(f"this journal is about {header.server}", where=str(path))
    with Created() as created:
        for_good = _read(path, created, client)
        counts = created.undone()
        if for_good:
            counts["left"] += len(for_good)
            on_progress(for_good)
        with JournalFile(path, header) as journal:
            for group in created.groups():
                undone = tuple(_undo_group(group, client))
                journal.undone([each.to_dict() for each in undone])
                counts.update(each.state for each in undone)
                on_progress(undone)
    return counts


def _read(path: Path, created: Created, client: Client) -> tuple[Undone, ...]:
    """Note what a journal says was created and undone, and give what nobody can take back."""
    unknown = Unknown()
    placeholders = NotedPlaceholders()
    deleted: list[Undone] = []
    for record in read_records(path):
        placeholders.read(record)
        if isinstance(record, dict):
            if "undone" in record:
                created.undo(record["undone"], record["state"])
            continue
        if record.state == "open":
            raise FhirCaseError(
                "the run was broken off, and the end of its last requests is not known",
                where=str(path),
                hint="give the upload once more, so that they are looked up; then undo",
            )
        unknown.read(record)
        deleted += [
            Undone(entry.resource, entry.resource, "left", "the run deleted it, and nothing brings it back")
            for entry in record.entries
            if entry.state == "deleted"
        ]
        for entry in record.entries:
            if entry.references == "filled":
                created.put_again(entry.stored_as, entry.version)
        created.add(
            entry for entry in record.entries if entry.state == "created" and entry.stored_as and not entry.retold
        )
    for group in placeholders.groups(client):
        created.add(group, before_all=True)  # all else may refer to them, so that they go last
    return (*(Undone(entry.resource, entry.stored_as, "left", entry.reason) for entry in unknown.entries), *deleted)


def _undo_group(group: Group, client: Client) -> Iterator[Undone]:
    lookup = found_by_id(client, [entry.stored_as for entry in group], elements="id,meta")
    ready = []
    for entry in group:
        stored = lookup.resources.get(entry.stored_as)
        if stored is None and entry.stored_as.partition("/")[0] in lookup.refused:
            yield Undone(entry.resource, entry.stored_as, "left", "the server does not let us look for it")
        elif stored is None:
            yield Undone(entry.resource, entry.stored_as, "gone")
        else:
            version = str((stored.get("meta") or {}).get("versionId") or "")
            if entry.version and version and version != entry.version:
                reason = f"it was changed since: version {version} instead of {entry.version}"
                yield Undone(entry.resource, entry.stored_as, "left", reason)
            else:
                ready.append(entry)
    yield from _deleted(ready, client)


def _deleted(entries: Sequence[JournalEntry], client: Client) -> Iterator[Undone]:
    """Delete together what may refer to each other, and one by one what cannot be deleted together."""
    if not entries:
        return
    try:
        client.transaction(deletion(entry.stored_as for entry in entries), repeatable=True)
    except RejectedError as error:
        if len(entries) == 1:
            yield Undone(entries[0].resource, entries[0].stored_as, "left", error.message)
            return
    else:
        yield from (Undone(entry.resource, entry.stored_as, "deleted") for entry in entries)
        return
    # Something else refers to one of them: the rest can go, in any order that works.
    waiting = list(entries)
    reasons: dict[str, str] = {}
    progress = True
    while waiting and progress:
        progress = False
        for entry in list(waiting):
            try:
                client.transaction(deletion([entry.stored_as]), repeatable=True)
            except RejectedError as error:
                reasons[entry.stored_as] = error.message
            else:
                yield Undone(entry.resource, entry.stored_as, "deleted")
                waiting.remove(entry)
                progress = True
    yield from (Undone(entry.resource, entry.stored_as, "left", reasons[entry.stored_as]) for entry in waiting)

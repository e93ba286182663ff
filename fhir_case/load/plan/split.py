"""Split what is too large for one transaction, so that nothing refers to what is not there yet."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fhir_case.errors import BundleError
from fhir_case.fhir.references import pointers_in, unversioned
from fhir_case.load.plan.cycles import cycles_in_order
from fhir_case.load.plan.transaction import HEAD_BYTES, bytes_at_most
from fhir_case.server.quirks import Caps

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from fhir_case.load.plan.entry import PlannedEntry

__all__ = ["Part", "split", "targets_of"]


@dataclass(frozen=True, slots=True)
class Part:
    """
    What must be sent in order.

    Args:
        chunks: The positions of the entries of each transaction; one refers only to itself and to earlier ones.
        sizes: The bytes of the body of each, at most; 0 where the server is not known to limit them.
    """

    chunks: tuple[tuple[int, ...], ...]
    sizes: tuple[int, ...]

    @property
    def is_split(self) -> bool:
        """Whether things that refer to each other are in several transactions."""
        return len(self.chunks) > 1


@dataclass(frozen=True, slots=True)
class _Load:
    entries: int = 0
    size: int = 0
    conditional: int = 0

    def __add__(self, other: _Load) -> _Load:
        return _Load(self.entries + other.entries, self.size + other.size, self.conditional + other.conditional)

    @property
    def body(self) -> int:
        return self.size and self.size + HEAD_BYTES

    def fits(self, caps: Caps) -> bool:
        return not (
            (caps.entries and self.entries > caps.entries)
            or (caps.bytes and self.body > caps.bytes)
            or (caps.conditional and self.conditional and self.entries > caps.conditional)
        )


def split(entries: Sequence[PlannedEntry], caps: Caps) -> list[Part]:
    """
    Return the parts in which entries are sent: all in one where they fit.

    What refers to each other stays together where it fits; such a group that is too large becomes a part of several
    transactions in the order of its references.

    Args:
        entries: The entries of one Bundle.
        caps: What the server takes at most.

    Raises:
        BundleError: One resource, or a cycle of references, is larger than what the server takes.
    """
    if caps == Caps():
        return [_whole(range(len(entries)), _Load())]
    position_of = _positions(entries)
    loads = [_load(entry, entries, position_of, sized=bool(caps.bytes)) for entry in entries]
    if _sum(loads).fits(caps):
        return [_whole(range(len(entries)), _sum(loads))]
    targets = targets_of(entries)
    parts: list[Part] = []
    together: list[int] = []
    together_load = _Load()
    for group in _groups(targets):
        load = _sum(loads[position] for position in group)
        if not load.fits(caps):
            parts.append(_split_group(group, entries, targets, loads, caps))
            continue
        if together and not (together_load + load).fits(caps):
            parts.append(_whole(together, together_load))
            together, together_load = [], _Load()
        together += group
        together_load += load
    return [*parts, _whole(together, together_load)] if together else parts


def _whole(positions: Iterable[int], load: _Load) -> Part:
    return Part((tuple(sorted(positions)),), (load.body,))


def _load(
    entry: PlannedEntry, entries: Sequence[PlannedEntry], position_of: Mapping[str, int], *, sized: bool
) -> _Load:
    def target(reference: str) -> PlannedEntry | None:
        position = _position(reference, position_of)
        return None if position is None else entries[position]

    return _Load(1, bytes_at_most(entry, target) if sized else 0, 1 if entry.condition else 0)


def _sum(loads: Iterable[_Load]) -> _Load:
    return sum(loads, _Load())


def _positions(entries: Sequence[PlannedEntry]) -> dict[str, int]:
    position_of: dict[str, int] = {}
    for position, entry in enumerate(entries):
        for name in entry.names:
            position_of.setdefault(name, position)
    return position_of


def _position(reference: str, position_of: Mapping[str, int]) -> int | None:
    found = position_of.get(reference)
    return position_of.get(unversioned(reference)) if found is None else found


def targets_of(entries: Sequence[PlannedEntry]) -> list[set[int]]:
    """Return for each entry the positions of those that it refers to."""
    position_of = _positions(entries)
    found = []
    for entry in entries:
        positions = (_position(each, position_of) for each in pointers_in(entry.original.resource))
        found.append({position for position in positions if position is not None})
    return found


def _groups(targets: Sequence[set[int]]) -> list[list[int]]:
    """Return the entries that are connected by references in any direction, in their order."""
    neighbours: list[set[int]] = [set(each) for each in targets]
    for position, others in enumerate(targets):
        for other in others:
            neighbours[other].add(position)
    seen: set[int] = set()
    groups = []
    for start in range(len(targets)):
        if start in seen:
            continue
        seen.add(start)
        group, waiting = [], [start]
        while waiting:
            position = waiting.pop()
            group.append(position)
            new = neighbours[position] - seen
            seen |= new
            waiting.extend(new)
        groups.append(sorted(group))
    return groups


def _split_group(
    group: Sequence[int],
    entries: Sequence[PlannedEntry],
    targets: Sequence[set[int]],
    loads: Sequence[_Load],
    caps: Caps,
) -> Part:
    number_of = {position: number for number, position in enumerate(group)}
    chunks: list[list[int]] = []
    chunk_loads: list[_Load] = []
    for cycle in cycles_in_order([{number_of[each] for each in targets[position]} for position in group]):
        members = [group[number] for number in cycle]
        more = _sum(loads[position] for position in members)
        if not more.fits(caps):
            raise _too_large([entries[position] for position in members], caps)
        if not chunks or not (chunk_loads[-1] + more).fits(caps):
            chunks.append([])
            chunk_loads.append(_Load())
        chunks[-1] += members
        chunk_loads[-1] += more
    return Part(tuple(tuple(sorted(chunk)) for chunk in chunks), tuple(load.body for load in chunk_loads))


def _too_large(entries: Sequence[PlannedEntry], caps: Caps) -> BundleError:
    names = ", ".join(entry.original.name for entry in entries[:3])
    if len(entries) == 1:
        return BundleError(f"it alone is larger than the server takes at once: {caps}", where=names)
    return BundleError(
        f"{len(entries)} resources refer to each other in a cycle and are more than the server takes at once: {caps}",
        where=f"{names} …" if len(entries) > 3 else names,
        hint="a cycle can only be stored whole",
    )

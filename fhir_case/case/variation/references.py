"""
Which entries name others, and what becomes of them in a patient who has not those.

What an entry is about, or counts from, it cannot do without: it is left out too. So is one whose list names only what
is left out, such as the suspects of a reaction or the studies of a response. A stage, a person, an organization, a
place and an encounter are only left out of what names them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, get_args

from pydantic import AfterValidator

from fhir_case.case.entry import HasRole, KeyedEntry, Performer
from fhir_case.case.forms import Form, When

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

    from fhir_case.case.model import Case

__all__ = ["Dependencies", "Naming", "Path", "namings"]

Path = tuple[str | int, ...]

_LEFT_OUT_ALONE = frozenset({"stage", "person", "organization", "place", "encounter"})
_PERFORMER = get_args(Performer)[-1]


class Naming(NamedTuple):
    """
    One place where an entry names another.

    Args:
        entry: The key of the entry that names, or the name of a section that is one mapping.
        path: The field, from the entry; with its position in a list.
        target: The key of the entry that is named.
        needed: Whether the entry means nothing without it.
    """

    entry: str
    path: Path
    target: str
    needed: bool


def namings(case: Case) -> Iterator[Naming]:
    """Return every place where an entry, or a section that is one mapping, names an entry."""
    for section in case.sections:
        if not section.is_list and (one := getattr(case, section.name)) is not None:
            yield from _in_form(section.name, one, ())
    keys = {entry.key for _, entry in case.entries()}
    for _, entry in case.entries():
        yield from (one for one in _in_form(entry.key, entry, ()) if one.target in keys)


def _in_form(entry: str, form: Form, path: Path) -> Iterator[Naming]:
    for name, info in type(form).model_fields.items():
        value = getattr(form, name)
        roles = _roles(info.annotation, info.metadata)
        several = isinstance(value, tuple)
        for index, one in enumerate(value if several else (value,)):
            step: Path = (*path, name, index) if several else (*path, name)
            if isinstance(one, When):
                if one.event is not None:
                    yield Naming(entry, step, one.event, step == ("at",) or (not path and info.is_required()))
            elif isinstance(one, Form):
                if not isinstance(one, KeyedEntry):  # a part of an entry speaks for itself
                    yield from _in_form(entry, one, step)
            elif isinstance(one, str) and roles:
                about = not path and not _LEFT_OUT_ALONE.issuperset(roles)
                yield Naming(entry, step, one, about or (not path and not several and info.is_required()))


def _roles(annotation: Any, metadata: Iterable[Any] = ()) -> tuple[str, ...]:
    """Return what a field names by the key of an entry; nothing when it names none."""
    for check in metadata:
        if isinstance(check, HasRole):
            return check.roles
        if check is _PERFORMER or (isinstance(check, AfterValidator) and check == _PERFORMER):
            return ("person", "organization")
    parts = get_args(annotation)
    if hasattr(annotation, "__metadata__"):
        return _roles(parts[0], parts[1:])
    return next((found for part in parts if (found := _roles(part))), ())


@dataclass(frozen=True, slots=True)
class Dependencies:
    """
    What follows from leaving entries out.

    Args:
        needs: For each entry those that are left out without it.
        lists: For each field that is a list: its entry, and the entries of which it needs at least one.
    """

    needs: Mapping[str, frozenset[str]]
    lists: tuple[tuple[str, frozenset[str]], ...]

    @classmethod
    def of(cls, case: Case, found: Iterable[Naming], together: Mapping[str, Collection[str]]) -> Dependencies:
        """Return those of a case; what is declared to be there only together is in addition."""
        needs: dict[str, set[str]] = {}
        lists: dict[tuple[str, str], set[str]] = {}
        for one in found:
            if one.needed and isinstance(one.path[-1], int):
                lists.setdefault((one.entry, str(one.path[0])), set()).add(one.target)
            elif one.needed:
                needs.setdefault(one.target, set()).add(one.entry)
        for entry, others in together.items():
            for other in others:
                needs.setdefault(other, set()).add(entry)
        for section, one_entry in case.entries():
            for part in section.parts:
                needs.setdefault(one_entry.key, set()).update(inner.key for inner in getattr(one_entry, part.name))
        fixed = {target: frozenset(entries) for target, entries in needs.items()}
        return cls(fixed, tuple((entry, frozenset(targets)) for (entry, _), targets in lists.items()))

    def closure(self, left_out: Iterable[str]) -> set[str]:
        """Return some entries and all that are left out with them."""
        found = set(left_out)
        waiting = list(found)
        while waiting:
            following = set(self.needs.get(waiting.pop(), ())) - found
            found |= following
            waiting += following
            if not waiting:
                emptied = {entry for entry, targets in self.lists if targets <= found} - found
                found |= emptied
                waiting += emptied
        return found

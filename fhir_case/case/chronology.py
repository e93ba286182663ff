"""Check that every time of a case can be computed: no cycles, nothing without a time, all within the calendar."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, get_args

from fhir_case.case.forms import Form, When
from fhir_case.errors import CaseError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from fhir_case.case.model import Case
    from fhir_case.case.node import Loc

__all__ = ["time_problems"]

MAX_CHAIN = 100
"""Times that count from one another in a longer chain are not from a report."""


def time_problems(case: Case, *, wrong: Collection[str] = ()) -> Iterator[tuple[Loc, str, str]]:
    """
    Find the times of a case that cannot be computed.

    Args:
        wrong: The keys of entries that the case leaves out because something else is wrong with them.

    Returns:
        For each its path, what is wrong and what to do. A cycle is reported once, and an entry that only counts
        from a wrong one is not reported.
    """
    times = dict(_times(case, ()))
    entries = dict(_keyed(case))
    paths = {key: (*loc, "at") for key, loc in entries.items() if (*loc, "at") in times}
    yield from _anchor_problems(case, entries, paths, times)
    parents = _parents(case.anchor, paths, times)
    uncomputable = set(wrong)
    for key, what, hint in _chain_problems(parents, uncomputable):
        yield paths[key], what, hint
    unanchored = [loc for loc, when in times.items() if not case.anchor and _counts_from_anchor(when)]
    for loc in unanchored[:1]:
        what = "this counts from the anchor, and the case has no timeline"
        yield loc, what, "add 'timeline: {anchor: KEY, index_date: DATE}'"
    keys_by_path: dict[Loc, str] = {path: key for key, path in paths.items()}
    for loc, when in times.items():
        if loc in unanchored or keys_by_path.get(loc) in uncomputable or (when.event or case.anchor) in uncomputable:
            continue
        try:
            case.moments.moment(when, place="here")
        except CaseError as error:
            if error.where == "here":  # otherwise another entry, which is reported by itself
                yield loc, error.message, error.hint
            continue
        begun = times.get((*loc[:-1], "at"))
        if loc[-1] == "until" and begun is not None and (said := _ends_too_early(case, begun, when)):
            yield loc, said, "correct one of the two times"


def _counts_from_anchor(when: When) -> bool:
    return when.relation is not None and when.day is None and when.event is None


def _ends_too_early(case: Case, begun: When, ended: When) -> str:
    """Return that an end is before its begin, where both are told and not only their order; else nothing."""
    try:
        start, end = (case.moments.moment(one, place="here") for one in (begun, ended))
    except CaseError:
        return ""
    if not all(one.relation in {"", "at"} or one.interval for one in (start, end)):
        return ""
    shared = min(len(start.day), len(end.day))
    if start.day[:shared] <= end.day[:shared] or start.least is not None or end.most is not None:
        return ""
    return f"the end, {end.day}, is before the begin, {start.day}"


def _times(part: Form, loc: Loc) -> Iterator[tuple[Loc, When]]:
    for name in _fields_with_times(type(part)):
        value = getattr(part, name)
        inner = enumerate(value) if isinstance(value, tuple) else ((None, value),)
        for index, element in inner:
            path = (*loc, name) if index is None else (*loc, name, index)
            if isinstance(element, When):
                yield path, element
            elif isinstance(element, Form):
                yield from _times(element, path)


@cache
def _fields_with_times(model: type[Form]) -> tuple[str, ...]:
    """Return the fields of a form that can hold a time, or a form that can."""
    return tuple(name for name, field in model.model_fields.items() if _holds_time(field.annotation, (model,)))


def _holds_time(annotation: Any, around: tuple[type[Form], ...]) -> bool:
    if annotation in {Any, When, *around}:  # which may be anything, or a form that holds others of its kind
        return True
    if isinstance(annotation, type) and issubclass(annotation, Form):
        inner = (field.annotation for field in annotation.model_fields.values())
        return any(_holds_time(one, (*around, annotation)) for one in inner)
    return any(_holds_time(part, around) for part in get_args(annotation))


def _keyed(case: Case) -> Iterator[tuple[str, Loc]]:
    for section in case.sections:
        for index, entry in enumerate(getattr(case, section.name) if section.is_list else ()):
            yield entry.key, (section.name, index)
            for part in section.parts:
                for position, inner in enumerate(getattr(entry, part.name)):
                    yield inner.key, (section.name, index, part.name, position)


def _anchor_problems(
    case: Case, entries: Mapping[str, Loc], paths: Mapping[str, Loc], times: Mapping[Loc, When]
) -> Iterator[tuple[Loc, str, str]]:
    anchor = case.anchor
    hint = "write 'at: anchor'; the day of the anchor is 'timeline.index_date'"
    if anchor in paths:
        when = times[paths[anchor]]
        if when.relation != "at" or when.event not in {None, anchor} or when.count or when.least or when.most:
            yield paths[anchor], "this entry is the anchor, which counts from nothing", hint
    elif anchor in entries:
        yield entries[anchor], "this entry is the anchor and has no time", hint


def _parents(anchor: str, paths: Mapping[str, Loc], times: Mapping[Loc, When]) -> dict[str, str]:
    """Return for each entry that counts from another the key of that other."""
    return {
        key: times[path].event or anchor
        for key, path in paths.items()
        if key != anchor and times[path].relation is not None and times[path].day is None
    }


def _chain_problems(parents: Mapping[str, str], uncomputable: set[str]) -> Iterator[tuple[str, str, str]]:
    """Report cycles and overlong chains, and fill in the entries that cannot be computed for them."""
    depths: dict[str, int] = {}
    for start in parents:
        path: dict[str, None] = {}
        key = start
        while key in parents and key not in depths and key not in path:
            path[key] = None
            key = parents[key]
        if key in path:
            names = list(path)
            cycle = names[names.index(key) :]
            what = f"the times count in a cycle: {' -> '.join((*cycle, key))}"
            yield cycle[0], what, "let one of them count from the anchor, or give it a date"
            uncomputable.update(cycle)
        depth = depths.get(key, 0)
        for name in reversed(path):
            depth += 1
            depths[name] = depth
            if name in uncomputable or parents[name] in uncomputable:
                uncomputable.add(name)
            elif depth > MAX_CHAIN:
                uncomputable.add(name)
                yield name, f"the time counts from an entry through {MAX_CHAIN} others", "count from the anchor"

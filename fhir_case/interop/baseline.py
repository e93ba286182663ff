"""
Compare a test of servers with an older one that was written as JSON.

A proof that is gone is a step back: what passed and is now *not applicable* (the server withdrew the claim) or *not
run* is worse, and so is what was as sent and is now *not checked*. What failed and is no longer asked has not been
mended: it is *changed*. What only one of them has is *new* or *gone*, and neither better nor worse.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple, get_args

from pydantic import BaseModel, ConfigDict, ValidationError

from fhir_case.bounded import read_bounded
from fhir_case.errors import FhirCaseError
from fhir_case.interop.named import by_name
from fhir_case.interop.result import State, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fhir_case.interop.result import InteropResult

__all__ = ["DIRECTIONS", "SCHEMA_ID", "Change", "Direction", "compare_with"]

_MOST_BYTES = 500_000_000

SCHEMA_ID = "urn:fhir-case:interop-schema"
"""What the JSON of a test says that it is, as its ``$schema``."""

Direction = Literal["worse", "better", "changed", "new", "gone"]
DIRECTIONS: tuple[Direction, ...] = get_args(Direction)

_BEST, _REWRITTEN, _ALTERED, _WORST = range(4)
_RANKS = {
    **dict.fromkeys(("tested", "tried", "pass", "equal", "added"), _BEST),
    "rewritten": _REWRITTEN,
    "altered": _ALTERED,
    **dict.fromkeys(("lost", "rejected", "fail", "not tried", "not tested"), _WORST),
}  # what is not here proves nothing: not applicable, not run, not checked


@dataclass(frozen=True, slots=True)
class Change:
    """
    What is not as it was.

    Args:
        server: The name of the server.
        what: ``probe transaction-atomic``, ``hcc: Observation/afp-1``, ``hcc`` for all of it; empty for the server.
        before: The verdict or state; empty when it is new.
        after: The verdict or state; empty when it is gone.
        direction: ``worse``, ``better``, ``changed``, ``new`` or ``gone``.
        reason: What was observed this time; empty when nothing is to be said.
    """

    server: str
    what: str
    before: str
    after: str
    direction: Direction
    reason: str = ""


class _Finding(NamedTuple):
    state: str
    reason: str = ""


_ABSENT = _Finding("")


class _Record(BaseModel):
    """A part of a test that is compared; what else an older or newer version writes is passed over."""

    model_config = ConfigDict(frozen=True, from_attributes=True)

    name: str


class _Probe(_Record):
    verdict: Verdict
    observed: str = ""


class _Resource(BaseModel):
    model_config = _Record.model_config

    resource: str
    state: State
    reason: str = ""


class _Bundle(_Record):
    resources: tuple[_Resource, ...]
    error: str


class _Server(_Record):
    bundles: tuple[_Bundle, ...]
    probes: tuple[_Probe, ...]
    error: str


class _Test(BaseModel):
    model_config = _Record.model_config

    servers: tuple[_Server, ...]


def compare_with(baseline_path: Path | str, result: InteropResult) -> tuple[Change, ...]:
    """
    Return all that is not as an older test found it, server by server.

    Args:
        baseline_path: The JSON of the older test. What this version does not know in it is passed over.

    Raises:
        FhirCaseError: The file cannot be read, or is not such a JSON.
    """
    before = by_name(_read(Path(baseline_path)).servers, lambda each: each.name)
    after = by_name(_Test.model_validate(result).servers, lambda each: each.name)
    asked = [each.name for each in result.probes]
    return tuple(
        change
        for name in dict.fromkeys((*after, *before))
        for change in _server(name, before.get(name), after.get(name), asked)
    )


def _server(name: str, before: _Server | None, after: _Server | None, asked: list[str]) -> Iterator[Change]:
    was, now = _state(before, "tested"), _state(after, "tested")
    if was != now:
        yield _change(name, "", was, _Finding(now, after.error if after else ""))
    elif before is not None and after is not None and not after.error:
        found = _probes(after)
        unasked = {f"probe {each}": _Finding("not run") for each in asked}
        yield from _changes(name, _probes(before), {**unasked, **found})
        olds, news = (by_name(each.bundles, lambda one: one.name) for each in (before, after))
        for bundle in dict.fromkeys((*news, *olds)):
            yield from _bundle(name, bundle, olds.get(bundle), news.get(bundle))


def _bundle(server: str, name: str, before: _Bundle | None, after: _Bundle | None) -> Iterator[Change]:
    was, now = _state(before, "tried"), _state(after, "tried")
    if was != now:
        yield _change(server, name, was, _Finding(now, after.error if after else ""))
    if before is None or after is None:
        return
    old, new = _resources(name, before), _resources(name, after)
    if was == now and after.error:  # what it did not come to this time was not checked
        new = {**dict.fromkeys(old, _Finding("not checked", after.error)), **new}
    elif was != now:  # that it was broken off, or no longer is, says it of all that one of them lacks
        new = {what: finding for what, finding in new.items() if what in old}
        old = {what: finding for what, finding in old.items() if what in new}
    yield from _changes(server, old, new)


def _changes(server: str, old: dict[str, _Finding], new: dict[str, _Finding]) -> Iterator[Change]:
    for what in dict.fromkeys((*new, *old)):
        was, now = old.get(what, _ABSENT).state, new.get(what, _ABSENT)
        if was != now.state:
            yield _change(server, what, was, now)


def _change(server: str, what: str, before: str, after: _Finding) -> Change:
    return Change(server, what, before, after.state, _direction(before, after.state), after.reason)


def _direction(before: str, after: str) -> Direction:
    if not before or not after:
        return "gone" if before else "new"
    was, now = _RANKS.get(before), _RANKS.get(after)
    if was is None:
        return "changed" if now is None else "better" if now <= _REWRITTEN else "worse"
    if now is None:
        return "worse" if was <= _REWRITTEN else "changed"
    return "worse" if now > was else "better" if now < was else "changed"


def _state(one: _Server | _Bundle | None, done: str) -> str:
    return "" if one is None else f"not {done}" if one.error else done


def _probes(server: _Server) -> dict[str, _Finding]:
    return {f"probe {each.name}": _Finding(each.verdict, each.observed) for each in server.probes}


def _resources(name: str, bundle: _Bundle) -> dict[str, _Finding]:
    named = by_name(bundle.resources, lambda each: each.resource)
    return {f"{name}: {resource}": _Finding(each.state, each.reason) for resource, each in named.items()}


def _read(path: Path) -> _Test:
    """Return what an older test wrote."""
    from fhir_case.fhir import wire

    where = str(path)
    try:
        value = wire.parse(read_bounded(path, _MOST_BYTES))
        if isinstance(value, dict) and value.get("$schema", SCHEMA_ID) == SCHEMA_ID and "fhir_case" in value:
            return _Test.model_validate(value)
        message = "this is not the JSON of an interoperability test"
    except OSError as error:
        message = f"the baseline cannot be read: {error.strerror}"
    except RecursionError:
        message = "the baseline is nested too deeply"
    except ValidationError as errors:
        first = errors.errors(include_url=False)[0]
        where += ": " + "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in first["loc"])[1:]
        message = f"this is not a baseline: {first['msg']}, not {first['input']!r:.60}"
    except ValueError as error:
        message = f"this is not a baseline: {error}"
    raise FhirCaseError(message, where=where, hint="give the JSON that an earlier test wrote")

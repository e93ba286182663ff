"""Walk an R4 resource by the table, element by element, and write it as R5."""

from __future__ import annotations

from copy import deepcopy
from itertools import zip_longest
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

from fhir_case.errors import MappingError
from fhir_case.fhir.datatypes import absent, extension
from fhir_case.fhir.r5.changes import CHANGES
from fhir_case.fhir.r5.extensions import adjusted, kept_links, restore
from fhir_case.fhir.r5.places import put, steps_of
from fhir_case.fhir.r5.table import section_of, sections, systems
from fhir_case.fhir.systems import ELEMENT_OF_R4
from fhir_case.wording import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from fhir_case.fhir.r5.table import Section
    from fhir_case.fhir.wire import Resource

__all__ = ["to_r5"]

Json = dict[str, Any]

_EXTENSIONS = ("extension", "modifierExtension")
_OF_EVERY_RESOURCE = ("resourceType", "id", "meta", "implicitRules", "language", "text", "contained", *_EXTENSIONS)
_OF_EVERY_PART = ("id", *_EXTENSIONS)
_MALFORMED = "it is not of the form that R4 gives it"
_HINT = "leave it out in the mapping, or build in R4"


class _At(NamedTuple):
    """
    What all parts of a resource need.

    Args:
        where: Its ``Type/id``, for messages.
        identifiers: As `to_r5` is given them.
    """

    where: str
    identifiers: Mapping[str, Json]


def to_r5(resource: Resource, identifiers: Mapping[str, Json] | None = None) -> Resource:
    """
    Return an R4 resource as R5.

    Profiles are left off, since those that are claimed are of R4. Extensions stay; where one speaks of an element or of
    a profile of R4, it is adjusted.

    Args:
        identifiers: The business identifier of each resource of the Bundle by ``Type/id``.

    Raises:
        MappingError: The type or an element is not known, or R5 cannot say what it says.
    """
    kind = resource.get("resourceType")
    section = section_of(kind) if isinstance(kind, str) else None
    at = _At(f"{kind}/{resource.get('id', '')}".rstrip("/"), identifiers or {})
    if section is None:
        raise MappingError(
            f"how {kind} is written in R5 is not known",
            where=at.where,
            hint="leave out the mapping that gives it, or build in R4",
        )
    out: Json = {}
    own = {name: value for name, value in resource.items() if name.lstrip("_") in _OF_EVERY_RESOURCE}
    for name, value in own.items():
        if name == "meta":
            value = _without_profiles(value)  # noqa: PLW2901 - the value that goes on
        if name == "contained" and isinstance(value, list):
            out[name] = [to_r5(one, identifiers) if isinstance(one, dict) else one for one in value]
        elif value not in ({}, None):
            out[name] = _plain({name: value}, at)[name]
    _fill(out, {name: value for name, value in resource.items() if name not in own}, section, at)
    try:
        restore(out)
        if links := kept_links(resource, at.identifiers):
            out.setdefault("supportingInfo", []).extend(links)
    except (StopIteration, TypeError, KeyError, AttributeError):
        raise MappingError("an extension for an element of R5 is not of its form", where=at.where, hint=_HINT) from None
    _complete(out, section)
    return out


def _without_profiles(meta: Any) -> Any:
    if not isinstance(meta, dict):
        return meta
    return {name: value for name, value in meta.items() if name.lstrip("_") != "profile"}


def _part(source: Json, section: Section, at: _At) -> Json:
    """Convert a part of a resource, or a data type, that has a section."""
    own = {name: value for name, value in source.items() if name.lstrip("_") in _OF_EVERY_PART}
    out: Json = _plain(own, at)
    _fill(out, {name: value for name, value in source.items() if name not in own}, section, at)
    _complete(out, section)
    return out


def _complete(out: Json, section: Section) -> None:
    """Add what R5 requires and R4 does not have."""
    for name, value in section.fixed.items():
        if name not in out:
            out[name] = deepcopy(value)
    for name in section.absent:
        if name not in out and f"_{name}" not in out:
            out[f"_{name}"] = {"extension": absent()}


def _fill(out: Json, source: Json, section: Section, at: _At) -> None:
    """Convert the elements of one level into what they are in R5."""
    done: set[str] = set()
    for name in dict.fromkeys(written.removeprefix("_") for written in source):
        if (function := section.function(name)) is not None:
            if function not in done:
                done.add(function)
                _make(out, source, section, function, at)
            continue
        value, more = source.get(name), source.get(f"_{name}")
        _refuse_lost_targets(value, section, name, at)
        if name in section.flat:
            _flatten(out, value, section, name, at)
            continue
        value, more = _value(value, section, name, at), _plain(more, at)
        if name in section.extension:
            out.setdefault("extension", []).extend(_kept(value, more, section, name))
            continue
        target = None if name in section.refused else section.target(name)
        if target is None:
            _refuse(section, name, at)
        try:
            put(out, steps_of(target), value, more)
        except ValueError as error:
            raise _cannot(str(error), section, name, at) from None


def _value(value: Any, section: Section, name: str, at: _At) -> Any:
    part = section_of(section.typed.get(name, f"{section.name}.{name}"))
    codes = section.codes.get(name)
    if codes is not None and isinstance(value, str):
        if value not in codes:
            raise _cannot(f"R5 has no code for '{value}'", section, name, at)
        return codes[value]
    if part is None:
        return _plain(value, at)
    if isinstance(value, list):
        return [_part(one, part, at) if isinstance(one, dict) else one for one in value]
    return _part(value, part, at) if isinstance(value, dict) else value


def _plain(value: Any, at: _At) -> Any:
    """Convert what has the same form in R5: in it may be extensions, and codes of systems that are not there."""
    if isinstance(value, list):
        return [_plain(one, at) for one in value]
    if not isinstance(value, dict):
        return value
    out: Json = {}
    for name, part in value.items():
        if name in _EXTENSIONS and isinstance(part, list):
            out[name] = [_extension(one, at) for one in part]
        elif name == "system" and isinstance(part, str):
            out[name] = systems().get(part, part)
        else:
            out[name] = _plain(part, at)
    return out


def _extension(given: Any, at: _At) -> Any:
    if not isinstance(given, dict):
        return given
    try:
        return adjusted(_part(given, sections()["Extension"], at), at.identifiers)
    except ValueError as error:
        raise MappingError(str(error), where=at.where, hint=_HINT) from None
    except (TypeError, AttributeError):
        url = given.get("url")
        raise MappingError(f"the extension {url} is not of its form", where=at.where, hint=_HINT) from None


def _make(out: Json, source: Json, section: Section, function: str, at: _At) -> None:
    names = [name for name in section.made[function] if name in source]
    extended = next((name for name in section.made[function] if f"_{name}" in source), None)
    if extended:
        raise _cannot("R5 has no place for the extensions of its value", section, extended, at)
    try:
        made = CHANGES[function]({name: _value(source[name], section, name, at) for name in names})
    except ValueError as error:
        raise _cannot(str(error), section, names[0], at) from None
    except (TypeError, KeyError, AttributeError):
        raise _cannot(_MALFORMED, section, names[0], at) from None
    out.update(made)


def _flatten(out: Json, value: Any, section: Section, name: str, at: _At) -> None:
    inner = sections()[f"{section.name}.{name}"]
    for one in value if isinstance(value, list) else [value]:
        if not isinstance(one, dict):
            raise _cannot(_MALFORMED, section, name, at)
        extended = next((part for part in one if part in _OF_EVERY_PART), None)
        if extended:
            raise _cannot("R5 has no such part, so no place for it", inner, extended, at)
        _fill(out, one, inner, at)


def _kept(value: Any, more: Any, section: Section, name: str) -> Iterator[Json]:
    """Return the extensions for the values of an element that R5 has no place for."""
    kept = section.extension[name]
    url, kind = kept.get("url", f"{ELEMENT_OF_R4}{section.name}.{name}"), kept["value"]
    both = isinstance(value, list) or isinstance(more, list)
    for one, extended in zip_longest(value or (), more or ()) if both else [(value, more)]:
        values = {kind: one, f"_{kind}": extended}
        yield extension(url, **{part: each for part, each in values.items() if each is not None})


def _refuse_lost_targets(value: Any, section: Section, name: str, at: _At) -> None:
    lost = section.not_to.get(name)
    if not lost:
        return
    for one in value if isinstance(value, list) else [value]:
        if isinstance(one, dict):
            led = lost & {str(one.get("type")), *str(one.get("reference")).split("/")[:-1]}
            if led:
                raise _cannot(f"in R5 it cannot lead to a resource of type {min(led)}", section, name, at)


def _refuse(section: Section, name: str, at: _At) -> NoReturn:
    if name in section.refused:
        raise _cannot(section.refused[name], section, name, at)
    near = did_you_mean(name, section.elements, before="; ")
    raise _cannot(f"it is not known{near}", section, name, at)


def _cannot(reason: str, section: Section, name: str, at: _At) -> MappingError:
    return MappingError(f"{section.name}.{name} cannot be written in R5: {reason}", where=at.where, hint=_HINT)

"""
Tell which must-support elements of mCODE could be carried and are not.

This is never an error: a source that knows nothing of an element has nothing to put there. It shows whoever builds
Bundles, or maps to mCODE, what is left to fill. The elements are data of this package, made from the snapshots of the
official package by scripts/make-coverage; what is not asked for although it must be supported is said below.
"""

from __future__ import annotations

import json
from collections import Counter
from functools import cache, lru_cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any, NamedTuple

from fhir_case.issues import Issue
from fhir_case.validation.check import Check
from fhir_case.validation.rules.events import codes_of
from fhir_case.validation.subject import ABSENT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from fhir_case.validation.subject import Located, Subject

__all__ = ["COVERAGE"]

# Resources are of few shapes. How many a process keeps in mind, so that it does not grow without end.
_REMEMBERED = 1_000

_NAMED = 3  # how many resources a message names
_GUIDE = "http://hl7.org/fhir/us/mcode/StructureDefinition/"
_ASSERTED = "http://hl7.org/fhir/StructureDefinition/condition-assertedDate"
# What did not happen, or has no result yet, has only the reason for it to carry.
_WITHOUT_CONTENT = frozenset({"cancelled", "entered-in-error", "not-done", "registered"})
_WANTS_REASON = frozenset({"cancelled", "not-done", "on-hold", "stopped"})
_OVER = frozenset({"inactive", "resolved"})


class _Exception(NamedTuple):
    """
    Say when an element is not asked for.

    Args:
        element: The last step of its name.
        when: Tells it from the object that would carry it.
        reason: Why.
        profile: The only profile that this is about; empty for all.
    """

    element: str
    when: Callable[[Mapping[str, Any]], bool]
    reason: str
    profile: str = ""


def _always(_: Mapping[str, Any]) -> bool:
    return True


def _has(*names: str) -> Callable[[Mapping[str, Any]], bool]:
    return lambda node: any(name in node for name in names)


def _is_over(node: Mapping[str, Any]) -> bool:
    return any(code in _OVER for _, code in codes_of(node.get("clinicalStatus")))


def _listed(value: object) -> list[object]:
    return value if isinstance(value, list) else [value]


def _has_extension(node: Mapping[str, Any], url: str) -> bool:
    return "extension" in node and any(
        isinstance(one, dict) and one.get("url") == url for one in _listed(node["extension"])
    )


_EXCEPTIONS = (
    _Exception(
        "value[x]", _has("dataAbsentReason", "component", "hasMember"), "it is said to be absent, or parts carry it"
    ),
    _Exception("dataAbsentReason", _always, "where there is neither, it is the value that is asked for"),
    _Exception("component", _has("valueQuantity", "dataAbsentReason"), "one measured value has no parts"),
    _Exception(
        "specimen", _always, "a size is mostly measured on images, and the method does not tell", "mcode-tumor-size"
    ),
    _Exception(
        "statusReason", lambda node: str(node.get("status")) not in _WANTS_REASON, "what goes as planned has no reason"
    ),
    _Exception("reasonCode", _always, "the reference to the cancer says more, and is asked for"),
    _Exception("reasonReference", _has("reasonCode"), "the reason is there as a code"),
    _Exception("abatement[x]", lambda node: not _is_over(node), "what is not over has no end"),
    _Exception(
        "recordedDate", lambda node: _has_extension(node, _ASSERTED), "the day of the diagnosis says more, and is there"
    ),
    _Exception("deceased[x]", _always, "nothing else tells that a patient died"),
    _Exception("lateralityQualifier", _always, "most sites have no side, and the code does not tell"),
    _Exception("locationQualifier", _always, "the code of the site may say all that is known"),
    _Exception("comorbidConditionPresent", _has("extension"), "a patient may have none of what was looked for"),
    _Exception("comorbidConditionAbsent", _always, "a patient may have all of what was looked for"),
)


class _Element(NamedTuple):
    """
    One element that must be supported.

    Args:
        name: What it is called here: ``address.city``, ``value[x]``, and an extension by the name of its slice.
        holders: The steps to the objects that carry it; none for the resource itself.
        last: Its own name; of a choice, the begin of its names.
        choice: Whether it is a choice of types.
        extension: The url of an extension; empty for other elements.
        required: Whether the profile requires it.
        exceptions: When it is not asked for.
    """

    name: str
    holders: tuple[str, ...]
    last: str
    choice: bool
    extension: str
    required: bool
    exceptions: tuple[_Exception, ...]


class _Profile(NamedTuple):
    name: str
    type: str
    version: str
    elements: tuple[_Element, ...]


class _Shape(NamedTuple):
    """Say which profile is claimed, the names of the elements, and whether there is nothing but a reason to carry."""

    profile: str
    names: tuple[str, ...]
    empty: bool


@cache
def _profiles() -> dict[str, _Profile]:
    text = files("fhir_case.validation").joinpath("schema", "mcode.json").read_bytes()
    found = {}
    for url, profile in json.loads(text)["profiles"].items():
        name = url.removeprefix(_GUIDE)
        elements = [_element(element, name) for element in profile["elements"]]
        asked = tuple(one for one in elements if all(exception.when is not _always for exception in one.exceptions))
        found[url] = _Profile(name, profile["type"], profile["version"], asked)
    return found


def _element(element: Mapping[str, Any], profile: str) -> _Element:
    *holders, last = element["element"].split(".")
    return _Element(
        element["element"],
        tuple(holders),
        last.removesuffix("[x]"),
        last.endswith("[x]"),
        element.get("extension", ""),
        element.get("required", False),
        tuple(one for one in _EXCEPTIONS if one.element == last and one.profile in ("", profile)),
    )


def _claims(subject: Subject) -> Iterator[tuple[_Profile, Located]]:
    """Return each claim of a profile of the guide; a claim of another version of it is none."""
    known = _profiles()
    for located, claim in subject.claims:
        url, _, version = claim.partition("|")
        profile = known.get(url)
        if profile and version in ("", profile.version) and profile.type == located.type:
            yield profile, located


def _coverage(subject: Subject) -> Iterator[Issue]:
    asked: Counter[tuple[str, str]] = Counter()
    missing: dict[tuple[str, str], list[Located]] = {}
    for shape, claiming in _alike(subject).items():
        carried, others = _told_by_names(shape)
        for name in carried:
            asked[shape.profile, name] += len(claiming)
        for element in others:
            key = shape.profile, element.name
            for located in claiming:
                holders = _holders(located.resource, element.holders)
                if any(_carries(node, element) for node in holders):
                    asked[key] += 1
                elif any(not any(one.when(node) for one in element.exceptions) for node in holders):
                    asked[key] += 1
                    missing.setdefault(key, []).append(located)
    incomplete = {profile for profile, _ in missing}
    for profile in _profiles().values() if missing else ():
        for element in profile.elements if profile.name in incomplete else ():
            key = profile.name, element.name
            if key in missing:
                yield _finding(profile, element, asked[key], missing[key])


def _alike(subject: Subject) -> dict[_Shape, list[Located]]:
    """Put those together that claim the same profile and have elements of the same names."""
    found: dict[_Shape, list[Located]] = {}
    for profile, located in _claims(subject):
        empty = str(located.resource.get("status")) in _WITHOUT_CONTENT
        found.setdefault(_Shape(profile.name, tuple(located.resource), empty), []).append(located)
    return found


@lru_cache(_REMEMBERED)
def _told_by_names(shape: _Shape) -> tuple[list[str], list[_Element]]:
    """Return the names of the elements that are carried whatever is in them, and those for which one has to look."""
    elements = _profiles()[_GUIDE + shape.profile].elements
    asked = [one for one in elements if not shape.empty or one.name == "statusReason"]
    names = dict.fromkeys(shape.names)
    carried = [one.name for one in asked if not one.holders and not one.extension and _carries(names, one)]
    return carried, [one for one in asked if one.name not in carried]


def _holders(resource: Mapping[str, Any], steps: tuple[str, ...]) -> list[Mapping[str, Any]]:
    """Return the objects that could carry an element, without those that are said to be absent."""
    nodes = [resource]
    if not steps:
        return nodes
    for step in steps:
        nodes = [child for node in nodes for child in _listed(node.get(step)) if isinstance(child, dict)]
    return [node for node in nodes if not _has_extension(node, ABSENT)]


def _carries(node: Mapping[str, Any], element: _Element) -> bool:
    if element.extension:
        return _has_extension(node, element.extension)
    if not element.choice:
        return element.last in node or f"_{element.last}" in node
    begins = element.last, f"_{element.last}"
    return any(key.startswith(begins) for key in node)


def _finding(profile: _Profile, element: _Element, asked: int, missing: list[Located]) -> Issue:
    what = f"{profile.name} and could carry '{element.name}'"
    if asked == 1:
        message = f"the one resource that claims {what} does not"
    elif len(missing) == asked:
        message = f"none of the {asked} resources that claim {what} does"
    else:
        named = [located.label or located.path for located in missing[:_NAMED]]
        more = [f"{len(missing) - _NAMED} more"] if len(missing) > _NAMED else []
        verb = "does" if len(missing) == 1 else "do"
        message = f"{len(missing)} of the {asked} resources that claim {what} {verb} not: {', '.join(named + more)}"
    if element.required:
        message += "; the profile requires it"
    last = f"extension('{element.extension}')" if element.extension else element.last
    place = ".".join([profile.type, *element.holders, last])
    return Issue("information", COVERAGE.name, message, "", place, "informational")


def _unless_claimed(subject: Subject) -> str:
    if subject.fhir != "R4":
        return "mCODE is a guide for R4"
    return "" if any(_claims(subject)) else "no mCODE profile is claimed"


COVERAGE = Check(
    "coverage",
    "Must-support elements of mCODE that could be carried and are not; for information.",
    "https://hl7.org/fhir/us/mcode/STU4/conformance-general.html",
    _coverage,
    _unless_claimed,
)

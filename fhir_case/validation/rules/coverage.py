"""
The rule about coverage: which must-support elements of mCODE could be present and are not.

This is never an error: a source may know nothing of an element. It shows whoever builds Bundles, or maps to mCODE, what
could be added. The elements are data of this package, made from the snapshots of the official package by
scripts/make-coverage; the exceptions are below.
"""

from __future__ import annotations

import json
from collections import Counter
from functools import cache, lru_cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any, NamedTuple

from fhir_case.fhir.systems import ASSERTED_DATE, DATA_ABSENT_REASON, MCODE
from fhir_case.issues import Issue
from fhir_case.validation.check import Check
from fhir_case.validation.rules.events import codes_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from fhir_case.validation.located import Located
    from fhir_case.validation.subject import Subject

__all__ = ["COVERAGE"]

# How many shapes of resources a process remembers: they are few, and memory has a bound.
_CACHED = 1_000

_NAMED = 3  # how many resources a message names
# The states of what did not happen, or has no result yet: only the reason for that is expected.
_WITHOUT_CONTENT = frozenset({"cancelled", "entered-in-error", "not-done", "registered"})
_WANTS_REASON = frozenset({"cancelled", "not-done", "on-hold", "stopped"})
_OVER = frozenset({"inactive", "resolved"})


class _Exception(NamedTuple):
    """
    When an element is not expected.

    Args:
        element: The last step of its name.
        when: Whether it is not expected in an object.
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
        "value[x]",
        _has("dataAbsentReason", "component", "hasMember"),
        "its absence has a reason, or parts have it",
    ),
    _Exception("dataAbsentReason", _always, "where there is neither, the value is expected"),
    _Exception("component", _has("valueQuantity", "dataAbsentReason"), "one measured value has no parts"),
    _Exception(
        "specimen", _always, "a size is mostly measured on images, and the method does not say so", "mcode-tumor-size"
    ),
    _Exception(
        "statusReason",
        lambda node: str(node.get("status")) not in _WANTS_REASON,
        "only a deviation has a reason",
    ),
    _Exception("reasonCode", _always, "the reference to the cancer says more, and is expected"),
    _Exception("reasonReference", _has("reasonCode"), "the reason is there as a code"),
    _Exception("abatement[x]", lambda node: not _is_over(node), "a condition that is not over has no abatement"),
    _Exception(
        "recordedDate",
        lambda node: _has_extension(node, ASSERTED_DATE),
        "the day of the diagnosis, which is there, says more",
    ),
    _Exception("deceased[x]", _always, "nothing else shows that a patient died"),
    _Exception("lateralityQualifier", _always, "most sites have no side, and the code does not say which"),
    _Exception("locationQualifier", _always, "the code of the site may say all that is known"),
    _Exception("comorbidConditionPresent", _has("extension"), "a patient may have none of what was looked for"),
    _Exception("comorbidConditionAbsent", _always, "a patient may have all of what was looked for"),
)


class _Element(NamedTuple):
    """
    One element that must be supported.

    Args:
        name: What it is called here: ``address.city``, ``value[x]``, and an extension by the name of its slice.
        parents: The path to the objects that have it; empty for the resource itself.
        last: Its own name; of a choice, the stem of its names.
        choice: Whether it is a choice of types.
        extension: The url of an extension; empty for other elements.
        required: Whether the profile requires it.
        exceptions: When it is not expected.
    """

    name: str
    parents: tuple[str, ...]
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
    """The profile that is claimed, the names of the elements, and whether only a reason is expected."""

    profile: str
    names: tuple[str, ...]
    empty: bool


@cache
def _profiles() -> dict[str, _Profile]:
    text = files("fhir_case.validation").joinpath("schema", "mcode.json").read_bytes()
    found = {}
    for url, profile in json.loads(text)["profiles"].items():
        name = url.removeprefix(MCODE)
        elements = [_element(element, name) for element in profile["elements"]]
        expected = tuple(one for one in elements if all(exception.when is not _always for exception in one.exceptions))
        found[url] = _Profile(name, profile["type"], profile["version"], expected)
    return found


def _element(element: Mapping[str, Any], profile: str) -> _Element:
    *parents, last = element["element"].split(".")
    return _Element(
        element["element"],
        tuple(parents),
        last.removesuffix("[x]"),
        last.endswith("[x]"),
        element.get("extension", ""),
        element.get("required", False),
        tuple(one for one in _EXCEPTIONS if one.element == last and one.profile in ("", profile)),
    )


def _claims(subject: Subject) -> Iterator[tuple[_Profile, Located]]:
    """Return each claim of a profile of the guide, but not of another version of it."""
    known = _profiles()
    for located, claim in subject.claims:
        url, _, version = claim.partition("|")
        profile = known.get(url)
        if profile and version in ("", profile.version) and profile.type == located.type:
            yield profile, located


def _coverage(subject: Subject) -> Iterator[Issue]:
    expected: Counter[tuple[str, str]] = Counter()
    missing: dict[tuple[str, str], list[Located]] = {}
    for shape, claiming in _alike(subject).items():
        present, others = _by_names(shape)
        for name in present:
            expected[shape.profile, name] += len(claiming)
        for element in others:
            key = shape.profile, element.name
            for located in claiming:
                parents = _parents(located.resource, element.parents)
                if any(_has_element(node, element) for node in parents):
                    expected[key] += 1
                elif any(not any(one.when(node) for one in element.exceptions) for node in parents):
                    expected[key] += 1
                    missing.setdefault(key, []).append(located)
    incomplete = {profile for profile, _ in missing}
    for profile in _profiles().values() if missing else ():
        for element in profile.elements if profile.name in incomplete else ():
            key = profile.name, element.name
            if key in missing:
                yield _finding(profile, element, expected[key], missing[key])


def _alike(subject: Subject) -> dict[_Shape, list[Located]]:
    """Return the resources that claim each profile, by the names of their elements."""
    found: dict[_Shape, list[Located]] = {}
    for profile, located in _claims(subject):
        empty = str(located.resource.get("status")) in _WITHOUT_CONTENT
        found.setdefault(_Shape(profile.name, tuple(located.resource), empty), []).append(located)
    return found


@lru_cache(_CACHED)
def _by_names(shape: _Shape) -> tuple[list[str], list[_Element]]:
    """Return the names of the elements that are present by their names alone, and the elements to look for."""
    elements = _profiles()[MCODE + shape.profile].elements
    expected = [one for one in elements if not shape.empty or one.name == "statusReason"]
    names = dict.fromkeys(shape.names)
    present = [one.name for one in expected if not one.parents and not one.extension and _has_element(names, one)]
    return present, [one for one in expected if one.name not in present]


def _parents(resource: Mapping[str, Any], steps: tuple[str, ...]) -> list[Mapping[str, Any]]:
    """Return the objects that could have an element, without those that have a reason for their absence."""
    nodes = [resource]
    if not steps:
        return nodes
    for step in steps:
        nodes = [child for node in nodes for child in _listed(node.get(step)) if isinstance(child, dict)]
    return [node for node in nodes if not _has_extension(node, DATA_ABSENT_REASON)]


def _has_element(node: Mapping[str, Any], element: _Element) -> bool:
    if element.extension:
        return _has_extension(node, element.extension)
    if not element.choice:
        return element.last in node or f"_{element.last}" in node
    stems = element.last, f"_{element.last}"
    return any(key.startswith(stems) for key in node)


def _finding(profile: _Profile, element: _Element, expected: int, missing: list[Located]) -> Issue:
    what = f"{profile.name} and could have '{element.name}'"
    if expected == 1:
        message = f"the one resource that claims {what} does not"
    elif len(missing) == expected:
        message = f"none of the {expected} resources that claim {what} does"
    else:
        named = [located.label or located.path for located in missing[:_NAMED]]
        more = [f"{len(missing) - _NAMED} more"] if len(missing) > _NAMED else []
        verb = "does" if len(missing) == 1 else "do"
        message = f"{len(missing)} of the {expected} resources that claim {what} {verb} not: {', '.join(named + more)}"
    if element.required:
        message += "; the profile requires it"
    last = f"extension('{element.extension}')" if element.extension else element.last
    place = ".".join([profile.type, *element.parents, last])
    return Issue("information", COVERAGE.name, message, "", place, "informational")


def _unless_claimed(subject: Subject) -> str:
    if subject.fhir != "R4":
        return "mCODE is a guide for R4"
    return "" if any(_claims(subject)) else "no mCODE profile is claimed"


COVERAGE = Check(
    "coverage",
    "Must-support elements of mCODE that could be present and are not; for information.",
    "https://hl7.org/fhir/us/mcode/STU4/conformance-general.html",
    _coverage,
    _unless_claimed,
)

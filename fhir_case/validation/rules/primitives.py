"""Rules about the values of primitive types that a JSON Schema cannot express, or only at the cost of every element."""

from __future__ import annotations

import re
from decimal import Decimal
from functools import cache
from typing import TYPE_CHECKING, Any

from fhir_case.fhir.definitions import definition_named, definition_of, definitions
from fhir_case.fhir.wire import dump
from fhir_case.validation.check import Finding, rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fhir_case.fhir.models import FhirVersion
    from fhir_case.validation.located import Located, Path
    from fhir_case.validation.subject import Subject

__all__ = ["PRIMITIVE_RULES", "UPPER_URN", "URN"]

_URI = "urn:ietf:rfc:3986"
_TYPES = "https://hl7.org/fhir/R4/datatypes.html"
_TYPES_R5 = "https://hl7.org/fhir/R5/datatypes.html"
_INTEGERS = frozenset({"integer", "positiveInt", "unsignedInt"})
_URIS = frozenset({"uri", "url", "canonical", "absolute-uri", "oid", "uuid"})
_LONGEST = 1024 * 1024

_OID = r"oid:[0-2](?:\.(?:0|[1-9][0-9]*))+"
_UUID = r"uuid:[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
URN = re.compile(rf"urn:(?:{_OID}|{_UUID})")
UPPER_URN = re.compile(rf"urn:{_UUID}", re.IGNORECASE)
_ABSOLUTE = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*:\S+")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")

# What is looked for in the JSON of a whole document, which takes a hundredth of the time of a walk through its
# elements. Nearly always nothing is found; else the walk tells where, and whether it is wrong there.
# A pattern that begins with one character is searched for three times as fast as one with two.
_ESCAPED = re.compile(rb"\\[ubf]")
_WRONG_URN = re.compile(rf'"urn:(?:oid|uuid)(?!(?:{_OID[3:]}|{_UUID[4:]})")'.encode())
_FRAGMENT = re.compile(rb'#(?<="#)(?<!"reference":"#)')


def _suspects(subject: Subject) -> list[tuple[Located, Path, str]]:
    """Return the texts of a document that may be wrong, with their paths; of most documents none."""
    if subject.too_deep:  # the paths would be as long as it is deep
        return []
    try:
        text = dump(subject.document)
    except TypeError:  # half a surrogate pair, which the strict schema reports
        text = b"\\u00"
    if len(text) <= _LONGEST and not _is_suspect(text):
        return []
    return [
        (located, path, value)
        for located in subject.resources
        for path, value in _texts(located.resource)
        if value.startswith(("urn:", "#")) or len(value) > _LONGEST or _CONTROL.search(value)
    ]


def _is_suspect(text: bytes) -> bool:
    return (
        _ESCAPED.search(text) is not None
        or (b'"urn:' in text and _WRONG_URN.search(text) is not None)
        or _FRAGMENT.search(text) is not None
    )


def _texts(resource: Any) -> Iterator[tuple[Path, str]]:
    waiting: list[tuple[Path, Any]] = [((), resource)]
    while waiting:
        path, node = waiting.pop()
        if isinstance(node, str):
            yield path, node
        elif isinstance(node, dict):
            # What is below a resource inside is looked at with that one.
            waiting += [((*path, name), value) for name, value in node.items() if not (path and "resourceType" in node)]
        elif isinstance(node, list):
            waiting += [((*path, at), value) for at, value in enumerate(node)]


def _about(subject: Subject, located: Located, path: Path) -> str:
    """Return the primitive type of an element."""
    return definition_of(located.type, path, subject.fhir).rstrip("?")


def _finding(located: Located, path: Path, message: str, **more: Any) -> Finding:
    """Return a finding about the primitive value at a path."""
    holder = path[: max((at for at, step in enumerate(path) if isinstance(step, str)), default=0)]
    tail = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path[len(holder) :])
    return Finding(located, message, node=located.at(holder), tail=tail, code="value", **more)


@rule(
    "control-character",
    "Text has no control characters but tabs and line ends: XML cannot hold them.",
    _TYPES + "#string",
)
def _no_control(subject: Subject) -> Iterator[Finding]:
    for located, path, value in subject.once(_suspects):
        found = _CONTROL.search(value)
        if found:
            message = (
                f"the text has the control character U+{ord(found[0]):04X}, which XML and some databases cannot hold"
            )
            yield _finding(located, path, message, severity="warning")


@rule("text-size", "Text has at most 1,048,576 characters.", _TYPES + "#string")
def _not_too_long(subject: Subject) -> Iterator[Finding]:
    for located, path, value in subject.once(_suspects):
        if len(value) > _LONGEST and _about(subject, located, path) in ("string", "markdown"):
            yield _finding(located, path, f"the text has {len(value):,} characters, and {_LONGEST:,} are allowed")


@rule("urn", "A URI that begins with urn:oid: or urn:uuid: is an OID or a UUID.", _TYPES + "#uri")
def _urns(subject: Subject) -> Iterator[Finding]:
    for located, path, value in subject.once(_suspects):
        if not value.startswith(("urn:oid:", "urn:uuid:")) or URN.fullmatch(value.partition("|")[0]):
            continue
        kind = _about(subject, located, path)
        if kind not in _URIS - {"oid", "uuid"} or path[-1] == "fullUrl":  # those are found by other checks
            continue
        if UPPER_URN.fullmatch(value):
            yield _finding(located, path, f"the letters of '{value}' should be in lower case", severity="warning")
        else:
            form = "an OID: urn:oid:1.2.3" if value.startswith("urn:oid:") else "a UUID: urn:uuid: and 36 characters"
            yield _finding(located, path, f"'{value}' is not {form}")


@rule("fragment", "A canonical that begins with # names a resource that is contained.", _TYPES + "#canonical")
def _fragments(subject: Subject) -> Iterator[Finding]:
    for located, path, value in subject.once(_suspects):
        is_fragment = value.startswith("#") and value != "#" and _about(subject, located, path) == "canonical"
        if is_fragment and subject.index.resolve(value, located).located is None:
            yield _finding(located, path, f"'{value}' points into this resource, which contains no such resource")


@rule(
    "uri-identifier",
    f"The value of an identifier of the system {_URI} is an absolute URI.",
    "https://hl7.org/fhir/R4/identifier-registry.html",
    lambda subject: "" if _URI in subject.by_system else f"nothing has the system {_URI}",
)
def _uri_identifiers(subject: Subject) -> Iterator[Finding]:
    for located, node in subject.by_system.get(_URI, ()):
        value = node.get("value")
        if not isinstance(value, str) or "code" in node:  # a quantity or a coding
            continue
        wrong = value.startswith(("urn:oid:", "urn:uuid:")) and not (URN.fullmatch(value) or UPPER_URN.fullmatch(value))
        if wrong or not _ABSOLUTE.fullmatch(value):
            message = f"the system says that the value is a URI, and '{value}' is not an absolute one"
            yield Finding(located, message, node=node, tail=".value", code="value")


@rule(
    "extension-url",
    "The url of an extension is absolute; inside another extension it may be a name.",
    "https://hl7.org/fhir/R4/extensibility.html#Extension.url",
)
def _extension_urls(subject: Subject) -> Iterator[Finding]:
    for located, node in subject.elements.local_urls:
        path = located.path_to(node) or ()
        names = [step for step in path if isinstance(step, str)]
        inside = len(names) > 1 and names[-2] in ("extension", "modifierExtension")
        if names and names[-1] in ("extension", "modifierExtension") and not inside:
            message = f"the url of an extension is absolute, and '{node['url']}' is not"
            yield Finding(located, message, node=node, tail=".url", code="value")


@rule("ele-1", "A primitive element has a value or extensions: an id alone says nothing.", _TYPES + "#Element")
def _not_only_an_id(subject: Subject) -> Iterator[Finding]:
    for located, node in subject.elements.ids_alone:
        path = located.path_to(node)
        steps = [at for at, step in enumerate(path or ()) if isinstance(step, str)]
        if not path or not steps or not str(path[steps[-1]]).startswith("_"):
            continue  # of other elements the strict schema finds it
        holder = located.at(path[: steps[-1]])
        value = holder.get(str(path[steps[-1]])[1:])
        for step in path[steps[-1] + 1 :]:
            value = value[step] if isinstance(value, list) and isinstance(step, int) and step < len(value) else None
        if value is None:
            yield Finding(located, "there is an id, and neither a value nor an extension", node=node)


@cache
def _integer_names(fhir: FhirVersion) -> frozenset[str]:
    """Return the names of all elements that are integers somewhere."""
    found: set[str] = set()
    for definition in definitions(fhir).values():
        for name, schema in definition.get("properties", {}).items():
            if definition_named(schema).rstrip("?") in _INTEGERS:
                found.add(name)
    return frozenset(found)


@rule("integer-form", "Integers are written without a point and an exponent.", _TYPES + "#integer")
def _integers(subject: Subject) -> Iterator[Finding]:
    numbers = subject.elements.numbers
    names = _integer_names(subject.fhir) if numbers else frozenset[str]()
    for located, node in numbers.values():
        for name in names.intersection(node):
            value = node[name]
            written = next(
                (one for one in (value if isinstance(value, list) else [value]) if isinstance(one, Decimal)), None
            )
            whole = written is not None and written == written.to_integral_value()  # others are found by the schema
            if whole and _about(subject, located, (*(located.path_to(node) or ()), name)) in _INTEGERS:
                message = f"{written} has to be written as a whole number, without a point and an exponent"
                yield Finding(located, message, node=node, tail=f".{name}", code="value")


@rule(
    "decimal-digits",
    "In R5 a decimal has at most 18 digits before the point and 17 behind it.",
    _TYPES_R5 + "#decimal",
    lambda subject: "it is a rule of R5" if subject.fhir == "R4" else "",
)
def _decimals(subject: Subject) -> Iterator[Finding]:
    for located, node in subject.elements.numbers.values():
        for name, value in node.items():
            if (
                isinstance(value, (Decimal, int))
                and not isinstance(value, bool)
                and _has_too_many_digits(Decimal(value))
            ):
                message = "a decimal has at most 18 digits before the point and 17 behind it"
                yield Finding(located, message, node=node, tail=f".{name}", code="value")


def _has_too_many_digits(value: Decimal) -> bool:
    if not value.is_finite():
        return False
    _, digits, exponent = value.as_tuple()
    behind = -int(exponent) if int(exponent) < 0 else 0
    return len(digits) - behind > 18 or behind > 17


PRIMITIVE_RULES = (
    _no_control,
    _not_too_long,
    _urns,
    _fragments,
    _uri_identifiers,
    _extension_urls,
    _not_only_an_id,
    _integers,
    _decimals,
)

"""Compare a resource as it was sent with what a server stored."""

from __future__ import annotations

import binascii
import re
from base64 import b64decode
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import unquote

from fhir_case.fhir import wire
from fhir_case.fhir.links import CANONICALS, TEMPORARY, is_link, narrative_links, with_narrative_links
from fhir_case.fhir.narrative import canonical_narrative
from fhir_case.fhir.references import unversioned, without_part

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from fhir_case.fhir.wire import Resource

__all__ = ["Difference", "Kind", "compare", "state_of"]

Kind = Literal["added", "rewritten", "precision", "changed", "missing", "unexpected", "unresolved", "duplicate"]

_INSTANT = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d+))?(Z|[+-]\d\d:\d\d)")
_SETS = ("profile", "security", "tag")
_BASE64 = re.compile(
    r"AuditEvent\..*\.query|.*(?:\.hash|\.carrierAIDC|Base64Binary|(?<!SampledData)\.data)(?:\[\d+\])?"
)
_EMPTY: tuple[object, ...] = (None, [], {})  # none of these says anything. Source: https://hl7.org/fhir/R4/json.html
# The url of an extension, and that of a resource itself, say what it is.
_NAMING = re.compile(r"(?:[A-Za-z]+|.*(?:[eE]xtension|\.contained|\.resource)(?:\[\d+\])?)\.url")
_SERVERS_OWN = ("lastUpdated", "versionId")


@dataclass(frozen=True, slots=True)
class Difference:
    """
    One difference between what was sent and what is stored.

    Args:
        path: The element, such as ``Observation.valueQuantity.value``.
        kind: ``added``: an element that a server adds to every resource; ``rewritten``: the same in another spelling;
            ``precision``: the same number with other digits; ``changed``, ``missing``, ``unexpected``: another value,
            none, one that was not sent; ``unresolved``: a link as it was sent, though it leads nowhere on the server;
            ``duplicate``: stored more than once.
        sent: What was sent; None when nothing was.
        stored: What is stored; None when nothing is.
    """

    path: str
    kind: Kind
    sent: Any = None
    stored: Any = None


def state_of(differences: tuple[Difference, ...]) -> Literal["equal", "added", "rewritten", "altered"]:
    """Return the gravest that the differences amount to: equal, added, rewritten, altered, in this order."""
    kinds = {difference.kind for difference in differences}
    if kinds - {"added", "rewritten"}:
        return "altered"
    return "rewritten" if "rewritten" in kinds else "added" if kinds else "equal"


def compare(
    sent: Resource,
    stored: Resource,
    *,
    locations: Mapping[str, str] | None = None,
    base_url: str = "",
    resolved: bool = False,
) -> tuple[Difference, ...]:
    """
    Return every difference between a resource as it was sent and as it is stored.

    Decimals are compared with their precision, lists in their order (the profiles, tags and labels of ``meta`` in any),
    instants as points in time, the narrative as XML, base64 as bytes. What a server owns (``id``, ``meta.versionId``,
    ``meta.lastUpdated``, the request in ``meta.source``) may be its own.

    Args:
        locations: For every reference to a resource of the Bundle, ``Type/id`` on the server; conditional ones decoded.
        base_url: The base URL, with which a server may make a reference absolute.
        resolved: Whether links have to lead to something on the server: those that say the same may lead nowhere.

    Source: https://hl7.org/fhir/R4/http.html#update (what a server may change)
    """
    sent = wire.parse(wire.dump(sent))  # a number may be a float; what counts is what was written
    top = str(sent.get("resourceType"))
    comparison = _Comparison(locations or {}, base_url, resolved=resolved and top != "Bundle")  # that one is content
    found = [*_identity(top, sent.get("id"), stored.get("id")), *_meta(f"{top}.meta", sent, stored)]
    for name in _names(sent, stored):
        if name in ("id", "meta"):
            continue
        if name == "text" and name not in sent and _is_generated(stored[name]):
            found.append(Difference(f"{top}.text", "added", None, stored[name]))
        else:
            found.extend(comparison.element(top, name, sent, stored))
    return tuple(found)


def _identity(top: str, sent: object, stored: object) -> Iterator[Difference]:
    if sent != stored:
        yield Difference(f"{top}.id", "added" if sent is None else "rewritten", sent, stored)


def _is_generated(text: object) -> bool:
    return isinstance(text, dict) and text.get("status") == "generated"


def _meta(path: str, sent_resource: Resource, stored_resource: Resource) -> Iterator[Difference]:
    sent, stored = sent_resource.get("meta") or {}, stored_resource.get("meta") or {}
    if not isinstance(sent, dict) or not isinstance(stored, dict):
        yield Difference(path, "changed", sent, stored)
        return
    for name in _names(sent, stored):
        before, after, inner = sent.get(name), stored.get(name), f"{path}.{name}"
        if name in _SETS and isinstance(before or [], list) and isinstance(after or [], list):
            yield from _sets(inner, before or [], after or [])
        elif before != after and (name in _SERVERS_OWN or (name == "source" and _same_source(before, after))):
            yield Difference(inner, "added" if before is None else "rewritten", before, after)
        else:
            yield from _Comparison({}, "").element(path, name, sent, stored)


def _same_source(sent: object, stored: object) -> bool:
    if sent is None or stored is None:
        return sent is None
    return str(stored).partition("#")[0] == str(sent).partition("#")[0]  # HAPI 8.8.0 adds the id of the request


def _sets(path: str, sent: list[Any], stored: list[Any]) -> Iterator[Difference]:
    yield from (Difference(path, "missing", each, None) for each in sent if each not in stored)
    yield from (Difference(path, "added", None, each) for each in stored if each not in sent)


def _names(sent: Mapping[str, Any], stored: Mapping[str, Any]) -> list[str]:
    return list(dict.fromkeys((*sent, *stored)))


@dataclass(frozen=True, slots=True)
class _Comparison:
    locations: Mapping[str, str]
    base_url: str
    resolved: bool = False

    def element(self, path: str, name: str, sent: Mapping[str, Any], stored: Mapping[str, Any]) -> Iterator[Difference]:
        inner = f"{path}.{name}"
        if name not in stored:
            yield Difference(inner, "rewritten" if sent[name] in _EMPTY else "missing", sent[name], None)
        elif name not in sent:
            yield Difference(inner, "rewritten" if stored[name] in _EMPTY else "unexpected", None, stored[name])
        else:
            yield from self.value(inner, name, sent[name], stored[name])

    def value(self, path: str, name: str, sent: Any, stored: Any) -> Iterator[Difference]:
        if isinstance(sent, dict) and isinstance(stored, dict):
            for inner in _names(sent, stored):
                yield from self.element(path, inner, sent, stored)
        elif isinstance(sent, list) and isinstance(stored, list):
            yield from self._items(path, name, sent, stored)
        elif sent != stored or str(sent) != str(stored):  # True equals 1, and 15.0 equals 15.00
            yield Difference(path, self._kind(path, name, sent, stored), sent, stored)
        elif self.resolved and isinstance(sent, str) and self._leads_nowhere(path, name, sent):
            yield Difference(path, "unresolved", sent, stored)

    def _items(self, path: str, name: str, sent: list[Any], stored: list[Any]) -> Iterator[Difference]:
        both = min(len(sent), len(stored))
        for index in range(both):
            yield from self.value(f"{path}[{index}]", name, sent[index], stored[index])
        for index in range(both, len(sent)):
            yield Difference(f"{path}[{index}]", "missing", sent[index], None)
        for index in range(both, len(stored)):
            yield Difference(f"{path}[{index}]", "unexpected", None, stored[index])

    def _kind(self, path: str, name: str, sent: Any, stored: Any) -> Kind:
        if isinstance(sent, str) and isinstance(stored, str):
            return "rewritten" if self._same_text(path, name, sent, stored) else "changed"
        numbers = [each for each in (sent, stored) if isinstance(each, int | Decimal) and not isinstance(each, bool)]
        return "precision" if len(numbers) == 2 and sent == stored else "changed"

    def _same_text(self, path: str, name: str, sent: str, stored: str) -> bool:
        if name == "div":
            wanted = canonical_narrative(stored)
            moved = with_narrative_links(sent, lambda link: self._location(link) or link)
            return wanted in (canonical_narrative(sent), canonical_narrative(moved))
        if name == "reference" and self._same_reference(sent, stored):
            return True
        if _is_link(path, name, sent) or name in CANONICALS:
            location = self._location(sent)
            if location and location == self._local(stored):
                return True
        if _BASE64.fullmatch(path):
            content = _bytes(sent)
            return content is not None and content == _bytes(stored)
        before = _instant(sent)
        return before is not None and before == _instant(stored)

    def _same_reference(self, sent: str, stored: str) -> bool:
        here, location = self._local(stored), self._location(sent)
        if location:
            return here == location or unversioned(here) == location
        kind, conditional, query = sent.partition("?")
        meant = self.locations.get(f"{kind}?{unquote(query)}") if conditional else None
        if meant:
            return unversioned(here) == meant
        return here.startswith(f"{kind}/") if conditional else sent in (here, unversioned(here))

    def _leads_nowhere(self, path: str, name: str, text: str) -> bool:
        """Whether a link that is stored as it was sent does not lead to what it meant."""
        if name == "reference":
            return text.startswith(TEMPORARY) or "?" in text or self._is_elsewhere(text)
        if name == "div":
            return any(self._is_elsewhere(link) for link in narrative_links(text))
        if name == "url" and text.startswith(TEMPORARY) and _is_link(path, name, text):
            return True
        plain = name in CANONICALS or "|" not in text  # no other link has a version
        return plain and _is_link(path, name, text) and self._is_elsewhere(text)

    def _is_elsewhere(self, text: str) -> bool:
        location = self._location(text)
        return bool(location) and self._local(text) not in (location, f"{location}{text[len(unversioned(text)) :]}")

    def _location(self, text: str) -> str:
        """Return ``Type/id`` on the server for a link to a resource of the Bundle, with its fragment; else nothing."""
        found = self.locations.get(text) or self.locations.get(unversioned(text))
        plain, rest = without_part(text)
        if found or not rest:
            return found or ""
        found = self.locations.get(plain)
        return f"{found}{rest}" if found else ""

    def _local(self, text: str) -> str:
        return text.removeprefix(f"{self.base_url}/") if self.base_url else text


def _is_link(path: str, name: str, text: str) -> bool:
    return is_link(name, text) and not (name == "url" and _NAMING.fullmatch(path))


def _bytes(text: str) -> bytes | None:
    """
    Return the bytes that base64 stands for, with or without white space; None where it is not base64.

    Source: https://hl7.org/fhir/R4/datatypes.html#base64Binary
    """
    try:
        return b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        return None


def _instant(text: str) -> tuple[datetime, str] | None:
    """Return the second and its fraction; the standard library would cut a fraction after six digits."""
    found = _INSTANT.fullmatch(text)
    if found is None:
        return None
    try:
        return datetime.fromisoformat(found[1] + found[3]), (found[2] or "").rstrip("0")
    except ValueError:
        return None

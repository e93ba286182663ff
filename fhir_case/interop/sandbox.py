"""The ground on which probes work: a namespace of its own on one server, which is cleared afterwards."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from fhir_case.errors import FhirCaseError
from fhir_case.fhir.datatypes import TEST_DATA
from fhir_case.fhir.identity import logical_id
from fhir_case.fhir.references import location_of
from fhir_case.fhir.wire import objects
from fhir_case.interop.verdict import FailError, NotApplicableError, NotRunError, VerdictError
from fhir_case.server.deletion import delete_in_any_order, deletion

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from typing import NoReturn

    from fhir_case.fhir.wire import Resource
    from fhir_case.interop.claims import Claims
    from fhir_case.interop.recorder import Reply, Talk

__all__ = ["Ground"]

_MOST_PAGES = 25  # what is searched here has two on a page at least, and is not many
_PAUSE_S = 0.1


@dataclass
class Ground:
    """
    Return probes what they need: requests, resources of their own, searches with patience.

    Args:
        talk: What speaks to the server.
        claims: What the server claims.
        namespace: Begin of every id, and end of the system of every identifier that is made here.
        fhir: ``R4`` or ``R5``.
        patience_s: How long a search may take to find what was stored: some servers index later.
        kept: What probes of one group share.
    """

    talk: Talk
    claims: Claims
    namespace: str
    fhir: str = "R4"
    patience_s: float = 5.0
    kept: dict[str, Any] = field(default_factory=dict)
    _made: dict[str, None] = field(default_factory=dict)
    _types: dict[str, None] = field(default_factory=dict)

    @cached_property
    def system(self) -> str:
        """Return the system of every identifier that is made here."""
        return f"urn:fhir-case:interop:{self.namespace}"

    def id(self, key: str) -> str:
        """Return an id in this namespace."""
        return logical_id(self.namespace, key)

    def identifier(self, key: str) -> str:
        """Return an identifier in this namespace as a search writes it."""
        return f"{self.system}|{key}"

    def resource(self, kind: str, key: str, **elements: Any) -> Resource:
        """Return a resource that is labelled as test data and has an identifier in this namespace."""
        self._types[kind] = None
        return {
            "resourceType": kind,
            "meta": {"security": [TEST_DATA]},
            "identifier": [{"system": self.system, "value": key}],
            **elements,
        }

    def patient(self, key: str, **elements: Any) -> Resource:
        """Return a Patient."""
        return self.resource("Patient", key, name=[{"family": "Interop"}], gender="female", **elements)

    def observation(self, key: str, subject: str = "", **elements: Any) -> Resource:
        """
        Return an Observation: haemoglobin, final.

        Args:
            subject: What it refers to; by default nobody who is stored.
        """
        given = {
            "status": "final",
            "code": {"coding": [{"system": "http://loinc.org", "code": "718-7"}]},
            "subject": {"reference": subject} if subject else {"display": "Nobody"},
        }
        return self.resource("Observation", key, **{**given, **elements})

    def create(self, resource: Resource, *, headers: Mapping[str, str] | None = None) -> Reply:
        """Create a resource, and remember to remove it."""
        reply = self.talk.ask("POST", resource["resourceType"], resource, headers=headers)
        self.remember_created(reply)
        return reply

    def made(self, resource: Resource) -> str:
        """
        Create a resource that a probe needs, and give its ``Type/id``.

        Raises:
            NotRunError: The server does not create it.
        """
        reply = self.create(resource)
        place = reply.location()
        if not reply.ok or not place:
            raise NotRunError(f"the server does not create the {resource['resourceType']} that is needed for this "
                              f"(HTTP {reply.status})")  # fmt: skip
        return place

    def remember_created(self, reply: Reply) -> None:
        """Remember what an answer says was created, or shows to be ours: a server may name what is somebody else's."""
        own = [each for each in objects((reply.body or {}).get("identifier")) if each.get("system") == self.system]
        if reply.status == 201 or (reply.ok and own):
            self.remember(reply.location())

    def remember(self, place: str) -> None:
        """Remember ``Type/id`` of something to remove at the end."""
        if place:
            self._made[place] = None
            self._types[place.partition("/")[0]] = None

    def read(self, place: str) -> Resource:
        """
        Read what was stored.

        Raises:
            NotRunError: The server does not give it.
        """
        reply = self.talk.ask("GET", place)
        if reply.status != 200 or reply.body is None:
            raise NotRunError(f"what was stored cannot be read (HTTP {reply.status})")
        return reply.body

    def transaction(self, *entries: Resource, kind: str = "transaction") -> Reply:
        """Send a transaction or batch, and remember all that it created."""
        for entry in entries:
            self._types[entry["request"]["url"].partition("/")[0].partition("?")[0]] = None
        reply = self.talk.ask("POST", "", {"resourceType": "Bundle", "type": kind, "entry": list(entries)})
        for place in places(reply):
            self.remember(place)
        return reply

    def entry(
        self, resource: Resource | None, url: str = "", *, method: str = "POST", full_url: str = "", **request: str
    ) -> Resource:
        """Return an entry of a transaction; the URL is the type of the resource when none is given."""
        held = {} if resource is None else {"resource": resource}
        named = {"fullUrl": full_url} if full_url else {}
        return {
            **named,
            **held,
            "request": {"method": method, "url": url or (resource or {})["resourceType"], **request},
        }

    def search(self, kind: str, parameters: Mapping[str, str], *, headers: Mapping[str, str] | None = None) -> Reply:
        """Search, once, and give the first page."""
        return self.talk.ask("GET", kind, parameters=parameters, headers=headers)

    def found(self, kind: str, parameters: Mapping[str, str]) -> list[str]:
        """
        Return ``Type/id`` of all that a search finds, over all its pages; matches only.

        Raises:
            FailError: The search was refused, or its pages do not end.
        """
        return [name for name, mode in self.entries(kind, parameters) if mode == "match"]

    def entries(self, kind: str, parameters: Mapping[str, str]) -> list[tuple[str, str]]:
        """Return ``Type/id`` and search mode of all entries that a search gives, over all its pages."""
        reply = self.search(kind, parameters)
        gathered: list[tuple[str, str]] = []
        for number in range(1, _MOST_PAGES + 1):
            if not reply.ok or (reply.body or {}).get("resourceType") != "Bundle":
                self.refused(reply, "the search")
            page = named_entries(reply)
            following = next_page(reply)
            if following and page and set(page) <= set(gathered):
                raise FailError(f"the pages of the search do not end: page {number} has nothing new, and a next link")
            gathered += page
            if not following:
                return gathered
            reply = self.talk.ask("GET", following)
        raise FailError(f"the pages of the search do not end: {_MOST_PAGES} were read")

    def refused(self, reply: Reply, what: str) -> NoReturn:
        """
        Say that the server refuses what it claims to do.

        Raises:
            NotApplicableError: It has no CapabilityStatement, and says that it does not do this.
            FailError: It claims it.
        """
        words = f"{what} was refused (HTTP {reply.status})" if not reply.ok else f"{what} gave no Bundle"
        if not self.claims.known and reply.status in (400, 404, 405, 501):
            raise NotApplicableError(f"the server has no CapabilityStatement, and {words}")
        raise FailError(words)

    def eventually(self, look: Callable[[], Any], wanted: Callable[[Any], bool]) -> Any:
        """Look until what is wanted is there or patience ends, and give what was seen last; only that is evidence."""
        mark, begin, pause = len(self.talk.exchanges), time.monotonic(), _PAUSE_S
        while True:
            seen = look()
            if wanted(seen) or time.monotonic() - begin + pause > self.patience_s:
                return seen
            del self.talk.exchanges[mark:]
            time.sleep(pause)
            pause = min(2 * pause, 1.0)

    def finds(self, kind: str, parameters: Mapping[str, str], wanted: set[str]) -> set[str]:
        """Search with patience until just what is wanted is found, and give what was found last."""
        return set(self.eventually(lambda: self.found(kind, parameters), lambda seen: set(seen) == wanted))

    def clear(self) -> list[str]:
        """Remove all that was made here, and give what could not be removed: ``Type/id`` and why."""
        for kind in [kind for kind in self._types if kind[:1].isupper()]:
            for place in self._strays(kind):
                self._made[place] = None
        left = delete_in_any_order(reversed(self._made), self._delete)
        self._made.clear()
        return [f"{place}: {reason}" for place, reason in left.items()]

    def _delete(self, names: Sequence[str]) -> str:
        """Delete some resources together, and return why they were not deleted; empty when they were."""
        try:
            alone = self.talk.ask("DELETE", names[0]) if len(names) == 1 else None
            reply = alone or self.talk.ask("POST", "", deletion(names))
        except FhirCaseError as error:
            return error.message
        return "" if reply.ok or (alone and alone.status in (404, 410)) else f"HTTP {reply.status}"

    def _strays(self, kind: str) -> list[str]:
        """Return what has an identifier of this namespace, whoever made it: a server may store more than was asked."""
        try:
            return [
                place for place in self.found(kind, {"identifier": f"{self.system}|"}) if place not in self._made
            ] if self._really_searches(kind) else []  # fmt: skip
        except (FhirCaseError, VerdictError):
            return []

    def _really_searches(self, kind: str) -> bool:
        """Whether a search by identifier is one: a server that ignores it would give everything it has."""
        return not self.found(kind, {"identifier": f"{self.system}:nobody|"})


def places(reply: Reply) -> Iterator[str]:
    """Return ``Type/id`` of what the answer to a transaction or batch names as created."""
    for entry in objects((reply.body or {}).get("entry")):
        response = entry.get("response")
        if not isinstance(response, dict) or not str(response.get("status", "")).startswith("201"):
            continue
        if place := location_of(str(response.get("location") or "")):
            yield place.reference


def named_entries(reply: Reply) -> list[tuple[str, str]]:
    """Return ``Type/id`` and search mode of the entries of one page."""
    found = []
    for entry in objects((reply.body or {}).get("entry")):
        resource = entry.get("resource")
        if isinstance(resource, dict):
            mode = str((entry.get("search") or {}).get("mode") or "match")
            found.append((f"{resource.get('resourceType')}/{resource.get('id')}", mode))
    return found


def next_page(reply: Reply) -> str:
    """Return the URL of the next page; empty on the last."""
    links = objects((reply.body or {}).get("link"))
    return next((str(each.get("url") or "") for each in links if each.get("relation") == "next"), "")

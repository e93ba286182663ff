"""The sandbox in which probes work: a namespace of its own on one server, which is cleared afterwards."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from fhir_case.errors import FhirCaseError
from fhir_case.fhir.datatypes import TEST_DATA
from fhir_case.fhir.identity import logical_id
from fhir_case.fhir.systems import LOINC
from fhir_case.fhir.wire import objects
from fhir_case.interop.entries import created, found_entries, next_page
from fhir_case.interop.failure import place_of
from fhir_case.interop.verdict import FailError, NotApplicableError, NotRunError
from fhir_case.server.deletion import delete_in_any_order, deletion

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import NoReturn

    from fhir_case.fhir.wire import Resource
    from fhir_case.interop.claims import Claims
    from fhir_case.interop.entries import Found
    from fhir_case.interop.recorder import Recorder, Reply

    Parameters = Mapping[str, str] | Sequence[tuple[str, str]]

__all__ = ["Sandbox"]

_MAX_PAGES = 25  # what is searched here has two on a page at least, and is not many
_PAUSE_S = 0.1


@dataclass
class Sandbox:
    """
    What probes need: requests, resources of their own, and searches that are repeated until a server has indexed.

    Args:
        recorder: What sends the requests.
        claims: What the server claims.
        namespace: Begin of every id, and end of the system of every identifier that is made here.
        fhir: ``R4`` or ``R5``.
        wait_s: How long a search may take to find what was stored: some servers index later.
        shared: What the probes of one group share.
    """

    recorder: Recorder
    claims: Claims
    namespace: str
    fhir: str = "R4"
    wait_s: float = 5.0
    shared: dict[str, Any] = field(default_factory=dict)
    _created: dict[str, None] = field(default_factory=dict)
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
        default = {
            "status": "final",
            "code": {"coding": [{"system": LOINC, "code": "718-7"}]},
            "subject": {"reference": subject} if subject else {"display": "Nobody"},
        }
        return self.resource("Observation", key, **{**default, **elements})

    def entry(
        self, resource: Resource | None, url: str = "", *, method: str = "POST", full_url: str = "", **request: str
    ) -> Resource:
        """Return an entry of a transaction; the URL is by default the type of the resource."""
        return {
            **({"fullUrl": full_url} if full_url else {}),
            **({} if resource is None else {"resource": resource}),
            "request": {"method": method, "url": url or (resource or {})["resourceType"], **request},
        }

    def ask(self, method: str, path: str, body: Any = None, **options: Any) -> Reply:
        """Send one request; see `Recorder.ask`."""
        return self.recorder.ask(method, path, body, **options)

    def create(self, resource: Resource, *, headers: Mapping[str, str] | None = None) -> Reply:
        """Create a resource, which is removed at the end."""
        reply = self.ask("POST", resource["resourceType"], resource, headers=headers)
        self.track_created(reply)
        return reply

    def stored(self, resource: Resource) -> str:
        """
        Create a resource that a probe needs, and return its ``Type/id``.

        Raises:
            NotRunError: The server does not create it.
        """
        reply = self.create(resource)
        location = reply.location()
        if not reply.ok or not location:
            raise NotRunError(f"the server does not create the {resource['resourceType']} that is needed for this "
                              f"(HTTP {reply.status})")  # fmt: skip
        return location

    def transaction(self, *entries: Resource, kind: str = "transaction") -> Reply:
        """Send a transaction or batch; all that it created is removed at the end."""
        for entry in entries:
            self._types[entry["request"]["url"].partition("/")[0].partition("?")[0]] = None
        reply = self.ask("POST", "", {"resourceType": "Bundle", "type": kind, "entry": list(entries)})
        for location in created(reply):
            self.track(location)
        return reply

    def track_created(self, reply: Reply) -> None:
        """Remove at the end what an answer says was created or shows to be ours, and nothing of somebody else's."""
        if reply.status == 201 or (reply.ok and self.holds(reply.body)):
            self.track(reply.location())

    def track(self, location: str) -> None:
        """Remove ``Type/id`` at the end."""
        if location:
            self._created[location] = None
            self._types[location.partition("/")[0]] = None

    def read(self, location: str) -> Resource:
        """
        Return what is stored.

        Raises:
            NotRunError: The server does not return it.
        """
        reply = self.ask("GET", location)
        if reply.status != 200 or reply.body is None:
            raise NotRunError(f"what was stored cannot be read (HTTP {reply.status})")
        return reply.body

    def search(self, kind: str, parameters: Parameters, *, headers: Mapping[str, str] | None = None) -> Reply:
        """Search, once, and return the first page."""
        return self.ask("GET", kind, parameters=parameters, headers=headers)

    def found(self, kind: str, parameters: Parameters) -> list[str]:
        """
        Return ``Type/id`` of all that a search finds, over all its pages; matches only.

        Raises:
            FailError: The search was refused, or its pages do not end.
        """
        return [each.name for each in self.entries(kind, parameters) if each.mode == "match"]

    def entries(self, kind: str, parameters: Parameters) -> list[Found]:
        """Return all entries that a search returns, over all its pages."""
        return self.pages(self.search(kind, parameters), "the search")

    def holders(self, kind: str, key: str) -> list[str]:
        """
        Return ``Type/id`` of each resource that has an identifier of this namespace, once.

        What a search returns beside these is another question, and is left out.

        Raises:
            FailError: The search was refused, or its pages do not end.
        """
        entries = self.entries(kind, {"identifier": self.identifier(key)})
        return list(dict.fromkeys(each.name for each in entries if self.holds(each.resource, key)))

    def made(self, kind: str, key: str, count: int = 1) -> list[str]:
        """
        Return ``Type/id`` of those with an identifier once a search finds as many as were made, as a condition can.

        Raises:
            NotRunError: It does not find them, so that what a condition does cannot be seen.
        """
        found: list[str] = self.eventually(lambda: self.holders(kind, key), lambda seen: len(seen) >= count)
        if len(found) < count:
            raise NotRunError("a search by identifier does not find what was stored")
        return found

    def holds(self, resource: Resource | None, key: str = "") -> bool:
        """Whether a resource has an identifier of this namespace, or a certain one."""
        found = (resource or {}).get("identifier")
        own = [each for each in objects([found, *objects(found)]) if each.get("system") == self.system]
        return any(not key or each.get("value") == key for each in own)

    def pages(self, reply: Reply, what: str) -> list[Found]:
        """
        Return the entries of all pages.

        Args:
            reply: The first page.
            what: What was asked for, in messages.

        Raises:
            FailError: It was refused, or the pages do not end.
        """
        entries: list[Found] = []
        seen: set[tuple[str, str]] = set()
        for number in range(1, _MAX_PAGES + 1):
            if not reply.ok or (reply.body or {}).get("resourceType") != "Bundle":
                self.refused(reply, what)
            page, following = found_entries(reply), next_page(reply)
            if following and page and seen.issuperset(each[:2] for each in page):
                raise FailError(f"the pages of {what} do not end: page {number} has nothing new, and a next link")
            entries += page
            seen.update(each[:2] for each in page)
            if not following:
                return entries
            reply = self.ask("GET", following)
        raise FailError(f"the pages of {what} do not end: {_MAX_PAGES} were read")

    def refused(self, reply: Reply, what: str) -> NoReturn:
        """
        Raise an error, since the server refuses what it claims to do.

        Raises:
            NotApplicableError: It has no CapabilityStatement, and says that it does not do this.
            FailError: It claims it.
        """
        words = f"{what} was refused (HTTP {reply.status})" if not reply.ok else f"{what} gave no Bundle"
        if not self.claims.known and reply.status in (400, 404, 405, 501):
            raise NotApplicableError(f"the server has no CapabilityStatement, and {words}")
        raise FailError(words)

    def eventually(self, look: Callable[[], Any], wanted: Callable[[Any], bool]) -> Any:
        """Look until what is wanted is there or time is up; return what was seen last, which alone is evidence."""
        mark, begin, pause = len(self.recorder.exchanges), time.monotonic(), _PAUSE_S
        while True:
            seen = look()
            if wanted(seen) or time.monotonic() - begin + pause > self.wait_s:
                return seen
            del self.recorder.exchanges[mark:]
            time.sleep(pause)
            pause = min(2 * pause, 1.0)

    def finds(self, kind: str, parameters: Parameters, expected: set[str]) -> set[str]:
        """Search until just the expected is found or time is up, and return what was found last."""
        return set(self.eventually(lambda: self.found(kind, parameters), lambda seen: set(seen) == expected))

    def clear(self) -> list[str]:
        """Remove all that was made here, and return what could not be removed: ``Type/id`` and why."""
        for kind in [kind for kind in self._types if kind[:1].isupper()]:
            self._created.update(dict.fromkeys(self._untracked(kind)))
        remaining = delete_in_any_order(reversed(self._created), self._delete)
        self._created.clear()
        return [f"{location}: {reason}" for location, reason in remaining.items()]

    def _delete(self, locations: Sequence[str]) -> str:
        """Delete some resources together, and return why they were not deleted; empty when they were."""
        try:
            alone = self.ask("DELETE", locations[0]) if len(locations) == 1 else None
            reply = alone or self.ask("POST", "", deletion(locations))
        except FhirCaseError as error:
            return error.message
        except Exception as error:  # what is left is told, whatever the server answers
            return f"an answer could not be used ({place_of(error)})"
        return "" if reply.ok or (alone and alone.status in (404, 410)) else f"HTTP {reply.status}"

    def _untracked(self, kind: str) -> list[str]:
        """Return what else has an identifier of this namespace: a server may store more than was asked."""
        try:
            found = self.entries(kind, {"identifier": f"{self.system}|"})
        except Exception:  # whatever the server answers, what is known of is removed
            return []
        return [each.name for each in found if each.name not in self._created and self.holds(each.resource)]

"""Find what a request asks for, have it done, and put the answer together. An entry of a Bundle takes the same way."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .answers import headers_of, said, written
from .bundles import batch, transaction
from .checking import resource_of, validation
from .elements import values
from .everything import everything
from .exchange import Refusal, Reply, target
from .histories import history_bundle
from .interactions import Interactions
from .kinds import KINDS
from .query import Query, read_query
from .search import find, shown
from .statement import JSON_PATCH, capability_statement

if TYPE_CHECKING:
    from collections.abc import Callable

    from .behaviour import Behaviour
    from .exchange import Request
    from .paging import Pages
    from .storage import Store

__all__ = ["Routes"]

_MOST_ENTRIES = 50


class Routes:
    """Answer requests from a store; a transaction tries things in a store of its own."""

    def __init__(self, store: Store, behaviour: Behaviour, pages: Pages) -> None:
        self.store = store
        self.behaviour = behaviour
        self.pages = pages
        self.earlier: Store | None = None

    def answer(self, request: Request) -> Reply:
        """
        Carry a request out.

        Raises:
            Refusal: It is answered no, and nothing was changed.
        """
        shape = _shape(request.path)
        anything = self.behaviour.has("accepts-anything") or (
            self.behaviour.has("stores-unknown-types") and "entry" in request.headers
        )
        known = not request.path or request.path[0] in KINDS or anything
        if shape[:1] == ("Type",) and not known:
            raise Refusal(404, f"{request.path[0]} is not a resource type of this server", code="not-supported")
        possible = {method: do for method, feature, do in _ROUTES.get(shape, ()) if self._can(feature)}
        if request.method == "HEAD" and self.behaviour.has("head-is-404"):
            raise Refusal(404, "there is nothing here")
        method = "GET" if request.method == "HEAD" else request.method
        if method in possible:
            return possible[method](self, request)
        where = f"{request.method} /{'/'.join(request.path)}"
        if possible:
            raise Refusal(405, f"{where} is not possible", headers={"Allow": ", ".join(possible)})
        if shape in _ROUTES or any(step[:1] in "$_" for step in request.path):
            raise Refusal(501, f"{where} is not supported")
        raise Refusal(404, f"{where}: there is nothing of this kind")

    def _can(self, feature: str) -> bool:
        return not feature or self.behaviour.can(feature)

    def _act(self, request: Request) -> Interactions:
        return Interactions(self.store, self.behaviour, request.base_url, request.headers.get("x-request-id", ""))

    def metadata(self, request: Request) -> Reply:
        """Return what the server can."""
        return Reply(200, capability_statement(self.behaviour, request.base_url))

    def bundle(self, request: Request) -> Reply:
        """Carry a transaction or a batch out."""
        found = resource_of(request.body, "Bundle")
        kind, entries = found.get("type"), found.get("entry", [])
        if kind not in ("transaction", "batch"):
            raise Refusal(400, f"a Bundle of type {kind} cannot be carried out; transaction or batch is needed")
        if not self.behaviour.can(str(kind)):
            raise Refusal(501, f"a {kind} is not supported")
        if not isinstance(entries, list):
            raise Refusal(400, "Bundle.entry must be a list", code="structure")
        if self.behaviour.has("large-bundle-refused") and len(entries) > _MOST_ENTRIES:
            raise Refusal(413, f"a Bundle may have {_MOST_ENTRIES} entries")
        run = transaction if kind == "transaction" else batch
        answered = run(self, entries, request)
        return Reply(200, {"resourceType": "Bundle", "type": f"{kind}-response", "entry": answered})

    def search(self, request: Request) -> Reply:
        """Search a type, or give a further page of a search."""
        if request.body is not None:
            raise Refusal(415, "search parameters are sent as a form")
        kind = request.path[0]
        if any(name == "_page" for name, _ in request.query):
            return Reply(200, self.pages.further(request.query, self.store, request.base_url))
        strict = request.prefers("handling") == "strict"
        query = read_query(kind, request.query, self.behaviour, base_url=request.base_url, strict=strict)
        found = find(self.store, query, request.base_url)
        return Reply(200, self.pages.first(query, found, self.store, place=kind, base_url=request.base_url))

    def read(self, request: Request) -> Reply:
        """Return the last version, or a part of it."""
        version = self._act(request).read(*request.path)
        query = Query(version.kind, elements=tuple(_elements(request)))
        return Reply(200, shown(version.content, query), headers_of(self.behaviour, version), version)

    def vread(self, request: Request) -> Reply:
        """Return one version."""
        kind, resource_id, _, number = request.path
        version = self._act(request).vread(kind, resource_id, number)
        return Reply(200, version.resource, headers_of(self.behaviour, version), version)

    def history(self, request: Request) -> Reply:
        """Return all versions."""
        found = self._act(request).history(*request.path[:2])
        return Reply(200, history_bundle(found, request.base_url))

    def create(self, request: Request) -> Reply:
        """Create, also under a condition."""
        criteria = request.headers.get("if-none-exist", "")
        if criteria and not self.behaviour.can("conditional-create"):
            raise Refusal(501, "a conditional create is not supported")
        if self.behaviour.has("ignores-if-none-exist") and "entry" not in request.headers:
            criteria = ""
        if self.behaviour.has("duplicates-on-conditional-create") and "entry" in request.headers:
            criteria = ""
        if criteria and self.earlier is not None and self.behaviour.has("judges-conditions-before"):
            there = Interactions(self.earlier, self.behaviour, request.base_url)
            criteria = criteria if there.matches(request.path[0], target(f"?{criteria}")[1]) else ""
        act, kind = self._act(request), request.path[0]
        if kind == "Bundle" and self.behaviour.has("unpacks-bundles"):
            for each in values(request.body, "entry.resource"):
                act.create(each["resourceType"], each, "")
        return written(self.behaviour, request, *act.create(kind, request.body, criteria))

    def update(self, request: Request) -> Reply:
        """Update or create by id."""
        kind, resource_id = request.path
        return written(
            self.behaviour, request, *self._act(request).update(kind, resource_id, request.body, _if_match(request))
        )

    def conditional_update(self, request: Request) -> Reply:
        """Update or create by a condition."""
        done = self._act(request).conditional_update(request.path[0], request.query, request.body, _if_match(request))
        return written(self.behaviour, request, *done)

    def patch(self, request: Request) -> Reply:
        """Patch by id or, when there is none, by a condition."""
        if request.headers.get("content-type", JSON_PATCH).partition(";")[0].strip() != JSON_PATCH:
            raise Refusal(415, f"a patch is sent as {JSON_PATCH}")
        act, kind = self._act(request), request.path[0]
        if len(request.path) > 1:
            done = act.patch(kind, request.path[1], request.body, _if_match(request))
        else:
            done = act.conditional_patch(kind, request.query, request.body, _if_match(request))
        return written(self.behaviour, request, *done)

    def delete(self, request: Request) -> Reply:
        """Delete by id or, when there is none, by a condition."""
        act, kind = self._act(request), request.path[0]
        if len(request.path) > 1:
            version = act.delete(kind, request.path[1], _if_match(request))
        else:
            version = act.conditional_delete(kind, request.query, _if_match(request))
        headers = headers_of(self.behaviour, version) if version else {}
        if request.prefers("return") == "OperationOutcome":
            return Reply(200, said("deleted" if version else "there was nothing to delete"), headers, version)
        return Reply(204, None, headers, version)

    def validate(self, request: Request) -> Reply:
        """Say what is wrong with a resource, which may be a parameter."""
        body = request.body
        if isinstance(body, dict) and body.get("resourceType") == "Parameters":
            body = next(iter(values(body, "parameter.resource")), None)
        return Reply(200, validation(resource_of(body, request.path[0]), self.behaviour))

    def everything(self, request: Request) -> Reply:
        """Return a patient with all that belongs to it."""
        if request.path[0] != "Patient":
            raise Refusal(501, f"$everything of {request.path[0]} is not supported")
        patient = self._act(request).read(*request.path[:2])
        pairs = tuple(each for each in request.query if each[0] == "_count")
        query = read_query(patient.kind, pairs, self.behaviour, base_url=request.base_url)
        found = everything(self.store, patient, request.base_url)
        if self.behaviour.has("everything-incomplete"):
            found = found[:-1]
        place = "/".join(request.path)
        bundle = self.pages.first(query, found, self.store, place=place, base_url=request.base_url, size=len(found))
        return Reply(200, bundle)


def _shape(path: tuple[str, ...]) -> tuple[str, ...]:
    """Return the path with a word for what can be anything."""
    if not path or path == ("metadata",):
        return path
    words = ["Type", *(step if step[:1] in ("$", "_") else "id" for step in path[1:])]
    return tuple(words)


def _if_match(request: Request) -> str:
    return request.headers.get("if-match", "")


def _elements(request: Request) -> list[str]:
    return [each.strip() for name, value in request.query if name == "_elements" for each in value.split(",")]


_ROUTES: dict[tuple[str, ...], tuple[tuple[str, str, Callable[[Routes, Request], Reply]], ...]] = {
    (): (("POST", "", Routes.bundle),),
    ("metadata",): (("GET", "", Routes.metadata),),
    ("Type",): (
        ("GET", "", Routes.search),
        ("POST", "", Routes.create),
        ("PUT", "conditional-update", Routes.conditional_update),
        ("PATCH", "conditional-patch", Routes.patch),
        ("DELETE", "conditional-delete", Routes.delete),
    ),
    ("Type", "_search"): (("POST", "", Routes.search),),
    ("Type", "$validate"): (("POST", "validate", Routes.validate),),
    ("Type", "id"): (
        ("GET", "", Routes.read),
        ("PUT", "", Routes.update),
        ("PATCH", "patch", Routes.patch),
        ("DELETE", "delete", Routes.delete),
    ),
    ("Type", "id", "_history"): (("GET", "history", Routes.history),),
    ("Type", "id", "_history", "id"): (("GET", "vread", Routes.vread),),
    ("Type", "id", "$everything"): (
        ("GET", "everything", Routes.everything),
        ("POST", "everything", Routes.everything),
    ),
}

"""
Carry transactions and batches out.

Source: https://hl7.org/fhir/R4/http.html#transaction
"""

from __future__ import annotations

import base64
import binascii
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from .answers import headers_of
from .digits import parse
from .exchange import Refusal, Reply, Request, outcome, target
from .linking import linked
from .references import check_deleted, check_targets
from .storage import written_instant

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .routes import Routes
    from .storage import Store

__all__ = ["batch", "transaction"]

_STEPS = ({"DELETE"}, {"POST"}, {"PUT", "PATCH"}, {"GET", "HEAD"})
_METHODS = frozenset().union(*_STEPS)
_WRITING = ("POST", "PUT", "PATCH")


def transaction(routes: Routes, entries: list[Any], request: Request) -> list[dict[str, Any]]:
    """
    Do all that the entries ask for, or nothing; return the entries of the answer, in the order of those asked.

    Raises:
        Refusal: One of them cannot be done.
    """
    work, before = routes.store.copy(), routes.store.copy()
    try:
        tried = type(routes)(work, routes.behaviour, routes.pages)
        tried.earlier = before
        replies = _all_done(tried, entries, request)
    except _EntryError as error:
        if routes.behaviour.has("breaks-atomicity"):
            batch(routes, entries[: error.number], request)
        raise error.refusal.at_entry(error.number) from error
    routes.store.adopt(work)
    return [_answered(routes, before, reply, entry) for reply, entry in zip(replies, entries, strict=True)]


def batch(routes: Routes, entries: list[Any], request: Request) -> list[dict[str, Any]]:
    """Do what each entry asks for, each on its own; return the entries of the answer."""
    found: list[dict[str, Any]] = []
    failed, before = False, routes.store.copy()
    with_references = routes.behaviour.has("checks-references")
    for entry in entries:
        try:
            if failed and routes.behaviour.has("batch-stops-at-first-error"):
                raise Refusal(424, "an entry before this one failed")  # noqa: TRY301 - it is answered as any other
            reply = _alone(routes, entry, request) if with_references else routes.answer(_asked(entry, request))
        except _EntryError as error:
            reply = error.refusal.reply()
            failed = True
        except Refusal as refusal:
            reply = refusal.reply()
            failed = True
        found.append(_answered(routes, before, reply, entry))
    return found


def _alone(routes: Routes, entry: Any, request: Request) -> Reply:
    """Carry one entry out as a transaction of its own, with all that is looked at there."""
    work = routes.store.copy()
    [reply] = _all_done(type(routes)(work, routes.behaviour, routes.pages), [entry], request)
    routes.store.adopt(work)
    return reply


class _EntryError(Exception):
    def __init__(self, number: int, refusal: Refusal) -> None:
        super().__init__(str(refusal))
        self.number = number
        self.refusal = refusal


def _all_done(routes: Routes, entries: list[Any], request: Request) -> list[Reply]:
    asked: list[Request] = []
    for number, entry in enumerate(entries):
        try:
            asked.append(_asked(entry, request))
        except Refusal as refusal:
            raise _EntryError(number, refusal) from refusal
    done: dict[int, Reply] = {}
    written: dict[str, int] = {}
    for step in _STEPS:
        if "POST" in step and routes.behaviour.has("checks-references"):
            check_deleted(routes.store, written)
        if "GET" in step:
            _link(routes, entries, done, written, request)
        for number, each in enumerate(asked):
            if each.method in step:
                try:
                    done[number] = routes.answer(each)
                    _note(each, done[number], written, number)
                except Refusal as refusal:
                    raise _EntryError(number, refusal) from refusal
    return [done[number] for number in range(len(entries))]


def _note(asked: Request, reply: Reply, written: dict[str, int], number: int) -> None:
    """Note what an entry wrote; no two entries may write the same resource."""
    changes = asked.method in ("DELETE", "PUT", "PATCH") or (asked.method == "POST" and reply.status == 201)
    if not changes:
        return
    name = reply.version.name if reply.version else "/".join(asked.path)
    if "/" not in name:
        return
    if name in written:
        raise Refusal(400, f"{name} is also written by entry {written[name]}", code="duplicate")
    written[name] = number


def _link(
    routes: Routes, entries: list[Any], done: dict[int, Reply], written: Mapping[str, int], request: Request
) -> None:
    """Point the references in what was written to where everything is now."""
    base_url = request.base_url
    places = {
        entries[number]["fullUrl"]: reply.version.name
        for number, reply in done.items()
        if reply.version and reply.version.resource and isinstance(entries[number].get("fullUrl"), str)
    }
    for number in sorted(written.values()):
        version, full_url = done[number].version, entries[number].get("fullUrl", "")
        if version is None or version.resource is None:
            continue
        try:
            resource = linked(version.resource, places, str(full_url), routes=routes, base_url=base_url)
        except Refusal as refusal:
            raise _EntryError(number, refusal) from refusal
        if resource != version.resource:
            version = routes.store.without_equal(routes.store.amend(version, resource))
            reply = done[number]
            is_shown = reply.body is not None and reply.body.get("resourceType") == version.kind
            headers = {**reply.headers, **headers_of(routes.behaviour, version)}
            done[number] = Reply(reply.status, version.resource if is_shown else reply.body, headers, version)
    if routes.behaviour.has("checks-references"):
        versions = [version for number in written.values() if (version := done[number].version)]
        check_targets(routes.store, routes.behaviour, versions, request)


def _asked(entry: Any, request: Request) -> Request:
    """
    Return the request that an entry stands for.

    Raises:
        Refusal: It is none.
    """
    asked = entry.get("request") if isinstance(entry, dict) else None
    if not isinstance(asked, dict) or not isinstance(asked.get("url"), str) or asked.get("method") not in _METHODS:
        raise Refusal(400, "an entry needs a request with a method and a URL", code="required")
    path, query = target(asked["url"].removeprefix(f"{request.base_url}/"))
    headers = {
        "entry": "",
        "prefer": request.headers.get("prefer", "return=minimal"),
        "if-match": str(asked.get("ifMatch", "")),
        "if-none-exist": str(asked.get("ifNoneExist", "")),
        "x-request-id": request.headers.get("x-request-id", ""),
    }
    body = entry.get("resource")
    if asked["method"] == "PATCH":
        body, headers["content-type"] = _patch(body)
    return Request(asked["method"], path, query, headers, body, request.base_url)


def _patch(binary: Any) -> tuple[Any, str]:
    """Return the JSON Patch that a Binary holds, and its type."""
    if not isinstance(binary, dict) or binary.get("resourceType") != "Binary":
        raise Refusal(400, "the resource of a PATCH is a Binary that holds the patch")
    try:
        return parse(base64.b64decode(str(binary.get("data", "")), validate=True)), str(binary.get("contentType", ""))
    except (binascii.Error, ValueError, RecursionError) as error:
        raise Refusal(400, f"the Binary holds no JSON: {error}") from error


def _answered(routes: Routes, before: Store, reply: Reply, entry: Any) -> dict[str, Any]:
    """
    Return the entry of the answer.

    Args:
        before: What was stored before the Bundle came.
    """
    version, body = reply.version, reply.body
    response: dict[str, Any] = {"status": f"{reply.status} {HTTPStatus(reply.status).phrase}"}
    if version is not None:
        if entry["request"]["method"] in _WRITING:
            response["location"] = f"{version.name}/_history/{version.number}"
        if "ETag" in reply.headers:
            response["etag"] = reply.headers["ETag"]
        response["lastModified"] = written_instant(version.instant)
        if reply.status == 200 and entry["request"]["method"] == "PUT" and routes.behaviour.has("tells-update-codes"):
            is_equal = before.latest(version.kind, version.id) == version
            code = "SUCCESSFUL_UPDATE_NO_CHANGE" if is_equal else "SUCCESSFUL_UPDATE"
            issue = {"severity": "information", "code": "informational", "details": {"coding": [{"code": code}]}}
            body = outcome([issue])
    if body is not None and body["resourceType"] == "OperationOutcome":
        return {"response": {**response, "outcome": body}}
    return {**({} if body is None else {"resource": body}), "response": response}

"""A small FHIR server in memory, as strict as HAPI FHIR: all or nothing, and nothing refers to what is not there."""

from __future__ import annotations

import json
import socket
import struct
from copy import deepcopy
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import parse_qs, urlsplit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from types import TracebackType

__all__ = ["HAPI", "PLACEHOLDER", "FakeServer", "Reply", "Request"]

HAPI = "HAPI FHIR Server"
PLACEHOLDER = {"url": "http://hapifhir.io/fhir/StructureDefinition/resource-placeholder", "valueBoolean": True}
_WRITTEN = {"POST", "PUT"}


@dataclass(frozen=True)
class Request:
    """One request as it came."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def is_transaction(self) -> bool:
        """Tell whether something is written with it."""
        return self.method == "POST" and not self.path

    @property
    def entries(self) -> list[dict[str, Any]]:
        """Give the entries of its Bundle."""
        found: list[dict[str, Any]] = json.loads(self.body)["entry"]
        return found


@dataclass(frozen=True)
class Reply:
    """One answer; headers come on top of what every answer has."""

    status: int
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)


class Refusal(Exception):  # noqa: N818 - what is raised to answer no
    """A request that is answered no."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        issue = {"severity": "error", "code": "processing", "diagnostics": text}
        self.reply = Reply(status, {"resourceType": "OperationOutcome", "issue": [issue]})


class FakeServer:
    """
    Serve on loopback; a context manager.

    ``hook`` sees every request and a function that carries it out; it gives the reply, or None to reset the connection.
    ``placeholders`` says whether a reference to what is not there makes a placeholder, as HAPI does when it is told so.
    ``resources`` holds what is stored, by ``Type/id``; ``requests`` all that came. ``leaves`` tells whether references
    inside the extensions of primitive values stay as they came, as in HAPI FHIR.
    """

    def __init__(self, software: str = HAPI) -> None:
        self.software = software
        self.fhir_version = "4.0.1"
        self.leaves = software == HAPI
        self.placeholders = False
        self.resources: dict[str, dict[str, Any]] = {}
        self.requests: list[Request] = []
        self.hook: Callable[[Request, Callable[[], Reply]], Reply | None] = lambda _, answer: answer()
        self._versions: dict[str, int] = {}
        self._next_id = 1000
        self._lock = Lock()
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._thread = Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.02})
        self.url = f"http://127.0.0.1:{self._http.server_port}/fhir"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()

    @property
    def transactions(self) -> list[Request]:
        """Give the requests that asked for a transaction or batch."""
        return [each for each in self.requests if each.is_transaction]

    @property
    def names(self) -> set[str]:
        """Give ``Type/id`` of all that is stored."""
        return set(self.resources)

    def versions(self) -> dict[str, str]:
        """Give the version of all that is stored."""
        return {name: resource["meta"]["versionId"] for name, resource in self.resources.items()}

    def put(self, resource: dict[str, Any]) -> None:
        """Store a resource as somebody else would."""
        self._store(self.resources, f"{resource['resourceType']}/{resource['id']}", resource, source="somebody")

    def answer(self, request: Request) -> Reply:
        """Carry a request out."""
        with self._lock:
            try:
                if request.is_transaction:
                    return self._bundle(request)
                if request.path == "metadata":
                    return Reply(200, self._statement())
                if request.method == "GET":
                    return self._read(request)
            except Refusal as refusal:
                return refusal.reply
        return Reply(405)

    def _statement(self) -> dict[str, Any]:
        software = {"name": self.software} if self.software else {}
        return {"resourceType": "CapabilityStatement", "fhirVersion": self.fhir_version, "software": software}

    def _read(self, request: Request) -> Reply:
        kind, _, resource_id = request.path.partition("/")
        if resource_id:
            found = self.resources.get(request.path)
            if found is None:
                raise Refusal(410 if request.path in self._versions else 404, f"HAPI-2001: {request.path} is not known")
            return Reply(200, found)
        matches = self._search(self.resources, kind, request.query)
        return Reply(
            200, {"resourceType": "Bundle", "type": "searchset", "entry": [{"resource": each} for each in matches]}
        )

    def _search(self, stored: Mapping[str, dict[str, Any]], kind: str, query: str) -> list[dict[str, Any]]:
        parameters = {name: values[0].split(",") for name, values in parse_qs(query).items()}
        found = [resource for name, resource in stored.items() if name.startswith(f"{kind}/")]
        for name, values in parameters.items():
            if name == "_id":
                found = [each for each in found if each["id"] in values]
            elif name == "identifier":
                found = [each for each in found if set(_tokens(each)) & set(values)]
            elif name == "_source":
                if self.software != HAPI:
                    raise Refusal(400, "unknown search parameter _source")
                # HAPI compares what it kept, which is cut.
                found = [each for each in found if each["meta"].get("source") in {value[:17] for value in values}]
        return deepcopy(found)

    def _bundle(self, request: Request) -> Reply:
        bundle = json.loads(request.body)
        source = request.headers.get("X-Request-ID", "")
        if bundle["type"] == "batch":
            entries = [self._one_of_batch(each, source) for each in bundle["entry"]]
        else:
            entries = self._transaction(bundle["entry"], source)
        return Reply(200, {"resourceType": "Bundle", "type": f"{bundle['type']}-response", "entry": entries})

    def _one_of_batch(self, entry: dict[str, Any], source: str) -> dict[str, Any]:
        try:
            return self._transaction([entry], source)[0]
        except Refusal as refusal:
            return {"response": {"status": str(refusal.reply.status), "outcome": refusal.reply.body}}

    def _transaction(self, entries: list[dict[str, Any]], source: str) -> list[dict[str, Any]]:
        stored, versions = dict(self.resources), dict(self._versions)
        try:
            answers = self._carried_out(stored, entries, source)
        except Refusal:
            self._versions = versions
            raise
        self.resources = stored
        return answers

    def _carried_out(
        self, stored: dict[str, dict[str, Any]], entries: list[dict[str, Any]], source: str
    ) -> list[dict[str, Any]]:
        self._delete(stored, [each["request"]["url"] for each in entries if each["request"]["method"] == "DELETE"])
        places = [self._place(stored, each) for each in entries]
        targets = {
            each["fullUrl"]: place for each, (place, _) in zip(entries, places, strict=True) if each.get("fullUrl")
        }
        answers, written = [], []
        for entry, (place, keep) in zip(entries, places, strict=True):
            status, code = 200, ""
            if not place:
                answers.append({"response": {"status": "204 No Content"}})
                continue
            if not keep:
                self._refuse_other_version(stored, place, entry["request"])
                resource = _rewritten(entry["resource"], targets, leaves=self.leaves)
                status, code = self._store(stored, place, resource, source)
                written.append(place)
            answers.append({"response": self._response(stored[place], place, status, code)})
        for place in written:
            for reference in _references(stored[place]):
                if reference not in stored and self.placeholders:
                    kind, _, resource_id = reference.partition("/")
                    made = {"resourceType": kind, "id": resource_id, "extension": [PLACEHOLDER]}
                    self._store(stored, reference, made, source)
                elif reference not in stored:
                    raise Refusal(400, f"HAPI-1094: Resource {reference} not found, specified in path: {place}")
        return answers

    def _refuse_other_version(self, stored: Mapping[str, Any], place: str, request: Mapping[str, str]) -> None:
        wanted = request.get("ifMatch", "").removeprefix("W/").strip('"')
        if wanted and (place not in stored or stored[place]["meta"]["versionId"] != wanted):
            status = 409 if self.software == HAPI else 412
            raise Refusal(status, f"HAPI-0989: Trying to update {place}/_history/{wanted} but this is not the current "
                          "version")  # fmt: skip

    def _delete(self, stored: dict[str, dict[str, Any]], deleted: list[str]) -> None:
        for name in deleted:
            if stored.pop(name, None) is not None:
                self._versions[name] = self._versions.get(name, 0) + 1
        for name, resource in stored.items():
            for reference in _references(resource):
                if reference in deleted:
                    raise Refusal(
                        409,
                        f"HAPI-0550: Unable to delete {reference} because at least one resource has a reference to "
                        f"this resource. First reference found was resource {name}",
                    )

    def _response(self, resource: dict[str, Any], place: str, status: int, code: str) -> dict[str, Any]:
        version = resource["meta"]["versionId"]
        response: dict[str, Any] = {
            "status": f"{status} {'Created' if status == 201 else 'OK'}",
            "location": f"{place}/_history/{version}",
            "etag": f'W/"{version}"',
        }
        if code and self.software == HAPI:
            details = {"coding": [{"code": code}]}
            response["outcome"] = {
                "resourceType": "OperationOutcome",
                "issue": [{"severity": "information", "code": "informational", "details": details}],
            }
        return response

    def _place(self, stored: dict[str, dict[str, Any]], entry: dict[str, Any]) -> tuple[str, bool]:
        """Give where an entry is stored, and whether what is there stays as it is."""
        request = entry["request"]
        kind, _, query = request["url"].partition("?")
        if request["method"] == "PUT" and not query:
            if kind not in stored and kind.partition("/")[2].isdigit():
                raise Refusal(400, f"HAPI-0960: Can not create resource with ID[{kind}], clients may only assign IDs "
                              "which contain at least one non-numeric character")  # fmt: skip
            return kind, False
        if request["method"] not in _WRITTEN:
            return "", False
        condition = query or request.get("ifNoneExist", "")
        found = self._search(stored, kind, condition) if condition else []
        if len(found) > 1:
            raise Refusal(412, f"HAPI-0958: {len(found)} resources match {kind}?{condition}")
        if found:
            return f"{kind}/{found[0]['id']}", request["method"] == "POST"
        self._next_id += 1
        return f"{kind}/{self._next_id}", False

    def _store(
        self, stored: dict[str, dict[str, Any]], place: str, resource: dict[str, Any], source: str
    ) -> tuple[int, str]:
        before = stored.get(place)
        resource = {**deepcopy(resource), "id": place.partition("/")[2]}
        if before is not None and _content(before) == _content(resource):
            return 200, "SUCCESSFUL_UPDATE_NO_CHANGE"
        version = self._versions[place] = self._versions.get(place, 0) + 1
        meta = {**resource.get("meta", {}), "versionId": str(version), "lastUpdated": "2026-01-01T00:00:00.000Z"}
        if self.software == HAPI and source:
            meta["source"] = f"#{source[:16]}"
        stored[place] = {**resource, "meta": meta}
        return (201, "") if version == 1 else (200, "SUCCESSFUL_UPDATE")


def _content(resource: dict[str, Any]) -> dict[str, Any]:
    meta = {name: value for name, value in resource.get("meta", {}).items() if name in ("security", "tag", "profile")}
    return {**resource, "meta": meta}


def _tokens(resource: dict[str, Any]) -> Iterator[str]:
    for each in resource.get("identifier", []):
        yield f"{each.get('system', '')}|{each['value']}"


def _references(value: Any) -> Iterator[str]:
    """Give the references that a server looks after: not those inside the extensions of primitive values."""
    if isinstance(value, dict):
        if isinstance(value.get("reference"), str) and not value["reference"].startswith("#"):
            yield value["reference"]
        for name, each in value.items():
            if not name.startswith("_"):
                yield from _references(each)
    elif isinstance(value, list):
        for each in value:
            yield from _references(each)


def _rewritten(value: Any, targets: Mapping[str, str], *, leaves: bool) -> Any:
    if isinstance(value, dict):
        return {
            name: each
            if leaves and name.startswith("_")
            else targets.get(each, each)
            if name == "reference"
            else _rewritten(each, targets, leaves=leaves)
            for name, each in value.items()
        }
    return [_rewritten(each, targets, leaves=leaves) for each in value] if isinstance(value, list) else value


def _handler(server: FakeServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1
        disable_nagle_algorithm = True

        def _handle(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            parts = urlsplit(self.path)
            path = parts.path.removeprefix("/fhir").strip("/")
            headers = {name.title(): value for name, value in self.headers.items()}
            headers["X-Request-ID"] = headers.pop("X-Request-Id", "")
            request = Request(self.command, path, parts.query, headers, self.rfile.read(length))
            server.requests.append(request)
            reply = server.hook(request, lambda: server.answer(request))
            if reply is None:
                self.close_connection = True
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                return
            content = b"" if reply.body is None else json.dumps(reply.body).encode()
            self.send_response(reply.status)
            for name, value in reply.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Type", "application/fhir+json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_PUT = do_DELETE = _handle  # noqa: N815 - names of http.server

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - signature of http.server
            return

        def finish(self) -> None:
            try:
                super().finish()
            except OSError:
                return  # the client went away

    return Handler

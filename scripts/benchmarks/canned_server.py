"""
Serve on loopback what a loader needs to see of a FHIR server, as fast as Python can; a process of its own.

It prints its base URL and ends with its standard input. Each entry of a transaction is answered as created; a read
tells of the first one which request stored it, as HAPI does. With the name of a file it stores the resources there, and
answers searches by ``_id``; every other search finds nothing.
"""

from __future__ import annotations

import sqlite3
import sys
from itertools import count
from socketserver import StreamRequestHandler, ThreadingTCPServer
from threading import Lock, Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

import orjson

_STATEMENT = {
    "resourceType": "CapabilityStatement",
    "fhirVersion": "4.0.1",
    "software": {"name": "HAPI FHIR Server"},  # so that versions and requests are not asked for with further searches
    "rest": [{"mode": "server", "interaction": [{"code": "transaction"}]}],
}


class CannedServer(ThreadingTCPServer):
    """Answer transactions and searches; the resources are stored in a file, or not at all."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, stored_in: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.numbers = count(1)
        self.requests: dict[str, str] = {}
        self._lock = Lock()
        self._stored = sqlite3.connect(stored_in, isolation_level=None, check_same_thread=False) if stored_in else None
        if self._stored:
            self._stored.execute("PRAGMA synchronous = OFF")
            self._stored.execute("CREATE TABLE stored (location TEXT PRIMARY KEY, resource BLOB) WITHOUT ROWID")
            self._stored.execute("BEGIN")

    def transaction(self, body: bytes, request: str) -> dict[str, Any]:
        """Answer each entry as created or deleted; what is stored stays."""
        first = True
        responses = []
        stored = []
        for entry in orjson.loads(body)["entry"]:
            url = entry["request"]["url"]
            if entry["request"]["method"] == "DELETE":
                responses.append({"response": {"status": "204 No Content"}})
                continue
            location = url if "/" in url else f"{url}/canned-{next(self.numbers)}"
            if first:
                self.requests[location] = request
                first = False
            responses.append(
                {"response": {"status": "201 Created", "location": f"{location}/_history/1", "etag": 'W/"1"'}}
            )
            if self._stored:
                resource = entry["resource"] | {"id": location.partition("/")[2]}
                stored.append((location, orjson.dumps(resource)))
        if self._stored:
            with self._lock:
                self._stored.executemany("INSERT OR REPLACE INTO stored VALUES (?, ?)", stored)
        return {"resourceType": "Bundle", "type": "transaction-response", "entry": responses}

    def read(self, kind: str, resource_id: str) -> dict[str, Any]:
        """Return which request stored a resource, and in which version."""
        meta = {"versionId": "1", "source": f"#{self.requests.get(f'{kind}/{resource_id}', '')}"}
        return {"resourceType": kind, "id": resource_id, "meta": meta}

    def search(self, kind: str, query: str) -> dict[str, Any]:
        """Return the resources of some ids."""
        ids = parse_qs(query).get("_id", [""])[0].split(",")
        entries = []
        with self._lock:
            for each in ids if self._stored else ():
                location = (f"{kind}/{each}",)
                row = self._stored.execute("SELECT resource FROM stored WHERE location = ?", location).fetchone()
                entries += [{"resource": orjson.loads(row[0])}] if row else []
        return {"resourceType": "Bundle", "type": "searchset", "entry": entries}


class _Handler(StreamRequestHandler):
    disable_nagle_algorithm = True
    server: CannedServer

    def handle(self) -> None:
        while line := self.rfile.readline():
            method, target, _ = line.split()
            size, request = 0, ""
            while (header := self.rfile.readline()) not in (b"\r\n", b""):
                if header[:15].lower() == b"content-length:":
                    size = int(header[15:])
                elif header[:13].lower() == b"x-request-id:":
                    request = header[13:].strip().decode()
            answer = orjson.dumps(self._answer(method, target.decode(), self.rfile.read(size), request))
            self.wfile.write(
                b"HTTP/1.1 200 OK\r\nContent-Type: application/fhir+json\r\nContent-Length: %d\r\n\r\n%s"
                % (len(answer), answer)
            )

    def _answer(self, method: bytes, target: str, body: bytes, request: str) -> dict[str, Any]:
        parts = urlsplit(target)
        kind = parts.path.removeprefix("/fhir").strip("/")
        if method == b"POST":
            return self.server.transaction(body, request)
        if kind == "metadata":
            return _STATEMENT
        name, _, resource_id = kind.partition("/")
        return self.server.read(name, resource_id) if resource_id else self.server.search(kind, parts.query)


def main() -> None:
    """Serve until standard input ends."""
    with CannedServer(sys.argv[1] if len(sys.argv) > 1 else "") as server:
        Thread(target=server.serve_forever, daemon=True).start()
        print(f"http://127.0.0.1:{server.server_address[1]}/fhir", flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main()

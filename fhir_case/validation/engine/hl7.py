"""The HL7 validation engine in one warm Java process, which serves a whole run and ends with it."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any, Self

from fhir_case.errors import CheckerError
from fhir_case.java.events import Event, Listener, silent
from fhir_case.validation.engine.answers import Answer, read_answer
from fhir_case.validation.engine.at_hand import require_packages, require_program
from fhir_case.validation.engine.fragments import FRAGMENTS
from fhir_case.validation.engine.packages import choose, packages_in_cache, read_package
from fhir_case.validation.engine.service import VALIDATOR, Service
from fhir_case.validation.engine.store import added_packages

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from types import TracebackType

    from fhir_case.fhir.models import FhirVersion
    from fhir_case.validation.engine.packages import Package

__all__ = ["REGISTRY", "Hl7Engine", "usable_parts"]

REGISTRY = "FHIR_CASE_PACKAGE_REGISTRY"
"""The environment variable that names the base URL of a FHIR package registry."""

_MAX_DEATHS = 3  # one after the other
_ENTRIES_PER_PART = 8  # fewer are not worth that each part reads the whole Bundle


class Hl7Engine:
    """
    Check resources against their profiles, offline; Java starts at the first one.

    Args:
        packages: FHIR packages as files ``.tgz``; all of them are loaded.
        package_cache: A folder to take further packages from; none: ``~/.fhir/packages``.
        cache: The folder of what is downloaded and unpacked; none: the user's cache folder.
        heap: The memory limit as Java writes it.
        listener: Notified of each step.
        environment: Variables for Java and for finding it, and FHIR_CASE_PACKAGE_REGISTRY; none: those of this process.
        state: The folder of logs; none: the user's state folder.
        at_hand: Whether to check only what claims profiles, and only with what is on this machine: nothing is
            downloaded.
    """

    name = "profiles"

    def __init__(
        self,
        packages: Sequence[Path] = (),
        *,
        package_cache: Path | None = None,
        cache: Path | None = None,
        heap: str = "2g",
        listener: Listener = silent,
        environment: Mapping[str, str] | None = None,
        state: Path | None = None,
        at_hand: bool = False,
    ) -> None:
        self.claimed_only = at_hand
        self.start_seconds = 0.0
        self._begin = self._end = 0.0
        self._files = tuple(packages)
        self._package_cache = package_cache
        self._cache = cache
        self._heap = heap
        self._listener = listener
        self._environment = os.environ if environment is None else environment
        self._state = state
        self._changing = threading.Condition(threading.RLock())  # held while Java is started and stopped
        self._in_flight = 0
        self._deaths = 0
        self._offered: tuple[tuple[Package, ...], tuple[Package, ...]] | None = None
        self._loaded: dict[str, Package] = {}
        self._requested: set[tuple[FhirVersion, str]] = set()
        self._fhir: FhirVersion | None = None
        self._service: Service | None = None
        self._failure: CheckerError | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def pid(self) -> int | None:
        """Return the Java process; None when it does not run."""
        return self._service.pid if self._service else None

    @property
    def packages(self) -> tuple[str, ...]:
        """Return the packages that are loaded, each as ``name#version``."""
        return tuple(package.label for package in self._loaded.values())

    @property
    def started(self) -> bool:
        """Whether the Java process runs."""
        return self._service is not None

    @property
    def seconds(self) -> float:
        """Return the time from the first document to the last answer, with the starts, which `start_seconds` took."""
        return max(0.0, self._end - self._begin)

    def check(self, document: Mapping[str, Any], fhir: FhirVersion, claimed: Collection[str]) -> Answer:
        """
        Return the findings about a resource or Bundle, and what could not be checked. Threads may call it side by side.

        Where Java ends meanwhile, it is started again, and the document is checked once more, with nothing beside it.

        Args:
            document: The JSON.
            fhir: Its release.
            claimed: The profiles that it claims, whose packages are looked up here.

        Raises:
            CheckerError: No Java, no package, no space, or the engine cannot check this document.
        """
        from fhir_case.fhir.wire import dump, parse

        body = dump(document)
        parts = usable_parts(document)
        self._begin = self._begin or monotonic()
        with self._changing:
            service = self._ready_for(fhir, claimed)
            self._in_flight += 1
        try:
            answer = service.post(body, parts)
        finally:
            with self._changing:
                self._in_flight -= 1
                self._changing.notify_all()
        if answer is None:
            answer = self._alone(body, parts, fhir, claimed)
        self._deaths = 0
        self._end = monotonic()
        return read_answer(parse(answer))

    def _alone(self, body: bytes, parts: int, fhir: FhirVersion, claimed: Collection[str]) -> bytes:
        """Check a document again after the end of Java, with no other beside it that may be the cause."""
        with self._changing:
            self._changing.wait_for(lambda: not self._in_flight)
            service = self._ready_for(fhir, claimed)
            answer = service.post(body, parts)
            if answer is not None:
                return answer
            from fhir_case.java.process import log_end

            self._deaths += 1
            last = log_end(service.log, 1)
            error = CheckerError(
                f"{VALIDATOR.title} does not answer: it ends with this document; its last words: {last}",
                where=str(service.log),
            )
            if self._deaths >= _MAX_DEATHS:
                self._failure = error
            raise error

    def stop(self) -> None:
        """End the Java process; nothing happens when it does not run."""
        with self._changing:
            service, self._service = self._service, None
        if service:
            service.stop()

    def _ready_for(self, fhir: FhirVersion, claimed: Collection[str]) -> Service:
        """Start Java where it does not run, or lacks the release or a package; a failure is not repeated."""
        if self._failure:
            raise self._failure
        wanted: set[tuple[FhirVersion, str]] = {(fhir, profile) for profile in claimed}
        running = self._service if self._service and self._service.runs and self._fhir == fhir else None
        if running and wanted <= self._requested:
            return running
        begin = monotonic()
        try:
            given, cached = self._offers()
            profiles = {profile for release, profile in self._requested | wanted if release == fhir}
            chosen = {one.name: one for one in choose(profiles, fhir, given=given, cached=cached, fetch=self._fetch)}
            if self.claimed_only:
                require_program(VALIDATOR, self._folder(), self._environment)
        except CheckerError as error:
            self._failure = error
            raise
        if self.claimed_only:
            require_packages(claimed, (*given, *cached))
        self._requested |= wanted
        if running and chosen == self._loaded:
            return running
        self._changing.wait_for(lambda: not self._in_flight)
        self.stop()
        try:
            self._service = self._started(chosen)
        except CheckerError as error:
            self._failure = error
            raise
        except OSError as error:
            reason = f"cannot be written: {error.strerror or error}"
            self._failure = CheckerError(reason, where=str(error.filename or ""))
            raise self._failure from error
        finally:
            self.start_seconds += monotonic() - begin
        self._fhir, self._loaded = fhir, chosen
        return self._service

    def _offers(self) -> tuple[tuple[Package, ...], tuple[Package, ...]]:
        """Return the packages that the user named, and those that are kept on this machine."""
        if self._offered is None:
            kept = packages_in_cache(self._package_cache or Path.home() / ".fhir" / "packages")
            self._offered = tuple(map(read_package, self._files)), (*added_packages(self._folder()), *kept)
        return self._offered

    def _fetch(self, name: str, version: str) -> Package | None:
        registry = self._environment.get(REGISTRY, "").strip()
        if not registry or self.claimed_only:
            return None
        from fhir_case.validation.engine.registry import fetch_package

        self._listener(Event("prepare", text=f"the FHIR package {name} {version}"))
        return fetch_package(registry, name, version, self._folder() / "packages")

    def _folder(self) -> Path:
        from platformdirs import user_cache_path

        return (self._cache or user_cache_path("fhir-case", appauthor=False)).resolve()

    def _started(self, chosen: dict[str, Package]) -> Service:
        from platformdirs import user_state_path

        from fhir_case.java.installation import install
        from fhir_case.java.process import new_log
        from fhir_case.validation.engine.home import provide_home

        installed = install(VALIDATOR, self._cache, environment=self._environment, listener=self._listener)
        core, *others = chosen.values()
        return Service(
            installed,
            provide_home((core, *others), self._folder() / "validator", self._listener),
            [core.label, FRAGMENTS, *(package.label for package in others)],
            heap=self._heap,
            log=new_log(self._state or user_state_path("fhir-case", appauthor=False), "hl7"),
            environment=self._environment,
            listener=self._listener,
        )


def usable_parts(document: Mapping[str, Any]) -> int:
    """Return how many threads check a document: those of the machine for a Bundle of some size."""
    entries = document.get("entry") if document.get("resourceType") == "Bundle" else None
    return max(1, min(os.cpu_count() or 1, len(entries) // _ENTRIES_PER_PART)) if isinstance(entries, list) else 1

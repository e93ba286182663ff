"""The HL7 validation engine in one warm Java process, which serves a whole run and ends with it."""

from __future__ import annotations

import atexit
import os
import subprocess
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from fhir_case.errors import CheckerError
from fhir_case.java.events import Event, Listener, silent
from fhir_case.java.program import JavaProgram
from fhir_case.validation.engine.answers import Answer, read_answer
from fhir_case.validation.engine.fragments import FRAGMENTS
from fhir_case.validation.engine.packages import choose, packages_in_cache, read_package

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from types import TracebackType

    import requests

    from fhir_case.fhir.models import FhirVersion
    from fhir_case.validation.engine.packages import Package

__all__ = ["REGISTRY", "VALIDATOR", "Hl7Engine"]

REGISTRY = "FHIR_CASE_PACKAGE_REGISTRY"
"""The environment variable that names the base URL of a FHIR package registry."""

VALIDATOR = JavaProgram(
    "validator", "fhircase.ProfileValidator", Path(__file__).parent / "java", "the HL7 validation engine"
)
"""The program that is started."""

_START_S = 180.0
_ANSWER_S = (10.0, 600.0)


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
    ) -> None:
        self._files = tuple(packages)
        self._package_cache = package_cache
        self._cache = cache
        self._heap = heap
        self._listener = listener
        self._environment = os.environ if environment is None else environment
        self._state = state
        self._lock = threading.RLock()
        self._offered: tuple[tuple[Package, ...], tuple[Package, ...]] | None = None
        self._loaded: dict[str, Package] = {}
        self._requested: set[tuple[FhirVersion, str]] = set()
        self._fhir: FhirVersion | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._http: requests.Session | None = None
        self._failure: CheckerError | None = None
        self._port = 0
        self._log = Path()
        self._owner = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def pid(self) -> int | None:
        """Return the Java process; None when it does not run."""
        return self._process.pid if self._process else None

    @property
    def packages(self) -> tuple[str, ...]:
        """Return the packages that are loaded, each as ``name#version``."""
        return tuple(package.label for package in self._loaded.values())

    def check(self, document: Mapping[str, Any], fhir: FhirVersion, claimed: Collection[str]) -> Answer:
        """
        Return the findings about a resource or Bundle, and what could not be checked.

        Args:
            document: The JSON.
            fhir: Its release.
            claimed: The profiles that it claims, whose packages are looked up here.

        Raises:
            CheckerError: No Java, no package, no space, or the engine failed.
        """
        from fhir_case.fhir.wire import dump, parse

        with self._lock:
            if self._failure:  # a failure is not repeated for each of a million resources
                raise self._failure
            try:
                self._ready_for(fhir, claimed)
            except CheckerError as error:
                self._failure = error
                raise
            except OSError as error:
                self._failure = CheckerError(
                    f"cannot be written: {error.strerror or error}", where=str(error.filename or "")
                )
                raise self._failure from error
            return read_answer(parse(self._post(dump(document))))

    def stop(self) -> None:
        """End the Java process; nothing happens when it does not run."""
        with self._lock:
            process, self._process = self._process, None
            if process is None or self._owner != os.getpid():
                return
            from fhir_case.java.process import end

            atexit.unregister(self.stop)
            if self._http:
                self._http.close()
            self._listener(Event("stop", text=VALIDATOR.title))
            end(process)

    def _ready_for(self, fhir: FhirVersion, claimed: Collection[str]) -> None:
        wanted: set[tuple[FhirVersion, str]] = {(fhir, profile) for profile in claimed}
        running = self._process is not None and self._fhir == fhir
        if running and wanted <= self._requested:
            return
        if self._offered is None:
            from_files = tuple(read_package(file) for file in self._files)
            self._offered = from_files, packages_in_cache(self._package_cache or Path.home() / ".fhir" / "packages")
        given, cached = self._offered
        self._requested |= wanted
        profiles = {profile for release, profile in self._requested if release == fhir}
        chosen = {one.name: one for one in choose(profiles, fhir, given=given, cached=cached, fetch=self._fetch)}
        if running and chosen == self._loaded:
            return
        self.stop()
        self._start(fhir, chosen)

    def _fetch(self, name: str, version: str) -> Package | None:
        registry = self._environment.get(REGISTRY, "").strip()
        if not registry:
            return None
        from fhir_case.validation.engine.registry import fetch_package

        self._listener(Event("prepare", text=f"the FHIR package {name} {version}"))
        return fetch_package(registry, name, version, self._folder() / "packages")

    def _folder(self) -> Path:
        from platformdirs import user_cache_path

        return (self._cache or user_cache_path("fhir-case", appauthor=False)).resolve()

    def _start(self, fhir: FhirVersion, chosen: dict[str, Package]) -> None:
        from platformdirs import user_state_path

        from fhir_case.http.session import Session
        from fhir_case.java.installation import install
        from fhir_case.java.process import launch, new_log
        from fhir_case.validation.engine.home import provide_home

        installed = install(VALIDATOR, self._cache, environment=self._environment, listener=self._listener)
        core, *others = chosen.values()
        home = provide_home(tuple(chosen.values()), self._folder() / "validator", self._listener)
        self._log = new_log(self._state or user_state_path("fhir-case", appauthor=False), "hl7")
        self._listener(Event("start", text=f"{VALIDATOR.title} on Java {installed.java.version}"))
        self._port = 0
        labels = ",".join([FRAGMENTS, *(package.label for package in others)])
        options = [
            f"-Duser.home={home}",
            f"-Dfhircase.core={core.label}",
            f"-Dfhircase.packages={labels}",
        ]
        self._process = launch(
            installed,
            self._log,
            heap=self._heap,
            options=options,
            environment=self._environment,
            lifeline=subprocess.PIPE,
        )
        self._owner = os.getpid()
        atexit.register(self.stop)
        try:
            self._port = self._wait()
        except BaseException:
            self._process.kill()
            self.stop()
            raise
        self._http, self._fhir, self._loaded = Session(), fhir, chosen
        self._http.trust_env = False  # no proxy between two processes of one machine

    def _wait(self) -> int:
        from fhir_case.java.patience import Patience
        from fhir_case.java.process import log_end, status_lines

        assert self._process  # noqa: S101 - it was just started
        patience = Patience(None, _START_S)
        for word, rest in status_lines(self._process, self._log, patience=patience, title=VALIDATOR.title):
            if word == "READY":
                return int(rest)
            if rest == "memory":
                break
            raise CheckerError(
                f"{VALIDATOR.title} ended before it was ready:\n{log_end(self._log)}", where=str(self._log)
            )
        raise CheckerError(
            f"{VALIDATOR.title} ran out of memory", where=str(self._log), hint=f"give it more than {self._heap}"
        )

    def _post(self, body: bytes) -> bytes:
        import requests

        assert self._http  # noqa: S101 - it was set when the engine started
        url = f"http://127.0.0.1:{self._port}/validate"
        try:
            response = self._http.post(url, body, timeout=_ANSWER_S)
        except requests.RequestException as error:
            from fhir_case.java.process import log_end

            self._failure = CheckerError(
                f"{VALIDATOR.title} does not answer ({type(error).__name__})\n{log_end(self._log)}",
                where=str(self._log),
            )
            raise self._failure from error
        if response.status_code != 200:
            reason = response.text[:400]
            raise CheckerError(f"{VALIDATOR.title} could not check this: {reason}", where=str(self._log))
        return response.content

"""The Java process of the HL7 validation engine, which answers on loopback and ends with its owner."""

from __future__ import annotations

import atexit
import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from fhir_case.errors import CheckerError
from fhir_case.java.events import Event, Listener
from fhir_case.java.program import JavaProgram

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from fhir_case.java.installation import Installation

__all__ = ["VALIDATOR", "Service"]

VALIDATOR = JavaProgram(
    "validator", "fhircase.ProfileValidator", Path(__file__).parent / "java", "the HL7 validation engine"
)
"""The program that is started."""

_START_S = 180.0
_ANSWER_S = (10.0, 600.0)
_CONNECTIONS = 16
# It checks for seconds what the compiler can make twice as fast, unlike a server that takes a small load.
_JVM = ("-XX:TieredStopAtLevel=4",)


class Service:
    """
    One process of the engine, ready to answer.

    Args:
        installed: The program.
        home: Its home directory, which holds the packages.
        packages: The labels of the packages, the core package first.
        heap: The memory limit as Java writes it.
        log: The file for what it prints.
        environment: Variables for Java.
        listener: Notified of its start and end.

    Raises:
        CheckerError: It does not start.
    """

    def __init__(
        self,
        installed: Installation,
        home: Path,
        packages: Sequence[str],
        *,
        heap: str,
        log: Path,
        environment: Mapping[str, str],
        listener: Listener,
    ) -> None:
        from fhir_case.http.session import Session
        from fhir_case.java.process import launch

        self.log = log
        self._heap = heap
        self._listener = listener
        listener(Event("start", text=f"{VALIDATOR.title} on Java {installed.java.version}"))
        core, *others = packages
        options = [*_JVM, f"-Duser.home={home}", f"-Dfhircase.core={core}", f"-Dfhircase.packages={','.join(others)}"]
        self._process = launch(
            installed, log, heap=heap, options=options, environment=environment, lifeline=subprocess.PIPE
        )
        self._owner = os.getpid()
        atexit.register(self.stop)
        self._http = Session(connections=_CONNECTIONS)
        self._http.trust_env = False  # no proxy between two processes of one machine
        try:
            self._url = f"http://127.0.0.1:{self._wait()}/validate"
        except BaseException:
            self._process.kill()
            self.stop()
            raise

    @property
    def pid(self) -> int:
        """Return the Java process."""
        return self._process.pid

    def post(self, body: bytes, parts: int = 1) -> bytes | None:
        """
        Return the OperationOutcome about a document, as JSON; None when the process ended meanwhile.

        Args:
            body: The document as JSON.
            parts: How many threads share the entries of a Bundle.

        Raises:
            CheckerError: It failed at this document, or took too long, and does not go on.
        """
        import requests

        try:
            response = self._http.post(self._url, body, params={"parts": parts}, timeout=_ANSWER_S)
        except requests.ReadTimeout as error:
            self.stop()
            raise CheckerError(
                f"{VALIDATOR.title} did not check this within {_ANSWER_S[1]:.0f} seconds", where=str(self.log)
            ) from error
        except requests.RequestException:
            return None
        if response.status_code != 200:
            reason = response.text[:400]
            raise CheckerError(f"{VALIDATOR.title} could not check this: {reason}", where=str(self.log))
        return response.content

    @property
    def runs(self) -> bool:
        """Whether the process is there."""
        return self._process.poll() is None

    def stop(self) -> None:
        """End the process; nothing happens when it has ended, or in a child of the process that started it."""
        if self._owner != os.getpid():
            return
        from fhir_case.java.process import end

        atexit.unregister(self.stop)
        self._http.close()
        self._listener(Event("stop", text=VALIDATOR.title))
        end(self._process)

    def _wait(self) -> int:
        from fhir_case.java.patience import Patience
        from fhir_case.java.process import log_end, status_lines

        patience = Patience(None, _START_S)
        for word, rest in status_lines(self._process, self.log, patience=patience, title=VALIDATOR.title):
            if word == "READY":
                return int(rest)
            if rest == "memory":
                break
            raise CheckerError(
                f"{VALIDATOR.title} ended before it was ready:\n{log_end(self.log)}", where=str(self.log)
            )
        raise CheckerError(
            f"{VALIDATOR.title} ran out of memory", where=str(self.log), hint=f"give it more than {self._heap}"
        )

"""
One embedded server for all processes of a test run, such as the workers of pytest-xdist.

The worker that first wants it starts it, detached, so that a worker that ends or crashes takes nothing with it. Its
lifeline is a named pipe which the controller of the run holds open: the system closes it however the controller ends,
and the server ends with it. All meet in one folder: ``lifeline``, and for each release ``R4.lock`` and ``R4.json``,
which says what became of the server.
"""

from __future__ import annotations

import errno
import json
import os
import shutil
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fhir_case.errors import CheckerError, FhirCaseError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fhir_case.fhir.models import FhirVersion

__all__ = ["SharedRun", "join"]

_PREFIX = "fhir-case-run-"


class SharedRun:
    """The folder where the processes of a run meet, and the lifeline of their servers, in the controller of the run."""

    def __init__(self) -> None:
        import tempfile

        _remove_leftovers(Path(tempfile.gettempdir()))
        self.folder = Path(tempfile.mkdtemp(prefix=_PREFIX))
        pipe = self.folder / "lifeline.new"
        os.mkfifo(pipe, 0o600)
        self._lifeline = os.open(pipe, os.O_RDWR)
        pipe.rename(self.folder / "lifeline")  # which is never there without somebody who holds it open

    def close(self) -> None:
        """Stop the servers of the run, wait until they have ended, and remove the folder."""
        from fhir_case.server.hapi import RunningServer, stop_server

        os.close(self._lifeline)
        for file in self.folder.glob("*.json"):
            if server := _read(file).get("server"):
                stop_server(RunningServer(**server))
        shutil.rmtree(self.folder, ignore_errors=True)


def join(folder: Path, fhir: FhirVersion, options: Mapping[str, Any]) -> str:
    """
    Return the base URL of the server of this run, which is started if no other process has done so.

    Args:
        folder: That of the `SharedRun`.
        fhir: The release of FHIR.
        options: For `HapiServer`.

    Raises:
        CheckerError: It cannot run here. The other processes get the same error, without another try.
    """
    from filelock import FileLock

    from fhir_case.server.hapi import RunningServer

    file = folder / f"{fhir}.json"
    try:
        with FileLock(file.with_suffix(".lock")):
            found = _read(file)
            if not found or ("server" in found and not RunningServer(**found["server"]).alive):
                found = _started(folder, fhir, options)
                fresh = file.with_suffix(".new")
                fresh.write_text(json.dumps(found), "utf-8")
                fresh.replace(file)
    except OSError as error:
        raise CheckerError(f"the server cannot be shared: {error}", where=str(folder)) from None
    if "failed" in found:
        raise CheckerError(str(found["failed"]))
    return str(found["server"]["base_url"])


def _started(folder: Path, fhir: FhirVersion, options: Mapping[str, Any]) -> dict[str, Any]:
    from fhir_case.server.hapi import HapiServer

    # Without O_NONBLOCK this would wait for a controller that is gone.
    lifeline = os.open(folder / "lifeline", os.O_RDONLY | os.O_NONBLOCK)
    os.set_blocking(lifeline, True)
    try:
        server = HapiServer(fhir=fhir, **options)
        return {"server": asdict(server.start_detached(lifeline=lifeline))}
    except FhirCaseError as error:
        return {"failed": str(error)}
    finally:
        os.close(lifeline)


def _remove_leftovers(parent: Path) -> None:
    """Remove the folders of runs whose controller was killed: nobody holds their lifeline."""
    for folder in parent.glob(f"{_PREFIX}*"):
        try:
            os.close(os.open(folder / "lifeline", os.O_WRONLY | os.O_NONBLOCK))
        except OSError as error:
            if error.errno == errno.ENXIO:
                shutil.rmtree(folder, ignore_errors=True)


def _read(file: Path) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads(file.read_text("utf-8"))
    except FileNotFoundError:
        return {}
    return found

"""
The process that holds an embedded server for a test run: ``python -m fhir_case.testing.keeper``.

It is started by `fhir_case.testing.shared_server`, and ends when it is asked to, or with the owner of the run. The
server ends with it, also when it is killed.
"""

from __future__ import annotations

import _thread
import contextlib
import json
import shutil
import signal
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from fhir_case.errors import FhirCaseError
from fhir_case.testing.servers import server_options
from fhir_case.testing.shared_server import alive, publish

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["keep"]

_LOOK_S = 0.2


def keep(folder: Path, fhir: Literal["R4", "R5"], owner: int, options: str) -> None:
    """
    Start a server, tell where it is, and hold it until the file ``R4.stop`` is there or the owner is gone.

    Args:
        folder: Where the processes of the run meet.
        fhir: The release of FHIR.
        owner: The process with which the run ends.
        options: For the server, as a JSON object.
    """
    from fhir_case.server.hapi import HapiServer

    # As Ctrl-C; a shell may have started us with it ignored, and then nothing would interrupt a start.
    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, signal.default_int_handler)
    ended = threading.Event()

    def over() -> bool:
        return (folder / f"{fhir}.stop").exists() or not folder.exists() or not alive(owner)

    threading.Thread(target=_interrupt_when, args=(over, ended), daemon=True).start()
    try:
        with HapiServer(fhir=fhir, **server_options(json.loads(options))) as server:
            publish(folder, fhir, {"base_url": server.base_url})
            while server.alive:
                time.sleep(_LOOK_S)
            server.check_end()
    except KeyboardInterrupt:
        pass
    except FhirCaseError as error:
        publish(folder, fhir, {"failed": str(error)})
    finally:
        ended.set()
        if not alive(owner):
            shutil.rmtree(folder, ignore_errors=True)  # nobody else will


def _interrupt_when(over: Callable[[], bool], ended: threading.Event) -> None:
    while not ended.wait(_LOOK_S):
        if over():
            main = threading.main_thread().ident
            if sys.platform == "win32" or main is None:
                _thread.interrupt_main()
            else:
                signal.pthread_kill(main, signal.SIGINT)  # which also ends a sleep
            return


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        keep(Path(sys.argv[1]), "R5" if sys.argv[2] == "R5" else "R4", int(sys.argv[3]), sys.argv[4])

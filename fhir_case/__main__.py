"""
The begin of the command, also as ``python -m fhir_case``: Ctrl-C ends it in one line, whenever it comes.

It imports nothing that takes long; what does is imported when Ctrl-C is answered.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False

if TYPE_CHECKING:
    from typing import NoReturn

__all__ = ["main"]

_INTERRUPTED = 130  # `ExitCode.INTERRUPTED`, which is not imported yet
_LOOK_AGAIN_S = 0.01


def _end(*_: object) -> NoReturn:
    os.write(2, b"fhir-case: interrupted\n")
    os._exit(_INTERRUPTED)


try:
    import signal
except KeyboardInterrupt:
    _end()


def main() -> None:
    """Run the command line and end the process; see `fhir_case.cli.main`."""
    if signal.getsignal(signal.SIGINT) is not signal.default_int_handler:  # nohup, or a script's background process
        from fhir_case.cli import main as command

        command()
        return
    signal.signal(signal.SIGINT, _end)
    from fhir_case.cli import main as command

    sys.unraisablehook = _raise_again
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        command()
    finally:
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # the end of Python would answer it by a traceback


def _raise_again(lost: sys.UnraisableHookArgs) -> None:
    """Interrupt once more where Python drops it: in the destructor of an object, or in a callback of an import."""
    if lost.exc_type is KeyboardInterrupt:
        from threading import Thread, get_ident

        Thread(target=_interrupt, args=(get_ident(),), daemon=True).start()
    else:
        sys.__unraisablehook__(lost)


def _interrupt(thread: int) -> None:
    """Interrupt once a thread has left `_raise_again`, in which Python would drop that, too."""
    from time import sleep

    def is_inside() -> bool:
        frame = sys._current_frames().get(thread)  # noqa: SLF001 - its documented name
        while frame is not None and frame.f_code is not _raise_again.__code__:
            frame = frame.f_back
        return frame is not None

    while is_inside():
        sleep(_LOOK_AGAIN_S)
    os.kill(os.getpid(), signal.SIGINT)


if __name__ == "__main__":
    main()

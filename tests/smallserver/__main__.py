"""Run the server by hand until Ctrl-C or SIGTERM: ``python -m smallserver --help``."""

from __future__ import annotations

import argparse
import signal
import sys
from threading import Event
from typing import TYPE_CHECKING

from . import FAULTS, FEATURES, SmallServer

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve, and give the exit code."""
    parser = _parser()
    options = parser.parse_args(arguments)
    if options.list:
        _say(*(f"{name:42}{what}" for name, what in FAULTS.items()))
        return 0
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    try:
        with SmallServer(options.fault, without=options.without, port=options.port) as server:
            _say(server.url)
            Event().wait()
    except (ValueError, OSError, OverflowError) as error:
        parser.error(str(error))
    except KeyboardInterrupt:
        pass
    return 0


def _parser() -> argparse.ArgumentParser:
    features = ", ".join((*FEATURES, "search-NAME"))
    parser = argparse.ArgumentParser(prog="smallserver", description="A small FHIR server, correct or faulty.")
    parser.add_argument("--port", type=int, default=0, help="where to listen; 0 (default) for a free port")
    parser.add_argument("--fault", action="append", default=[], metavar="NAME", help="may be given often; see --list")
    parser.add_argument(
        "--without", action="append", default=[], metavar="NAME", help=f"what it honestly lacks: {features}"
    )
    parser.add_argument("--list", action="store_true", help="list the faults and end")
    return parser


def _say(*lines: str) -> None:
    sys.stdout.writelines(f"{line}\n" for line in lines)
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())

"""Run the proxy by hand until Ctrl-C or SIGTERM: ``python -m faultproxy --help``."""

from __future__ import annotations

import argparse
import signal
import sys
from time import sleep
from typing import TYPE_CHECKING

from . import FAULTS, Exchange, FaultProxy

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve, and print a line for each request; return the exit code."""
    parser = _parser()
    options = parser.parse_args(arguments)
    if options.list:
        _say(*(f"{name:13}{fault.description}" for name, fault in FAULTS.items()))
        return 0
    if not options.target:
        parser.error("--target is needed")
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    try:
        with FaultProxy(
            options.target,
            options.fault,
            rate=options.rate,
            seed=options.seed,
            methods=options.method or ("POST",),
            most_in_a_row=options.most_in_a_row,
            port=options.port,
            silence_s=options.silence,
            burst_s=options.burst,
            retry_after_s=options.retry_after,
        ) as proxy:
            _say(f"{proxy.base_url} stands before {proxy.target}")
            _follow(proxy)
    except (ValueError, OSError, OverflowError) as error:
        parser.error(str(error))
    except KeyboardInterrupt:
        pass
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="faultproxy", description="Do to a FHIR server's clients what bad days do.")
    parser.add_argument("--target", metavar="URL", help="the base URL of the server")
    parser.add_argument("--port", type=int, default=0, help="where to listen; 0 (default) for a free port")
    parser.add_argument(
        "--fault", action="append", default=[], choices=FAULTS, metavar="NAME", help="may be given often; see --list"
    )
    parser.add_argument("--rate", type=float, default=0.2, help="the share of the requests that are hit (0.2)")
    parser.add_argument("--seed", type=int, default=0, help="what chance starts from (0)")
    parser.add_argument("--method", action="append", help="what may be hit; may be given often (POST)")
    parser.add_argument("--most-in-a-row", type=int, default=2, help="hits of the same request in a row (2)")
    parser.add_argument("--silence", type=float, default=60, metavar="SECONDS", help="how long silence lasts (60)")
    parser.add_argument("--burst", type=float, default=2, metavar="SECONDS", help="how long 503-burst lasts (2)")
    parser.add_argument("--retry-after", type=int, default=1, metavar="SECONDS", help="what 429 asks for (1)")
    parser.add_argument("--list", action="store_true", help="list the faults and end")
    return parser


def _follow(proxy: FaultProxy) -> None:
    """Print the log as it grows, for ever."""
    told = 0
    while True:
        new = proxy.log[told:]
        _say(*map(_line, new))
        told += len(new)
        sleep(0.2)


def _line(one: Exchange) -> str:
    fate = f"answered {one.status}" if one.status else "forwarded" if one.forwarded else "not forwarded"
    size = f"{one.size} bytes"
    words = (str(one.number), one.method, one.path, size, f"{one.seconds:.3f} s", fate, one.fault, one.request_id)
    return "  ".join(word for word in words if word)


def _say(*lines: str) -> None:
    sys.stdout.writelines(f"{line}\n" for line in lines)
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())

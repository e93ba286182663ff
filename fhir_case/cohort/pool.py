"""
The engine of one machine: shards made in this process, or side by side in several.

`concurrent.futures` serves here, though not for validation (see ARCHITECTURE.md): a worker answers once a shard, with
less than a pipe takes at once, so that none is killed in the middle of an answer; and when one dies the run ends, and
the same command goes on with the shards that are missing.
"""

from __future__ import annotations

import multiprocessing
import signal
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from typing import TYPE_CHECKING, Any

from fhir_case.errors import FhirCaseError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from fhir_case.cohort.engine import Engine, Run
    from fhir_case.cohort.shard import ShardRecord

__all__ = ["pool_of"]

_POLL_S = 0.2

_own: dict[str, Any] = {}
"""What a worker process has from its starter: the count of patients, and whether to stop."""


class _Stopped(Exception):  # noqa: N818 - it never leaves this module
    """The run has ended while a shard was made."""


def pool_of(jobs: int) -> Engine:
    """Return the engine that makes shards in so many processes; with one, or for one shard, in this process."""

    def engine(run: Run, shards: list[int], on_progress: Callable[[int], None]) -> Iterator[ShardRecord]:
        processes = min(jobs, len(shards))
        if processes > 1:
            return _side_by_side(run, shards, processes, on_progress)
        return _here(run, shards, on_progress)

    return engine


def _here(run: Run, shards: list[int], on_progress: Callable[[int], None]) -> Iterator[ShardRecord]:
    made = 0

    def count() -> None:
        nonlocal made
        made += 1
        on_progress(made)

    for shard in shards:
        yield run.make(shard, count)


def _side_by_side(run: Run, shards: list[int], jobs: int, on_progress: Callable[[int], None]) -> Iterator[ShardRecord]:
    context = multiprocessing.get_context("spawn")
    made, stop = context.Value("q", 0), context.Event()
    pool = ProcessPoolExecutor(jobs, mp_context=context, initializer=_begin_worker, initargs=(made, stop))
    try:
        waiting = {pool.submit(_in_worker, run, shard) for shard in shards}
        while waiting:
            done, waiting = wait(waiting, timeout=_POLL_S, return_when=FIRST_COMPLETED)
            for one in done:
                yield one.result()
            on_progress(made.value)
    except BrokenProcessPool:
        raise FhirCaseError(
            "a worker process has ended before its time; it may take more memory than there is",
            where=str(run.folder),
            hint="the same command goes on where it stopped, with fewer --jobs too",
        ) from None
    finally:
        stop.set()
        pool.shutdown(cancel_futures=True)


def _begin_worker(made: Any, stop: Any) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the starter tells when to stop
    _own.update(made=made, stop=stop)


def _in_worker(run: Run, shard: int) -> ShardRecord:
    def count() -> None:
        with _own["made"].get_lock():
            _own["made"].value += 1
        if _own["stop"].is_set():
            raise _Stopped

    return run.make(shard, count)

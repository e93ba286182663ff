"""Check the profiles of many documents in threads, beside the other checks; the results come in their order."""

from __future__ import annotations

from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING

from fhir_case.validation.workers.checking import usable_cores

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from fhir_case.documents import Document, Text
    from fhir_case.issues import ValidationResult
    from fhir_case.validation.profiles import ProfileEngine

    Checked = tuple[Document | Text, ValidationResult]

__all__ = ["with_profiles"]

_WAITING_PER_THREAD = 4


def with_profiles(
    results: Iterable[Checked],
    check: Callable[[Document | Text, ValidationResult], ValidationResult],
    *,
    engines: Sequence[ProfileEngine],
) -> Iterator[Checked]:
    """
    Yield the results of `Checking` with what validators of profiles find.

    What starts a validator is checked in this thread, so that Ctrl-C ends the start.

    Args:
        results: Documents and what the other checks found.
        check: Adds to the result of a document what validators find.
        engines: The validators.
    """

    def checked(document: Document | Text, result: ValidationResult) -> Checked:
        return document, check(document, result)

    if not engines:
        yield from results
        return
    threads = usable_cores()
    pool = ThreadPoolExecutor(threads, "profiles")
    waiting: deque[Future[Checked]] = deque()
    try:
        for document, result in results:
            if not any(engine.started for engine in engines):
                yield checked(document, result)
                continue
            waiting.append(pool.submit(checked, document, result))
            while len(waiting) > threads * _WAITING_PER_THREAD or (waiting and waiting[0].done()):
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(wait=False, cancel_futures=True)

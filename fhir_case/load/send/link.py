"""The server of a load: a client for each thread, and how often it retries."""

from __future__ import annotations

import time
from itertools import count
from threading import Event, local
from typing import TYPE_CHECKING, TypeVar

from fhir_case.errors import FhirCaseError, RejectedError, ServerError
from fhir_case.load.send.request_ids import RequestIds
from fhir_case.load.send.tally import Tally
from fhir_case.server.quirks import Quirks
from fhir_case.server.retry import RetryPolicy

if TYPE_CHECKING:
    from collections.abc import Callable

    from fhir_case.server.client import Client

__all__ = ["Link"]

_Read = TypeVar("_Read")


class Link:
    """
    One server; several threads may use it at once.

    Args:
        new_client: Returns a client for the thread that asks.
        known: What is known of the server.
        policy: How often and how long to retry.
        tally: Counts what happens.
        stop: Set to end all waiting.
        clock: Returns seconds; only the difference of two readings counts.

    Attributes:
        request_ids: Whether the server keeps which request stored a resource.
    """

    def __init__(
        self,
        new_client: Callable[[], Client],
        *,
        known: Quirks | None = None,
        policy: RetryPolicy | None = None,
        tally: Tally | None = None,
        stop: Event | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._new_client = new_client
        self._threads = local()
        self.known = known or Quirks()
        self.request_ids = RequestIds(claimed=self.known.request_id_in_source)
        self.policy = policy or RetryPolicy()
        self.tally = tally or Tally()
        self.stop = stop or Event()
        self.clock = clock

    @property
    def client(self) -> Client:
        """Return the client of this thread."""
        if not hasattr(self._threads, "client"):
            self._threads.client = self._new_client()
        client: Client = self._threads.client
        return client

    def with_retries(self, read: Callable[[], _Read]) -> _Read:
        """
        Read from the server, again while it is not reached or overloaded.

        Raises:
            ServerError: That took too long.
        """
        begin = self.clock()
        for attempt in count(1):
            try:
                return read()
            except ServerError as error:
                if not self.wait(error, attempt, begin):
                    raise
        raise AssertionError("unreachable")

    def is_available(self, kind: str) -> bool:
        """Whether the server answers a small search for a type, so that it is not down, but fails at what was sent."""
        try:
            return self.client.request("GET", kind, parameters={"_count": "1"}, exact=False).status < 300
        except (ServerError, RejectedError):
            return False

    def fails_at_content(self, error: ServerError, kind: str, *, divisible: bool) -> bool:
        """
        Whether a server that fails again fails at what was sent, and not at everything.

        Args:
            kind: A type of what was sent.
            divisible: Whether a part of it may be sent alone.
        """
        return not self.stop.is_set() and (error.status == 500 or (divisible and self.is_available(kind)))

    def wait(self, error: FhirCaseError, attempt: int, begin: float) -> bool:
        """Wait before the next attempt; False when there shall be none."""
        if isinstance(error, ServerError) and not error.again:
            return False
        stated = error.wait_s if isinstance(error, ServerError) else 0
        pause = self.policy.pause_s(attempt, stated_s=stated)
        if self.clock() - begin + pause > self.policy.request_s or not self.tally.retry(error, self.policy.run):
            return False
        return not self.stop.wait(pause)

"""
Find out whether a server really keeps the header ``X-Request-ID`` of our requests: a gateway may replace or strip it.

The software says that it keeps the header, not that the header arrives. What a request of this run has stored shows it;
an echo of the header would not, since a gateway may answer with what it was sent and pass on something else.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from fhir_case.errors import RejectedError, ServerError
from fhir_case.server.lookup import version_of, written_by

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from fhir_case.load.journal.entry import JournalEntry
    from fhir_case.server.client import Client

__all__ = ["RequestIds"]


class RequestIds:
    """
    Whether it is known which request stored a resource; several threads may use it at once.

    Args:
        claimed: Whether the software is known to keep the header in ``meta.source``.

    Attributes:
        proven: Whether something stored by this run names its request; None as long as that was not seen.
    """

    def __init__(self, *, claimed: bool) -> None:
        self._claimed = claimed
        self._answers = 0
        self.proven: bool | None = None

    @property
    def usable(self) -> bool:
        """Whether it makes sense to search by requests: nothing speaks against it."""
        return self._claimed and self.proven is not False

    @property
    def undecided(self) -> bool:
        """Whether that is still to be found out."""
        return self._claimed and self.proven is None

    def learn(self, client: Client, entries: Iterable[JournalEntry], requests: Sequence[str]) -> None:
        """
        Look at one of the resources that a request has written, unless it is known already.

        Where a look decides nothing, the next ones are at twice as many answers each: not every request needs a second.
        """
        if not self.undecided:
            return
        written = (each for each in entries if each.state in ("created", "updated") and each.stored_as and each.version)
        entry = next(written, None)
        if entry is None:
            return
        self._answers += 1
        if self._answers & (self._answers - 1):  # not 1, 2, 4, 8, …
            return
        kind, _, resource_id = entry.stored_as.partition("/")
        with suppress(ServerError, RejectedError):  # then a later answer shows it
            stored = client.read(kind, resource_id)
            if version_of(stored) == entry.version:
                self.proven = written_by(stored, requests)

    def learn_of_earlier(self, client: Client, written: Sequence[tuple[JournalEntry, str]]) -> None:
        """
        Look at what an earlier run has written; where all of it was changed since, the ids count as not kept.

        Args:
            written: Some of it, each with its request.
        """
        for entry, request in written:
            self.learn(client, [entry], [request])
        if written and self.undecided:
            self.proven = False

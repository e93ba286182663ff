"""The cells of the table: a fault at a moment, on its way of transport, for a form of requests, on a server."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING

from faultproxy import MOMENTS, TOXICS

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["FORMS", "HTTP", "QUICK", "Cell", "cells"]

HTTP = {
    "500": {"before sending": "500-before", "after the commit": "500"},
    "502": {"before sending": "502-before", "after the commit": "502"},
    "502 with a page of HTML": {"before sending": "html-before", "after the commit": "html"},
    "503": {"before sending": "503", "after the commit": "503-after"},
    "503 for a while": {"before sending": "503-burst"},
    "504": {"before sending": "504-before", "after the commit": "504"},
    "429, seconds": {"before sending": "429-seconds"},
    "429, a date": {"before sending": "429-date"},
    "reset by a gateway": {
        "before sending": "reset-before",
        "in the request": "reset-during",
        "after the commit": "reset-after",
    },
    "silence of a gateway": {"after the commit": "silence"},
    "truncated body": {"in the answer": "half"},
    "garbled body": {"in the answer": "garbled"},
    "empty body": {"in the answer": "empty"},
    "no JSON": {"in the answer": "wrong-body"},
    "wrong type": {"in the answer": "wrong-type"},
}
"""The faults of HTTP: for each moment the name that the proxy has for it."""

TCP = {
    "latency with jitter": "delay",
    "bandwidth": "rate",
    "slices": "slices",
    "limited data": "end",
    "slow close": "hold",
    "reset": "reset",
    "black hole": "silence",
}
"""The faults of TCP: what each does to the bytes, see `Toxic`."""

FORMS = {
    "POST": ("create", "create nameless"),
    "conditional": ("create by condition",),
    "PUT": ("update",),
    "mixed": ("create by condition", "across", "update", "across", "create", "across", "update by condition", "across"),
}
"""The documents of each column, in turns; those of *mixed* refer to each other across transactions."""

QUICK = ("500", "reset-after", "reset-before", "half", "rst-answer", "limit-request", "slices-answer")


@dataclass(frozen=True, slots=True)
class Cell:
    """
    One cell.

    Args:
        server: The name of the server.
        transport: ``HTTP`` or ``TCP``.
        fault: What it is called in the table.
        moment: When it sets in.
        name: What the proxy calls it.
        form: The name of the form of requests.
    """

    server: str
    transport: str
    fault: str
    moment: str
    name: str
    form: str

    @property
    def key(self) -> str:
        """Return what names it among the results."""
        return f"{self.server}/{self.name}/{self.form}"

    @property
    def waits(self) -> bool:
        """Whether each hit costs the client the time that it waits for an answer."""
        return self.name == "silence" or self.name.startswith("hole-")

    def schedule(self, seed: int, length: int = 200) -> list[str | None]:
        """Return which requests are hit: the second one, then some by chance, two in a row at most."""
        chance = Random(f"{seed} {self.name} {self.form}")  # noqa: S311 - to be repeated, not to be secret
        most, share = (2, 0.2) if self.waits else (6, 0.4)
        planned: list[str | None] = [None, self.name]
        while len(planned) < length:
            again = planned[-1] is not None and planned[-2] is not None
            hit = not again and sum(each is not None for each in planned) < most and chance.random() < share
            planned.append(self.name if hit else None)
        return planned


def cells(server: str, *, quick: bool = False) -> Iterator[Cell]:
    """Return the cells of a server, row by row."""
    rows = [
        ("HTTP", fault, moment, name)
        for fault, names in HTTP.items()
        for moment, name in sorted(names.items(), key=lambda each: list(MOMENTS).index(each[0]))
    ]
    rows += [
        ("TCP", fault, moment, name)
        for fault, action in TCP.items()
        for moment in MOMENTS
        for name, toxic in TOXICS.items()
        if (toxic.action, toxic.moment) == (action, moment)
    ]
    for transport, fault, moment, name in rows:
        for form in FORMS:
            if not quick or (name in QUICK and form in ("POST", "mixed")):
                yield Cell(server, transport, fault, moment, name, form)

"""How much of a response is read at most."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Limits"]


@dataclass(frozen=True, slots=True)
class Limits:
    """
    How much of one response is read at most, so that no server can fill the memory or keep a request open for ever.

    Args:
        bytes: Its size once it is decompressed.
        ratio: How many times as large as what came over the network it may be; counts from 10 MB on.
        seconds: How long it may take to its last byte; None: as long as is waited for a response.
    """

    bytes: int = 200_000_000
    ratio: float = 200
    seconds: float | None = None

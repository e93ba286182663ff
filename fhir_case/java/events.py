"""The progress of starting and stopping a Java program."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

__all__ = ["Event", "Listener", "silent"]


@dataclass(frozen=True, slots=True)
class Event:
    """
    One step of a start or stop.

    Args:
        step: ``wait`` (another process fills the cache), ``download``, ``compile``, ``prepare``, ``start``,
            ``package`` (one is installed), ``ready``, ``stop``.
        done: Bytes (download), packages (package) or seconds (start) so far.
        total: Bytes or packages in all; 0 where there is nothing to count.
        text: A short description; the base URL for ``ready``.
    """

    step: Literal["wait", "download", "compile", "prepare", "start", "package", "ready", "stop"]
    done: int = 0
    total: int = 0
    text: str = ""


Listener = Callable[[Event], None]


def silent(event: Event) -> None:
    """Ignore an event."""
    del event

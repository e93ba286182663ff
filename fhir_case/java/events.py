"""What the start of a Java program tells while it goes on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

__all__ = ["Event", "Listener", "silent"]


@dataclass(frozen=True, slots=True)
class Event:
    """
    Tell one step of a start or stop.

    Args:
        step: ``wait`` (another process fills the cache), ``download``, ``compile``, ``prepare``, ``start``,
            ``package`` (one is installed), ``ready``, ``stop``.
        done: Bytes had so far (download), or packages installed so far (package).
        total: Bytes or packages in all; 0 where there is nothing to count.
        text: What is being done, in a few words; the base URL for ``ready``.
    """

    step: Literal["wait", "download", "compile", "prepare", "start", "package", "ready", "stop"]
    done: int = 0
    total: int = 0
    text: str = ""


Listener = Callable[[Event], None]


def silent(event: Event) -> None:
    """Pass over an event."""
    del event

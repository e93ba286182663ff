"""What a survey finds in the inputs."""

from __future__ import annotations

from array import array
from collections import Counter
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import TYPE_CHECKING, NamedTuple

from fhir_case.errors import BundleError
from fhir_case.fhir import wire

if TYPE_CHECKING:
    from fhir_case.documents import Document
    from fhir_case.load.plan.plan import Plan

__all__ = ["CountedNames", "Kept", "Problem", "Survey", "changed"]

_NAMED = 3
_KEPT_BYTES = 16_000_000  # of JSON, which as plans are some 150 MB in memory
_LISTED = 100
_DIGEST_BYTES = 16


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a document cannot be loaded."""

    where: str
    message: str
    hint: str = ""

    def __str__(self) -> str:
        return f"{self.where}: {self.message}{f'; {self.hint}' if self.hint else ''}"


def changed(name: str, reason: str = "") -> BundleError:
    """Return the error that an input is not what it was."""
    what = "it has changed since it was read, so that nothing more is sent"
    return BundleError(
        f"{what} ({reason})" if reason else what,
        where=name,
        hint="start again with --restart when nothing changes it any more",
    )


def _digest(document: Document) -> bytes:
    return blake2b(document.raw or wire.dump(document.content), digest_size=_DIGEST_BYTES).digest()


class CountedNames:
    """How many a warning is about, and the first three of them."""

    def __init__(self) -> None:
        self.count = 0
        self.names: list[str] = []

    def note(self, *names: str) -> None:
        """Add names; what was counted before stays named."""
        self.count += len(names)
        self.names += names[: max(0, _NAMED - len(self.names))]

    def __str__(self) -> str:
        more = self.count - len(self.names)
        return ", ".join(self.names) + (f" and {more:,} more" if more else "")


class Kept(NamedTuple):
    """The plan of a document that need not be read again, with its name and the number of its bytes."""

    name: str
    size: int
    plan: Plan


@dataclass(slots=True)
class Survey:
    """
    What is in the inputs.

    Args:
        resources: How many resources there are.
        level: For each document, by its number, the level at which it is sent.
        cycle: For documents that refer to each other in a cycle: the number of the cycle, by that of the document.
        left_out: The numbers of the documents that cannot be loaded.
        problems: The first hundred of them, and why.
        crossing: Whether documents refer to each other.
        files: For each file the number of its first document, and that of the first one after it.
        named: What each warning is about.
        kinds: How many resources of each type there are.
        counts: How many resources each document has.
        digests: A digest of each document, one after the other: what is sent is what was read.
        plans: For small inputs the plan of each document, by its number, so that they need not be read again. None
            when the inputs are larger, which keeps memory flat.
    """

    resources: int = 0
    level: array[int] = field(default_factory=lambda: array("I"))
    cycle: dict[int, int] = field(default_factory=dict)
    left_out: set[int] = field(default_factory=set)
    problems: list[Problem] = field(default_factory=list)
    crossing: bool = False
    files: dict[str, tuple[int, int]] = field(default_factory=dict)
    named: dict[str, CountedNames] = field(default_factory=dict)
    kinds: Counter[str] = field(default_factory=Counter)
    counts: array[int] = field(default_factory=lambda: array("I"))
    digests: bytearray = field(default_factory=bytearray)
    plans: dict[int, Kept] | None = field(default_factory=dict)
    _kept_bytes: int = 0

    def keep(self, number: int, document: Document, plan: Plan) -> None:
        """Keep the plan of a document, unless all are too much to be kept."""
        if self.plans is not None:
            self._kept_bytes += len(document.raw) or _KEPT_BYTES
            self.plans[number] = Kept(document.name, len(document.raw), plan)
            if self._kept_bytes > _KEPT_BYTES:
                self.plans = None

    def note(self, document: Document) -> None:
        """Note what a document says."""
        self.digests += _digest(document)

    def check_same(self, number: int, document: Document) -> None:
        """
        Refuse a document that does not say what it said when it was surveyed.

        Raises:
            BundleError: It has changed.
        """
        if self.digests[number * _DIGEST_BYTES :][:_DIGEST_BYTES] != _digest(document):
            raise changed(document.name, document.unread)

    @property
    def levels(self) -> int:
        """Return how many levels there are."""
        return max(self.level, default=0) + 1

    def refuse(self, number: int, problem: Problem) -> None:
        """Note that a document cannot be loaded."""
        self.left_out.add(number)
        if number < len(self.counts):
            self.resources -= self.counts[number]
        if len(self.problems) < _LISTED:
            self.problems.append(problem)

    def warn(self, message: str, *names: str) -> None:
        """Add names to a warning; there is none where there are no names."""
        if names:
            self.named.setdefault(message, CountedNames()).note(*names)

    def name_of(self, number: int) -> str:
        """Return a document by the name of its file, with its number there when there are several."""
        for name, (first, end) in self.files.items():
            if first <= number < end:
                return name if end - first == 1 else f"{name}: document {number - first + 1}"
        return str(number)

    @property
    def warnings(self) -> tuple[str, ...]:
        """Return the warnings, each with the first names."""
        return tuple(f"{message}: {names}" for message, names in self.named.items())

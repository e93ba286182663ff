"""What a survey finds in the inputs."""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections import Counter
from dataclasses import dataclass, field
from hashlib import sha256
from typing import TYPE_CHECKING, NamedTuple

from fhir_case.errors import BundleError
from fhir_case.fhir import wire
from fhir_case.wording import CountedNames

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fhir_case.documents import Document
    from fhir_case.load.plan.plan import Plan

__all__ = ["CountedNames", "Kept", "Problem", "Survey", "changed"]

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
    # Processors have instructions for this one, so that it takes half the time of BLAKE2.
    return sha256(document.raw or wire.dump(document.content)).digest()[:_DIGEST_BYTES]


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
        documents_of: The numbers of the documents that have resources of a type.
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
    documents_of: dict[str, array[int]] = field(default_factory=dict)
    counts: array[int] = field(default_factory=lambda: array("I"))
    digests: bytearray = field(default_factory=bytearray)
    plans: dict[int, Kept] | None = field(default_factory=dict)
    _kept_bytes: int = 0
    _names: list[str] = field(default_factory=list)
    _of_level: dict[int, list[int]] = field(default_factory=dict)

    def keep(self, number: int, document: Document, plan: Plan) -> None:
        """Keep the plan of a document, unless all are too much to be kept."""
        if self.plans is not None:
            self._kept_bytes += len(document.raw) or _KEPT_BYTES
            self.plans[number] = Kept(document.name, len(document.raw), plan)
            if self._kept_bytes > _KEPT_BYTES:
                self.plans = None

    def kept_at(self, level: int) -> Iterator[tuple[int, Kept]]:
        """Return the plans of a level that were kept, with the numbers of their documents."""
        plans = self.plans or {}
        if not self._of_level:
            for number in plans:
                self._of_level.setdefault(self.level[number], []).append(number)
        yield from ((number, plans[number]) for number in self._of_level.get(level, ()))

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
        if len(self._names) < len(self.files):
            self._names = list(self.files)
        name = self._names[bisect_right(self._names, number, key=lambda each: self.files[each][0]) - 1]
        first, end = self.files[name]
        return name if end - first == 1 else f"{name}: document {number - first + 1}"

    @property
    def warnings(self) -> tuple[str, ...]:
        """Return the warnings, each with the first names."""
        return tuple(f"{message}: {names}" for message, names in self.named.items())

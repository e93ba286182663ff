"""
The errors that this library raises, one tree.

::

    FhirCaseError            1
    ├── CaseError            3   the case file is wrong
    ├── BundleError          4   a Bundle cannot be made, or an input cannot be loaded
    │   └── MappingError     4   because a mapping failed, is missing, clashes, or gave no valid resource
    ├── ServerError          6   the server was not reached or is overloaded: try again
    ├── RejectedError        7   the server answered no
    └── CheckerError         8   a checker could not run: nothing was learned

The numbers are the exit codes of the command line. 2 is a wrong command line (click), 5 a Bundle that was
checked and has errors. A number is never given to another meaning.
"""

from __future__ import annotations

from typing import ClassVar

__all__ = [
    "BundleError",
    "CaseError",
    "CheckerError",
    "FhirCaseError",
    "MappingError",
    "RejectedError",
    "ServerError",
]


class FhirCaseError(Exception):
    """
    Say what went wrong, where, and what to do next.

    Args:
        message: What is wrong, one sentence without the place.
        where: The place: ``file:line:column``, a URL, an element; empty when there is none.
        hint: What to do next; empty when there is nothing to advise.
    """

    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, *, where: str = "", hint: str = "") -> None:
        self.message = message
        self.where = where
        self.hint = hint
        super().__init__(str(self))

    def __str__(self) -> str:
        place = f"{self.where}: " if self.where else ""
        advice = f"; {self.hint}" if self.hint else ""
        return f"{place}{self.message}{advice}"


class CaseError(FhirCaseError):
    """
    Tell all that is wrong with one case file.

    Args:
        message: The first problem, or a summary.
        problems: Every problem of the file in the order of its lines, each a `CaseError` with its own place.
    """

    exit_code = 3

    def __init__(self, message: str, *, where: str = "", hint: str = "", problems: tuple[CaseError, ...] = ()) -> None:
        super().__init__(message, where=where, hint=hint)
        self.problems = problems or (self,)


class BundleError(FhirCaseError):
    """A Bundle that cannot be made, or an input that cannot be loaded; nothing of it was sent."""

    exit_code = 4


class MappingError(BundleError):
    """A mapping that failed, is missing, clashes with another, or gave no valid resource."""


class ServerError(FhirCaseError):
    """
    A server was not reached, broke off, or is overloaded: the same request may succeed later.

    Args:
        status: The HTTP status of the answer; 0 when there was none.
        wait_s: The seconds after which the server wants to be asked again; 0 when it does not say.
        perhaps_done: Whether the server may have done what was asked.
        cause: What happened to the request, in two or three words that are the same for every server.
    """

    exit_code = 6

    def __init__(
        self,
        message: str,
        *,
        where: str = "",
        hint: str = "",
        status: int = 0,
        wait_s: float = 0,
        perhaps_done: bool = False,
        cause: str = "",
    ) -> None:
        super().__init__(message, where=where, hint=hint)
        self.status = status
        self.wait_s = wait_s
        self.perhaps_done = perhaps_done
        self.cause = cause


class RejectedError(FhirCaseError):
    """
    A server refused what was asked.

    Args:
        message: The outcome in words.
        status: The HTTP status of the answer.
        outcome: The OperationOutcome of the answer, where it held one.
    """

    exit_code = 7

    def __init__(
        self,
        message: str,
        *,
        where: str = "",
        hint: str = "",
        status: int = 0,
        outcome: dict[str, object] | None = None,
    ) -> None:
        super().__init__(message, where=where, hint=hint)
        self.status = status
        self.outcome = outcome


class CheckerError(FhirCaseError):
    """A checker, or a server that this library starts itself, could not run: nothing was learned."""

    exit_code = 8

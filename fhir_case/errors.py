"""
The errors that this library raises, one tree, and the exit codes of the command line.

::

    FhirCaseError            1
    ├── CaseError            3   the case file is wrong
    ├── BundleError          4   a Bundle cannot be made, or an input cannot be loaded
    │   └── MappingError     4   because a mapping failed, is missing, clashes, or gave no valid resource
    ├── ServerError          6   the server was not reached or is overloaded: try again
    ├── RejectedError        7   the server refused
    └── CheckerError         8   a checker could not run: nothing was learned
"""

from __future__ import annotations

from enum import IntEnum
from typing import ClassVar, Self

__all__ = [
    "BundleError",
    "CaseError",
    "CheckerError",
    "ExitCode",
    "FhirCaseError",
    "MappingError",
    "RejectedError",
    "ServerError",
]


class ExitCode(IntEnum):
    """
    The exit codes of the command line, each with its meaning; ``fhir-case --help`` shows them.

    A number is never given to another meaning, and an exit code is never a count.
    """

    meaning: str

    def __new__(cls, number: int, meaning: str) -> Self:
        """Attach its meaning to a number."""
        code = int.__new__(cls, number)
        code._value_ = number
        code.meaning = meaning
        return code

    DONE = 0, "done"
    FAILED = 1, "a bug (with its traceback), or a file that cannot be read or written"
    USAGE = 2, "wrong command line"
    CASE = 3, "the case file is wrong"
    BUNDLE = 4, "a Bundle cannot be made, or an input cannot be loaded"
    FINDINGS = 5, "checked or compared, and found wrong"
    SERVER = 6, "a server was not reached or is overloaded: try again"
    REJECTED = 7, "a server refused something, or undo could not remove something"
    CHECKER = 8, "a check or a server of our own could not run"
    INTERRUPTED = 130, "interrupted by Ctrl-C"


class FhirCaseError(Exception):
    """
    What went wrong, where, and what to do next.

    Args:
        message: What is wrong, one sentence without the location.
        where: The location: ``file:line:column``, a URL, an element; empty when there is none.
        hint: What to do next; empty when there is nothing to advise.
    """

    exit_code: ClassVar[ExitCode] = ExitCode.FAILED

    def __init__(self, message: str, *, where: str = "", hint: str = "") -> None:
        self.message = message
        self.where = where
        self.hint = hint
        super().__init__(str(self))

    def __str__(self) -> str:
        location = f"{self.where}: " if self.where else ""
        advice = f"; {self.hint}" if self.hint else ""
        return f"{location}{self.message}{advice}"


class CaseError(FhirCaseError):
    """
    All that is wrong with one case file.

    Args:
        message: The first problem, or a summary.
        problems: Every problem of the file in the order of its lines, each a `CaseError` with its own location.
    """

    exit_code = ExitCode.CASE

    def __init__(self, message: str, *, where: str = "", hint: str = "", problems: tuple[CaseError, ...] = ()) -> None:
        super().__init__(message, where=where, hint=hint)
        self.problems = problems or (self,)


class BundleError(FhirCaseError):
    """
    A Bundle that cannot be made, or an input that cannot be loaded; nothing of it was sent.

    Args:
        message: The first problem, or the only one.
        problems: Where several are known, every problem, each with its own location.
    """

    exit_code = ExitCode.BUNDLE

    def __init__(
        self, message: str, *, where: str = "", hint: str = "", problems: tuple[BundleError, ...] = ()
    ) -> None:
        super().__init__(message, where=where, hint=hint)
        self.problems = problems


class MappingError(BundleError):
    """A mapping that failed, is missing, clashes with another, or gave no valid resource."""


class ServerError(FhirCaseError):
    """
    A server that was not reached, broke off, or is overloaded: the same request may succeed later.

    Args:
        status: The HTTP status of the answer; 0 when there was none.
        wait_s: The seconds to wait before a retry (Retry-After); 0 when the server names none.
        perhaps_done: Whether the server may have carried out the request.
        again: Whether the same request may succeed later; a response that is too large stays so.
        cause: What happened to the request, in two or three words, the same for every server.
    """

    exit_code = ExitCode.SERVER

    def __init__(
        self,
        message: str,
        *,
        where: str = "",
        hint: str = "",
        status: int = 0,
        wait_s: float = 0,
        perhaps_done: bool = False,
        again: bool = True,
        cause: str = "",
    ) -> None:
        super().__init__(message, where=where, hint=hint)
        self.status = status
        self.wait_s = wait_s
        self.perhaps_done = perhaps_done
        self.again = again
        self.cause = cause


class RejectedError(FhirCaseError):
    """
    A server that refused a request.

    Args:
        message: The outcome as text.
        status: The HTTP status of the answer.
        outcome: The OperationOutcome of the answer, where it has one.
    """

    exit_code = ExitCode.REJECTED

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
    """A checker, or a server that this library starts itself, that could not run: nothing was learned."""

    exit_code = ExitCode.CHECKER

"""What a probe raises when it does not pass."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from fhir_case.interop.result import Verdict

__all__ = ["FailError", "NotApplicableError", "NotRunError", "VerdictError", "check", "need"]


class VerdictError(Exception):
    """A probe does not pass."""

    verdict: ClassVar[Verdict]


class FailError(VerdictError):
    """The server does not do what the probe expects; the text says what it did."""

    verdict = "fail"


class NotApplicableError(VerdictError):
    """The server does not claim to do it; the text says what it does not claim."""

    verdict = "not applicable"


class NotRunError(VerdictError):
    """The probe could not be asked; the text says why."""

    verdict = "not run"


def need(claimed: bool, what: str) -> None:
    """Raise NotApplicableError unless the server claims something."""
    if not claimed:
        raise NotApplicableError(f"the server does not claim {what}")


def check(holds: bool, observed: str) -> None:
    """Raise FailError, with what the server did, unless something holds."""
    if not holds:
        raise FailError(observed)

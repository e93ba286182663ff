"""What a probe raises when it does not pass."""

from __future__ import annotations

__all__ = ["FailError", "NotApplicableError", "NotRunError", "VerdictError", "check", "need"]


class VerdictError(Exception):
    """A probe does not pass."""


class FailError(VerdictError):
    """The server does not do what the probe expects; the text says what it did."""


class NotApplicableError(VerdictError):
    """The server does not claim to do it; the text says what it does not claim."""


class NotRunError(VerdictError):
    """The probe could not be asked; the text says why."""


def need(claimed: bool, what: str) -> None:
    """
    Go on when the server claims something.

    Args:
        what: What it has to claim.

    Raises:
        NotApplicableError: It does not.
    """
    if not claimed:
        raise NotApplicableError(f"the server does not claim {what}")


def check(holds: bool, observed: str) -> None:
    """
    Go on when something holds.

    Args:
        observed: What the server did if it does not.

    Raises:
        FailError: It does not hold.
    """
    if not holds:
        raise FailError(observed)

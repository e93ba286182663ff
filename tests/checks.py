"""Checks of documents that tests have made in other processes, which can import no test."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING

from fhir_case.documents import Text
from fhir_case.issues import Issue, ValidationResult

if TYPE_CHECKING:
    from fhir_case.documents import Document


def echo(document: Document | Text) -> ValidationResult:
    """Return what is checked as a finding, and as its check the process that made it; take time enough for two."""
    time.sleep(0.002)
    if isinstance(document, Text):
        return ValidationResult((Issue("error", str(os.getpid()), document.content.decode()),))
    return ValidationResult(document.issues, (document.run,))


def dies_at_seven(document: Document | Text) -> ValidationResult:
    """End the process at line 7, every time."""
    if isinstance(document, Text) and document.line == 7:
        os.kill(os.getpid(), signal.SIGKILL)
    return echo(document)


def dies_once(document: Document | Text) -> ValidationResult:
    """End the process at line 7, the first time; the source is a file that remembers it."""
    if document.line == 7 and not Path(document.source).exists():
        Path(document.source).touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return echo(document)


def breaks_off_at_seven(document: Document | Text) -> ValidationResult:
    """Raise what no check should."""
    if document.line == 7:
        raise LookupError("a bug in a check")
    return echo(document)


def takes_a_minute(document: Document | Text) -> ValidationResult:
    """Take as long as a very large document."""
    time.sleep(60)
    return echo(document)

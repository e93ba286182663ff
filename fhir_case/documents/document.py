"""What was read, or why it was not."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from fhir_case.issues import CheckRun, Issue

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Document", "Text", "json_issue", "unread"]


@dataclass(frozen=True, slots=True)
class Document:
    """
    One document that was read.

    Args:
        source: The file it is from, ``archive.zip/member`` in an archive, or ``-``.
        line: Its line in NDJSON; 0 for a file that is one document.
        content: The JSON object; None when there is none.
        issues: What is wrong with it as JSON.
        unread: Why it could not even be told whether it is JSON; empty when it could.
        places: For a case file: the place of the entry behind each ``Type/id`` of its Bundle.
        form: What it was read as, ``json`` or ``case``.
        raw: Its bytes as they were read, without a byte order mark, for a line with its end; only where they were asked
            for. Empty for a case file, and for what is too long to be read.
    """

    source: str
    line: int = 0
    content: dict[str, Any] | None = None
    issues: tuple[Issue, ...] = ()
    unread: str = ""
    places: Mapping[str, str] = field(default_factory=dict)
    form: str = "json"
    raw: bytes = field(default=b"", repr=False)

    @property
    def run(self) -> CheckRun:
        """Say whether it was checked to be JSON, or a case."""
        return CheckRun(self.form, "could not run", self.unread) if self.unread else CheckRun(self.form, "ran")

    @property
    def name(self) -> str:
        """Name the document as an editor does: the file, and the line in NDJSON."""
        return f"{self.source}:{self.line}" if self.line else self.source


class Text(NamedTuple):
    """
    The bytes of one document that nobody has looked at yet; `read_document` takes these three.

    Args:
        content: The bytes.
        source: The file they are from, ``archive.zip/member`` in an archive, or ``-``.
        line: Their line in NDJSON; 0 for a file that is one document.
    """

    content: bytes
    source: str
    line: int = 0


def json_issue(message: str, severity: Any = "error") -> Issue:
    """Say what is wrong with a text as JSON."""
    return Issue(severity, "json", message, code="structure")


def unread(source: str, message: str, line: int = 0) -> Document:
    """Return the document in the place of one that could not be read."""
    return Document(source, line, None, (Issue("error", "json", message, code="not-supported"),), unread=message)

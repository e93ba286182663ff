"""A document that was read, or why it could not be read."""

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
    One document.

    Args:
        source: The file it is from, ``archive.zip/member`` in an archive, or ``-``.
        line: Its line in NDJSON; 0 for a file that is one document.
        content: The JSON object; None when there is none.
        issues: What is wrong with it as JSON.
        unread: Why it could not be read as JSON at all; empty when it could.
        locations: For a case file: the location of the entry behind each ``Type/id`` of its Bundle.
        form: What it was read as, ``json`` or ``case``.
        raw: Its bytes as they were read, without a byte order mark, for a line with its end; only on request. Empty for
            a case file, and for what is too long to be read.
    """

    source: str
    line: int = 0
    content: dict[str, Any] | None = None
    issues: tuple[Issue, ...] = ()
    unread: str = ""
    locations: Mapping[str, str] = field(default_factory=dict)
    form: str = "json"
    raw: bytes = field(default=b"", repr=False)

    @property
    def run(self) -> CheckRun:
        """Return whether it was checked to be JSON, or a case."""
        return CheckRun(self.form, "could not run", self.unread) if self.unread else CheckRun(self.form, "ran")

    @property
    def name(self) -> str:
        """Return its name as editors write it: the file, and the line in NDJSON."""
        return f"{self.source}:{self.line}" if self.line else self.source


class Text(NamedTuple):
    """
    The bytes of one document that was not read yet; the arguments of `read_document`.

    Args:
        content: The bytes.
        source: The file they are from, ``archive.zip/member`` in an archive, or ``-``.
        line: Their line in NDJSON; 0 for a file that is one document.
    """

    content: bytes
    source: str
    line: int = 0


def json_issue(message: str, severity: Any = "error") -> Issue:
    """Return the finding that a text is not right as JSON."""
    return Issue(severity, "json", message, code="structure")


def unread(source: str, message: str, line: int = 0) -> Document:
    """Return the document that stands for one that could not be read."""
    return Document(source, line, None, (Issue("error", "json", message, code="not-supported"),), unread=message)

"""What comes in and what goes out, apart from HTTP: an entry of a Bundle is such a request too."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote, urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from .storage import Version

__all__ = ["Pairs", "Refusal", "Reply", "Request", "outcome", "target"]

Pairs = tuple[tuple[str, str], ...]

_CODES = {
    400: "invalid",
    404: "not-found",
    405: "not-supported",
    406: "not-supported",
    409: "conflict",
    410: "deleted",
    412: "conflict",
    413: "too-long",
    415: "not-supported",
    422: "structure",
    424: "processing",
    500: "exception",
    501: "not-supported",
}


@dataclass(frozen=True, slots=True)
class Request:
    """
    One request.

    Args:
        method: In capitals.
        path: The steps below the base URL.
        query: The search parameters in their order, those of a form included.
        headers: Their names may be asked for in any case; of an entry they are in small letters.
        body: The JSON; None without a body.
        base_url: How the client calls this server.
        content: The body as it came, decompressed.
    """

    method: str
    path: tuple[str, ...]
    query: Pairs = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Any = None
    base_url: str = ""
    content: bytes = b""

    @property
    def is_transaction(self) -> bool:
        """Whether it asks for a transaction or a batch."""
        return self.method == "POST" and not self.path

    @property
    def entries(self) -> list[dict[str, Any]]:
        """Return the entries of its Bundle."""
        found: list[dict[str, Any]] = self.body["entry"]
        return found

    def prefers(self, name: str) -> str:
        """Return what the header Prefer says for ``return`` or ``handling``; empty when it says nothing."""
        for part in re.split(r"[,;]", self.headers.get("prefer", "")):
            key, _, value = part.partition("=")
            if key.strip().lower() == name:
                return value.strip().strip('"')
        return ""


@dataclass(frozen=True, slots=True)
class Reply:
    """
    One answer.

    Args:
        body: A resource; a text that is a page, such as a gateway answers with; None for no body.
        headers: All but those about the body.
        version: The version that was read or written, None when it was not one.
    """

    status: int
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    version: Version | None = None


class Refusal(Exception):  # noqa: N818 - what is raised to answer no
    """
    A request that is answered no.

    Args:
        status: The HTTP status.
        text: Why.
        code: The issue type; by default one that fits the status.
        issues: The issues of the OperationOutcome, where there is more to say than the text.
        headers: Further headers.
    """

    def __init__(
        self,
        status: int,
        text: str,
        *,
        code: str = "",
        issues: Iterable[Mapping[str, Any]] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(text)
        self.status = status
        self._issues = list(issues) or [
            {"severity": "error", "code": code or _CODES.get(status, "processing"), "diagnostics": text}
        ]
        self._headers = headers or {}

    def reply(self) -> Reply:
        """Return the answer."""
        return Reply(self.status, outcome(self._issues), self._headers)

    def at_entry(self, number: int) -> Refusal:
        """Return the same for a whole Bundle, and name the entry that is at fault."""
        place = f"Bundle.entry[{number}]"
        issues = [
            {**issue, "diagnostics": f"{place}: {issue['diagnostics']}", "expression": [place]}
            for issue in self._issues
        ]
        return Refusal(self.status, str(self), issues=issues)


def outcome(issues: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Return an OperationOutcome."""
    return {"resourceType": "OperationOutcome", "issue": list(issues)}


def target(url: str) -> tuple[tuple[str, ...], Pairs]:
    """
    Return the steps and the query of a URL below the base.

    Raises:
        Refusal: It is not a URL.
    """
    try:
        parts = urlsplit(url)
        query = tuple(parse_qsl(parts.query, keep_blank_values=True))
    except ValueError:
        raise Refusal(400, f"{url} is not a URL") from None
    return tuple(unquote(step) for step in parts.path.split("/") if step), query

"""The faults by name: whether the target sees the request, and what the client sees of the answer."""

from __future__ import annotations

import json
import math
import time
from dataclasses import dataclass, replace
from email.utils import formatdate
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["FAULTS", "NO_ANSWER", "Answer", "Ending", "Fault"]

Ending = Literal["answer", "reset", "reset-at-once", "half", "silence"]


@dataclass(frozen=True)
class Answer:
    """An HTTP answer; its headers are without those that belong to one connection or tell the length."""

    status: int
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    reason: str = ""


NO_ANSWER = Answer(0)


@dataclass(frozen=True)
class Fault:
    """
    Return what one fault does.

    Args:
        description: One line for people.
        forwards: The target sees the request.
        ending: What happens on the connection of the client; ``reset-at-once`` does not await the target.
        answer: Makes the answer that the client gets from that of the target and the seconds to wait before the
            next try.
        gzip_only: The fault leaves requests alone whose body is not compressed.
    """

    description: str
    forwards: bool
    ending: Ending = "answer"
    answer: Callable[[Answer, int], Answer] | None = None
    gzip_only: bool = False


def _made_up(status: int, *headers: tuple[str, str], body: bytes = b"") -> Callable[[Answer, int], Answer]:
    return lambda _answer, _seconds: Answer(status, headers, body)


def _html(_answer: Answer, _seconds: int) -> Answer:
    page = b"<!DOCTYPE html><html><head><title>502</title></head><body><h1>502 Bad Gateway</h1></body></html>"
    return Answer(502, (("Content-Type", "text/html"),), page)


def _outcome(_answer: Answer, _seconds: int) -> Answer:
    issue = {"severity": "error", "code": "exception", "diagnostics": "made up by the fault proxy"}
    body = json.dumps({"resourceType": "OperationOutcome", "issue": [issue]}).encode()
    return Answer(500, (("Content-Type", "application/fhir+json"),), body)


def _later_in_seconds(_answer: Answer, seconds: int) -> Answer:
    return Answer(429, (("Retry-After", str(seconds)),))


def _later_at_a_date(_answer: Answer, seconds: int) -> Answer:
    # The date has whole seconds: rounded up, the pause is never shorter than was asked for.
    return Answer(429, (("Retry-After", formatdate(math.ceil(time.time()) + seconds, usegmt=True)),))


def _garbled(answer: Answer, _seconds: int) -> Answer:
    middle = len(answer.body) // 3
    return replace(answer, body=answer.body[:middle] + b"\x00\xff\x7f" * 20 + answer.body[middle + 60 :])


def _plain_text(answer: Answer, _seconds: int) -> Answer:
    kept = tuple((name, value) for name, value in answer.headers if name.lower() != "content-type")
    return replace(answer, headers=(*kept, ("Content-Type", "text/plain")))


_NO_JSON = _made_up(200, ("Content-Type", "application/fhir+json"), body=b"This is not JSON.")

FAULTS = {
    "503": Fault("not forwarded; 503", forwards=False, answer=_made_up(503)),
    "503-burst": Fault(
        "not forwarded; 503, and so for every request in the next seconds", forwards=False, answer=_made_up(503)
    ),
    "429-seconds": Fault("not forwarded; 429 with Retry-After in seconds", forwards=False, answer=_later_in_seconds),
    "429-date": Fault("not forwarded; 429 with Retry-After as a date", forwards=False, answer=_later_at_a_date),
    "reset-before": Fault("not forwarded; the connection is reset", forwards=False, ending="reset"),
    "reset-after": Fault("forwarded, the answer awaited; then the connection is reset", forwards=True, ending="reset"),
    "reset-during": Fault(
        "forwarded; the connection is reset while the server works", forwards=True, ending="reset-at-once"
    ),
    "half": Fault("forwarded; half of the body of the answer, then the end", forwards=True, ending="half"),
    "silence": Fault(
        "forwarded, the answer awaited; then nothing for a long time, then the end", forwards=True, ending="silence"
    ),
    "wrong-type": Fault("forwarded; the answer says it is text/plain", forwards=True, answer=_plain_text),
    "wrong-body": Fault("forwarded; 200 with a body that is not JSON", forwards=True, answer=_NO_JSON),
    "html": Fault("forwarded; then 502 with a page of HTML", forwards=True, answer=_html),
    "html-before": Fault("not forwarded; 502 with a page of HTML", forwards=False, answer=_html),
    "empty": Fault(
        "forwarded; 200 with an empty body",
        forwards=True,
        answer=_made_up(200, ("Content-Type", "application/fhir+json")),
    ),
    "garbled": Fault("forwarded; some bytes of the answer are others", forwards=True, answer=_garbled),
    "502": Fault("forwarded; then 502 without a body", forwards=True, answer=_made_up(502)),
    "502-before": Fault("not forwarded; 502 without a body", forwards=False, answer=_made_up(502)),
    "504": Fault("forwarded; then 504", forwards=True, answer=_made_up(504)),
    "504-before": Fault("not forwarded; 504", forwards=False, answer=_made_up(504)),
    "500-before": Fault("not forwarded; 500 with an OperationOutcome", forwards=False, answer=_outcome),
    "503-after": Fault("forwarded; then 503", forwards=True, answer=_made_up(503)),
    "401": Fault("not forwarded; 401", forwards=False, answer=_made_up(401, ("WWW-Authenticate", "Bearer"))),
    "500": Fault("forwarded; then 500 with an OperationOutcome", forwards=True, answer=_outcome),
    "413": Fault("not forwarded; 413", forwards=False, answer=_made_up(413)),
    "415-gzip": Fault(
        "not forwarded; 415, only if the request is compressed", forwards=False, answer=_made_up(415), gzip_only=True
    ),
}

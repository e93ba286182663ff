"""
Download one file of known size, resuming where an earlier attempt broke off.

Libraries for this (pooch, jgo) discard a partial file; pooch knows one repository.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from fhir_case.errors import CheckerError
from fhir_case.http.limits import Limits
from fhir_case.java.events import Event, Listener
from fhir_case.java.repositories import MIRROR, without_secrets

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from fhir_case.http.session import Session

__all__ = ["Progress", "download", "session"]

_TIMEOUT_S = (10, 30)  # to connect, between two pieces
_PIECE = 1 << 16
_LARGEST = 1 << 31  # bytes; each file ends at the size that the lock file gives it
_LONGEST_S = 3600.0  # for one file
_ATTEMPTS = 4
_RETRY = frozenset({408, 425, 429, 500, 502, 503, 504})


class Progress:
    """
    The bytes of all connections together, for a listener.

    Args:
        total: The bytes that are to come.
        title: What they are for.
    """

    def __init__(self, total: int, title: str, listener: Listener) -> None:
        self.cancelled = threading.Event()
        self._total = total
        self._title = title
        self._listener = listener
        self._done = 0
        self._lock = threading.Lock()

    def add(self, count: int) -> None:
        """Count bytes that came or, negative, were discarded; raise CheckerError once the download is cancelled."""
        if self.cancelled.is_set():
            raise CheckerError("the download was cancelled")
        with self._lock:
            self._done += count
            self._listener(Event("download", self._done, self._total, self._title))


class _BrokenOffError(Exception):
    """The same request may succeed at the next attempt."""


class _NotHereError(Exception):
    """This repository does not have the file, or refuses it."""


def session(connections: int) -> Session:
    """Return a session that keeps so many connections open; proxies and certificates come from the environment."""
    from fhir_case.http.session import Session

    new = Session(Limits(bytes=_LARGEST, seconds=_LONGEST_S), connections=connections)
    new.headers["Accept-Encoding"] = "identity"  # sizes and ranges are those of the file
    return new


def download(
    http: Session, repositories: Iterable[str], path: str, part: Path, *, size: int, progress: Progress
) -> None:
    """
    Fill ``part`` up to ``size`` bytes from the first repository that has the file.

    Args:
        http: From `session`.
        repositories: Base URLs, asked in this order.
        path: The path of the file in a repository.
        part: The file to fill; what is in it already is kept.
        size: The bytes that the file has when whole.

    Raises:
        CheckerError: No repository has it, none could be reached, or it is of another size.
        OSError: The disk is full, or the file cannot be written.
    """
    from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_exponential

    attempts = Retrying(
        retry=retry_if_exception_type(_BrokenOffError),
        stop=stop_after_attempt(_ATTEMPTS),
        wait=wait_exponential(multiplier=0.5, max=8),
        reraise=True,
    )
    problems = []
    progress.add(part.stat().st_size if part.exists() else 0)
    for repository in repositories:
        try:
            attempts(_fill, http, f"{repository}/{path}", part, size, progress)
        except (_BrokenOffError, _NotHereError) as error:
            problems.append(f"{without_secrets(repository)}: {error}")
        else:
            return
    raise CheckerError(
        f"{path} could not be downloaded ({'; '.join(problems)})",
        hint=f"check the network, or name a mirror in the environment variable {MIRROR}",
    )


def _fill(http: Session, url: str, part: Path, size: int, progress: Progress) -> None:
    import requests

    have = part.stat().st_size if part.exists() else 0
    if have == size:
        return
    try:
        with http.get(
            url, headers={"Range": f"bytes={have}-"} if have else {}, timeout=_TIMEOUT_S, stream=True
        ) as response:
            status = response.status_code
            if status in _RETRY:
                raise _BrokenOffError(f"HTTP {status}")
            if status not in {200, 206, 416}:
                raise _NotHereError("not there" if status == 404 else f"HTTP {status}")
            resumes = status == 206 and response.headers.get("Content-Range", "").startswith(f"bytes {have}-")
            if have and not resumes:
                part.unlink()
                progress.add(-have)
            if status == 416 or (status == 206 and not resumes):
                raise _BrokenOffError("another range was sent than the one that was asked for")
            with part.open("ab") as file:
                for piece in response.iter_content(_PIECE):
                    progress.add(file.write(piece))
                    if file.tell() > size:
                        raise _NotHereError(f"more than {size} bytes were sent")
    except requests.RequestException as error:
        from fhir_case.http.errors import failed_download

        raise _BrokenOffError(failed_download(error)) from error
    if part.stat().st_size < size:
        raise _BrokenOffError("the connection broke off")

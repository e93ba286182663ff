"""Download one file of known size, going on where an earlier try broke off."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from fhir_case.errors import CheckerError
from fhir_case.java.repositories import MIRROR, without_secrets

if TYPE_CHECKING:
    from pathlib import Path

    from requests import Response, Session

__all__ = ["Download", "download", "session"]

_TIMEOUT_S = (10, 30)  # to connect, between two pieces
_PIECE = 1 << 16
_TRIES = 4
_AGAIN = frozenset({408, 425, 429, 500, 502, 503, 504})

Download = Callable[[int], None]
"""Is told the bytes that came, or a negative number when some had to be given up; may raise to break off."""


class _BrokenOffError(Exception):
    """The same request may succeed at the next try."""


class _NotHereError(Exception):
    """This repository does not have the file or does not give it out."""


def session(connections: int) -> Session:
    """Return a session that keeps so many connections open; proxies and certificates come from the environment."""
    import requests
    from requests.adapters import HTTPAdapter

    new = requests.Session()
    adapter = HTTPAdapter(pool_connections=connections, pool_maxsize=connections)
    new.mount("https://", adapter)
    new.mount("http://", adapter)
    new.headers["Accept-Encoding"] = "identity"  # sizes and ranges are those of the file
    return new


def download(
    http: Session,
    repositories: Iterable[str],
    path: str,
    part: Path,
    *,
    size: int,
    told: Download,
    pause_s: float = 0.5,
) -> None:
    """
    Fill ``part`` up to ``size`` bytes from the first repository that has the file.

    Args:
        http: From `session`.
        repositories: Base URLs, asked in this order.
        path: The path of the file in a repository.
        part: The file to fill; what is in it already is kept and gone on from.
        size: The bytes that the file has when whole.
        told: Is called with each number of bytes.
        pause_s: The pause after the first failed try in seconds; it doubles.

    Raises:
        CheckerError: No repository has it, none could be reached, or it is of another size.
        OSError: The disk is full, or the file cannot be written.
    """
    from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_exponential

    problems = []
    for repository in repositories:
        url = f"{repository}/{path}"
        tries = Retrying(
            retry=retry_if_exception_type(_BrokenOffError),
            stop=stop_after_attempt(_TRIES),
            wait=wait_exponential(multiplier=pause_s, max=8),
            reraise=True,
        )
        try:
            tries(_once, http, url, part, size, told)
        except (_BrokenOffError, _NotHereError) as error:
            problems.append(f"{without_secrets(repository)}: {error}")
        else:
            return
    raise CheckerError(
        f"{path} could not be downloaded ({'; '.join(problems)})",
        hint=f"check the network, or name a mirror in the environment variable {MIRROR}",
    )


def _once(http: Session, url: str, part: Path, size: int, told: Download) -> None:
    import requests

    have = part.stat().st_size if part.exists() else 0
    if have > size:
        part.unlink()
        told(-have)
        have = 0
    if have == size:
        return
    headers = {"Range": f"bytes={have}-"} if have else {}
    try:
        with http.get(url, headers=headers, timeout=_TIMEOUT_S, stream=True) as response:
            go_on = _goes_on(response, have)
            if have and not go_on:
                part.unlink()
                told(-have)
                have = 0
            if response.status_code not in {200, 206}:
                raise _BrokenOffError("a part was asked for, and another was sent")
            _write(response, part, size, told)
    except requests.RequestException as error:
        raise _BrokenOffError(_in_words(error)) from error
    if part.stat().st_size < size:
        raise _BrokenOffError("the connection broke off")


def _goes_on(response: Response, have: int) -> bool:
    """Whether the answer begins where our part ends; if not, what we have is of no use."""
    status = response.status_code
    if status in _AGAIN:
        raise _BrokenOffError(f"HTTP {status}")
    if status not in {200, 206, 416}:
        raise _NotHereError("not there" if status == 404 else f"HTTP {status}")
    return status == 206 and response.headers.get("Content-Range", "").startswith(f"bytes {have}-")


def _write(response: Response, part: Path, size: int, told: Download) -> None:
    with part.open("ab") as file:
        for piece in response.iter_content(_PIECE):
            file.write(piece)
            told(len(piece))
            if file.tell() > size:
                raise _NotHereError(f"more than {size} bytes were sent")


def _in_words(error: Exception) -> str:
    import requests

    if isinstance(error, requests.exceptions.SSLError):
        return "the certificate was not accepted"
    if isinstance(error, requests.exceptions.ProxyError):
        return "the proxy could not be used"
    if isinstance(error, requests.Timeout):
        return "no answer in time"
    if isinstance(error, requests.ConnectionError):
        return "no connection"
    return type(error).__name__

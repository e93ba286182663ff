"""
Sign requests: by user and password, by a token, or by a token that has to be fetched and renewed.

Tokens of a token endpoint come from `fhir_case.server.auth.oauth2`.
"""

from __future__ import annotations

import os
from base64 import b64encode
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Lock, local
from typing import TYPE_CHECKING

from fhir_case.bounded import read_bounded
from fhir_case.errors import FhirCaseError, ServerError
from fhir_case.http.address import host_of
from fhir_case.server.redaction import hide, secrets_of

if TYPE_CHECKING:
    from collections.abc import Callable

    import requests

__all__ = ["Authenticator", "Signature", "basic", "bearer", "bearer_file", "bearer_signature", "of_netrc"]

_MOST_BYTES = 1_000_000


@dataclass(frozen=True, slots=True, repr=False)
class Signature:
    """
    The signature of a request. It is a secret, so its repr does not show it.

    Args:
        header: The value of the header Authorization.
        renew_at: When to get a new one, in seconds of the clock; None: not before a server refuses it.
    """

    header: str
    renew_at: float | None = None


class Authenticator:
    """
    What signs requests, for any number of threads; requests takes it as ``auth``.

    One thread gets a signature that is missing or old, the others wait for it. When it fails, it fails for all that
    waited.

    Args:
        obtain: Returns a signature; raises ServerError or RejectedError where it cannot.
        clock: Returns the time in seconds.
    """

    def __init__(self, obtain: Callable[[], Signature], *, clock: Callable[[], float]) -> None:
        self._obtain = obtain
        self._clock = clock
        self._lock = Lock()
        self._signature: Signature | None = None
        self._failures = 0
        self._failure: FhirCaseError | None = None
        self._used = local()

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """
        Sign a request.

        Raises:
            ServerError: The token endpoint was not reached, or is overloaded.
            RejectedError: The token endpoint refused.
        """
        failures = self._failures
        with self._lock:
            signature = self._signature
            if signature is None or (signature.renew_at is not None and self._clock() >= signature.renew_at):
                signature = self._renewed(failures)
        self._used.header = request.headers["Authorization"] = signature.header
        return request

    def renew(self) -> bool:
        """
        Whether, after a 401, there is another signature now, so that the request may be sent again.

        It belongs to the request that the calling thread signed last: when another thread has renewed the signature
        since, that one is taken.

        Raises:
            ServerError: The token endpoint was not reached, or is overloaded.
            RejectedError: The token endpoint refused.
        """
        failures = self._failures
        used = getattr(self._used, "header", "")
        with self._lock:
            if self._signature is not None and self._signature.header != used:
                return True
            return self._renewed(failures).header != used

    def _renewed(self, failures: int) -> Signature:
        if self._failure is not None and self._failures != failures:
            raise self._failure
        try:
            self._signature = self._obtain()
            hide(*secrets_of({"Authorization": self._signature.header}, ()))
        except FhirCaseError as error:
            self._failures += 1
            self._failure = error
            raise
        return self._signature


def basic(user: str, password: str, *, clock: Callable[[], float]) -> Authenticator:
    """
    Sign by user and password.

    Source: https://www.rfc-editor.org/rfc/rfc7617

    Raises:
        ServerError: The user name has a colon, which Basic cannot express.
    """
    if ":" in user:
        raise ServerError("a user name for basic authentication has no colon", hint="check the user name")
    signature = Signature("Basic " + b64encode(f"{user}:{password}".encode()).decode())
    return Authenticator(lambda: signature, clock=clock)


def of_netrc(base_url: str) -> tuple[str, str]:
    """
    Return user and password that ``~/.netrc``, or the file of the environment variable NETRC, has for a server.

    Raises:
        ServerError: It has none.
        FhirCaseError: The file does not end, or is none.
    """
    from requests.utils import NETRC_FILES, get_netrc_auth

    named = os.environ.get("NETRC")
    for name in (named,) if named else [f"~/{each}" for each in NETRC_FILES]:
        with suppress(OSError, RuntimeError):  # no such file, or no home: then requests finds none either
            read_bounded(Path(name).expanduser(), _MOST_BYTES)
    found = get_netrc_auth(base_url)
    if found is None:
        raise ServerError(
            f"~/.netrc has no entry for {host_of(base_url)}",
            hint="add one, name another file by the environment variable NETRC, or sign in by another method",
        )
    return found


def bearer(token: str, *, clock: Callable[[], float]) -> Authenticator:
    """
    Sign by a token that stays as it is.

    Raises:
        ServerError: It cannot be a token.
    """
    signature = bearer_signature(token)
    return Authenticator(lambda: signature, clock=clock)


def bearer_file(file: Path, *, clock: Callable[[], float]) -> Authenticator:
    """
    Sign by the token in a file, which is read again when a server refuses it: another program may keep it fresh.

    The file is read when the first request is signed. Then it raises ServerError where it cannot be read.
    """

    def obtain() -> Signature:
        try:
            token = read_bounded(file, _MOST_BYTES).decode()
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is not a text"
            raise ServerError(f"the token cannot be read: {reason}", where=str(file), hint="check the file") from None
        return bearer_signature(token.strip(), where=str(file))

    return Authenticator(obtain, clock=clock)


def bearer_signature(token: str, *, where: str = "", renew_at: float | None = None) -> Signature:
    """
    Return the signature of a bearer token.

    Args:
        where: Where the token is from, for an error.

    Source: https://www.rfc-editor.org/rfc/rfc6750#section-2.1

    Raises:
        ServerError: It cannot be a token: it is empty, or has characters that a header cannot carry.
    """
    if not token or not token.isascii() or not token.isprintable() or " " in token:
        raise ServerError("there is no bearer token", where=where, hint="a token is one word of ASCII characters")
    return Signature(f"Bearer {token}", renew_at)

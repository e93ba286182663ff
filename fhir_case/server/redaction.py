"""Keep our own credentials out of messages, where a server repeats them."""

from __future__ import annotations

import json
from base64 import b64decode
from html import escape
from typing import TYPE_CHECKING
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

__all__ = ["secrets_of", "without_secrets"]

_SHORTEST = 4  # what is shorter is not a secret, and is in any text
_INSTEAD = "***"


def secrets_of(headers: Mapping[str, str | bytes], names: Iterable[str]) -> tuple[str, ...]:
    """
    Return what must not be shown of the headers of a request: of basic authentication also the password itself.

    Args:
        headers: The headers, whose names are case-insensitive.
        names: Those that are secret, beside Authorization.
    """
    found = {_text(headers.get(name, "")) for name in ("Authorization", *names)}
    for value in tuple(found):
        scheme, _, credentials = value.partition(" ")
        if credentials:
            found.add(credentials)
        if scheme == "Basic":
            found |= set(_basic(credentials))
    return tuple(sorted((each for each in found if len(each) >= _SHORTEST), key=len, reverse=True))


def _text(value: str | bytes) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else value


def _basic(credentials: str) -> Iterator[str]:
    try:
        plain = b64decode(credentials, validate=True).decode()
    except ValueError:
        return
    yield plain
    yield plain.partition(":")[2]


def without_secrets(text: str, secrets: Iterable[str]) -> str:
    """Return a text in which stars stand for secrets, also as JSON, HTML or a URL writes them."""
    for secret in secrets:
        for form in dict.fromkeys((secret, json.dumps(secret)[1:-1], escape(secret), quote(secret, safe=""))):
            text = text.replace(form, _INSTEAD)
    return text

"""
Keep our own credentials out of what is shown: a server may repeat them anywhere.

Secrets come in at many places (sign-in, headers, proxies, token endpoints), and text goes out at others that know
nothing of them. So each place where one comes in names it once, by `hide`, for the whole process; what goes out is
passed through `without_secrets` (a text) or `redacted` (a value, before it is cut or laid out).

A secret of eight characters or more is hidden wherever it stands. A shorter one may be a part of any word: it is hidden
where it stands alone, between characters that are neither letters nor digits; one of less than four is not hidden.
"""

from __future__ import annotations

import re
from threading import Lock
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

__all__ = [
    "forget_secrets",
    "hide",
    "hide_basic",
    "hide_proxies",
    "hide_query",
    "hide_sent",
    "holds_secret",
    "redacted",
    "secrets_of",
    "without_secrets",
]

_SHORTEST = 4
_HIDDEN_ANYWHERE = 8
_MAX_COOKIES = 500  # a server may set others in each answer; what is our own is always hidden
_INSTEAD = "***"
_CREDENTIAL_HEADERS = ("Authorization", "Proxy-Authorization", "Cookie")
_PROXY = re.compile(r"(?:all|https?|ftp|socks)_proxy", re.IGNORECASE)
# Words of ours, by which reports look something up; no field of a server has these names.
_OUR_WORDS = frozenset({"direction", "kind", "level", "severity", "state", "verdict"})

_Form = tuple[str, "re.Pattern[str] | None"]


class _Known:
    """The secrets of this process, and the forms in which a text may hold each."""

    def __init__(self) -> None:
        self._lock = Lock()
        self.secrets: frozenset[str] = frozenset()
        self.forms: tuple[_Form, ...] = ()
        self._cookies = 0

    def add(self, secrets: Iterable[str], *, cookies: bool = False) -> None:
        """Add secrets; what is too short for one is not, nor are cookies without end."""
        new = {each for each in secrets if len(each) >= _SHORTEST} - self.secrets
        if new and not (cookies and self._cookies >= _MAX_COOKIES):
            with self._lock:
                self._cookies += len(new) if cookies else 0
                self.secrets |= new
                self.forms = _longest_first({**dict(self.forms), **_forms(new)})

    def clear(self) -> None:
        """Forget all."""
        with self._lock:
            self.secrets, self.forms, self._cookies = frozenset(), (), 0


_known = _Known()


def hide(*secrets: str) -> None:
    """Let no text that leaves this process show these."""
    _known.add(secrets)


def hide_sent(headers: Mapping[str, str | bytes], names: Iterable[str] = ()) -> tuple[str, ...]:
    """Hide what must not be shown of the headers of a request, and return it, see `secrets_of`."""
    secrets = secrets_of(headers, names)
    cookies = {*_cookies(_text(headers.get("Cookie", "")))}
    _known.add(set(secrets) - cookies)
    _known.add(cookies, cookies=True)
    return secrets


def hide_basic(user: str, password: str) -> None:
    """Hide a password, and what basic authentication makes of it and the user name."""
    both = f"{user}:{password}"
    hide(password, both, *_encoded(both))


def hide_proxies(environment: Mapping[str, str]) -> None:
    """Hide the credentials of the proxies that the environment names, also as the header that is made of them."""
    from urllib.parse import unquote, urlsplit

    for name, address in environment.items():
        if _PROXY.fullmatch(name) and "@" in address:
            try:
                parts = urlsplit(address if "//" in address else f"//{address}")
                user, password = parts.username or "", parts.password or ""
            except ValueError:
                continue
            hide(password)
            hide_basic(unquote(user), unquote(password))


def hide_query(url: str) -> None:
    """Hide the values of the query of a URL, such as an API key."""
    from urllib.parse import parse_qsl, urlsplit

    hide(*(value for _, value in parse_qsl(urlsplit(url).query)))


def forget_secrets() -> None:
    """Forget all secrets: one command ends, and another begins in the same process."""
    _known.clear()


def secrets_of(headers: Mapping[str, str | bytes], names: Iterable[str]) -> tuple[str, ...]:
    """
    Return what must not be shown of the headers of a request, the longest first.

    Of basic authentication that is also the password itself, and of cookies the value of each.

    Args:
        headers: The headers, whose names are case-insensitive.
        names: Those that are secret, beside those that carry credentials.
    """
    found = set()
    for name in (*_CREDENTIAL_HEADERS, *names):
        value = _text(headers.get(name, ""))
        if value:
            found |= {value, *_parts(name, value)}
    return tuple(sorted((each for each in found if len(each) >= _SHORTEST), key=len, reverse=True))


def _cookies(header: str) -> Iterator[str]:
    """Return a header with cookies, and the value of each."""
    yield header
    for cookie in header.split(";"):
        yield cookie.partition("=")[2].strip().strip('"')


def _parts(name: str, value: str) -> Iterator[str]:
    if name.lower() == "cookie":
        yield from _cookies(value)
        return
    scheme, _, credentials = value.partition(" ")
    yield credentials
    if scheme.lower() == "basic":
        from base64 import b64decode

        try:
            plain = b64decode(credentials, validate=True).decode()
        except ValueError:
            return
        yield plain
        yield plain.partition(":")[2]


def _text(value: str | bytes) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else value


def without_secrets(text: str, secrets: Iterable[str] = ()) -> str:
    """
    Return a text in which stars stand for secrets, also as JSON, HTML, a URL or base64 writes them.

    Args:
        secrets: Further ones, beside those of the process.
    """
    further = {each for each in secrets if len(each) >= _SHORTEST} - _known.secrets
    forms = _longest_first({**dict(_known.forms), **_forms(further)}) if further else _known.forms
    for form, word in forms:
        if form in text:
            text = text.replace(form, _INSTEAD) if word is None else word.sub(_INSTEAD, text)
    if not forms:
        return text
    from fhir_case.server.escaped import without_escaped

    return without_escaped(text, forms, _INSTEAD)


def holds_secret(text: str) -> bool:
    """Whether a text that is read again, such as a version, holds a secret that is hidden wherever it stands."""
    return any(word is None and form in text for form, word in _known.forms)


def redacted(value: Any) -> Any:
    """Return a value, with all that it holds, in which stars stand for the secrets of the process in its texts."""
    return _redacted(value) if _known.forms else value


def _redacted(value: Any) -> Any:
    from dataclasses import fields, is_dataclass, replace

    if isinstance(value, str):
        return without_secrets(value)
    if isinstance(value, dict):
        return {_redacted(name): _redacted(inner) for name, inner in value.items()}
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return type(value)(*map(_redacted, value))
    if isinstance(value, list | tuple):
        return type(value)(map(_redacted, value))
    if is_dataclass(value) and not isinstance(value, type):
        held = {each.name: getattr(value, each.name) for each in fields(value) if each.init}
        return replace(value, **{name: _redacted(inner) for name, inner in held.items() if name not in _OUR_WORDS})
    return value


def _longest_first(forms: dict[str, re.Pattern[str] | None]) -> tuple[_Form, ...]:
    return tuple(sorted(forms.items(), key=lambda each: len(each[0]), reverse=True))


def _forms(secrets: Iterable[str]) -> dict[str, re.Pattern[str] | None]:
    """Return the forms of secrets; with a pattern where only a whole word is meant."""
    forms: dict[str, re.Pattern[str] | None] = {}
    for secret in secrets:
        if len(secret) >= _HIDDEN_ANYWHERE:
            forms |= dict.fromkeys((*_written(secret), *_encoded(secret)))
            continue
        for form in _written(secret):
            forms.setdefault(form, re.compile(rf"(?<![^\W_]){re.escape(form)}(?![^\W_])"))
    return forms


def _written(secret: str) -> set[str]:
    """Return a secret as JSON, HTML, XML and URLs write it, also where they write every character by its code."""
    import json
    from html import escape
    from urllib.parse import quote, quote_plus

    ascii_json, plain_json = (json.dumps(secret, ensure_ascii=only)[1:-1] for only in (True, False))
    escaped = {secret, ascii_json, plain_json, json.dumps(ascii_json)[1:-1], plain_json.replace("/", r"\/")}
    escaped |= {escape(secret), escape(secret, quote=False)}
    for quotation in ("&quot;", "&#34;"):
        for apostrophe in ("&#39;", "&apos;"):
            escaped.add(escape(secret).replace("&quot;", quotation).replace("&#x27;", apostrophe))
    data = secret.encode(errors="surrogatepass")
    urls = {quote(data, safe=safe) for safe in ("", "/", "~()*!'", ":/?#[]@!$&'()*+,;=~")}
    urls |= {quote_plus(data), "".join(f"%{byte:02X}" for byte in data)}
    urls |= {quote(url, safe="") for url in urls}
    lower = {re.sub("%[0-9A-F]{2}", lambda code: code[0].lower(), url) for url in urls}
    for code in (r"\u{:04x}", r"\u{:04X}", "&#{:d};", "&#x{:x};", "&#x{:X};"):
        escaped.add("".join(code.format(ord(character)) for character in secret))
    return escaped | urls | lower


def _encoded(secret: str) -> set[str]:
    """Return what base64 makes of a secret, alone and inside of another text: of that the characters of it alone."""
    from base64 import b64encode

    data = secret.encode(errors="surrogatepass")
    found = {b64encode(data).decode().rstrip("=")}
    for before in range(3):
        # The characters at either end also tell of the neighbours of the secret.
        begin, end = -(-8 * before // 6), 8 * (before + len(data)) // 6
        found.add(b64encode(bytes(before) + data + b"\0\0").decode()[begin:end])
    found |= {each.replace("+", "-").replace("/", "_") for each in found}
    found |= {each.replace("+", "%2B").replace("/", "%2F") for each in found}
    return {each for each in found if len(each) >= _HIDDEN_ANYWHERE}

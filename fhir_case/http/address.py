"""Where a URL leads: its origin, and whether that is this machine."""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import unquote, urlsplit

__all__ = ["host_of", "is_below", "is_loopback", "is_plain_address", "origin"]

_DEFAULT_PORTS = {"http": 80, "https": 443}


def origin(url: str) -> tuple[str, str, int | None]:
    """
    Return scheme, host and port of a URL; two URLs with the same three lead to the same server.

    Source: https://www.rfc-editor.org/rfc/rfc6454#section-4
    """
    parts = urlsplit(url)
    return parts.scheme, host_of(url), parts.port or _DEFAULT_PORTS.get(parts.scheme)


def is_loopback(url: str) -> bool:
    """Whether a URL leads to this machine, so that nothing of it goes over a network."""
    host = host_of(url)
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def is_plain_address(url: str) -> bool:
    """Whether this is a URL of http or https with nothing that may be a secret: user, password, query or fragment."""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return False
    named = parts.scheme in ("http", "https") and bool(parts.hostname)
    return named and not re.search(r"[\s\x00-\x1f\x7f?#\\]", url) and "@" not in parts.netloc


def is_below(url: str, base_url: str) -> bool:
    """
    Whether a URL is a base URL or an address below it: on the same server, and no step of its path leads up again.

    Args:
        url: Any text.
    """
    try:
        found, base = urlsplit(url), urlsplit(base_url)
        if "@" in found.netloc or "\\" in url or origin(url) != origin(base_url):
            return False
    except ValueError:
        return False
    above = base.path.rstrip("/")
    below = found.path.removeprefix(above)
    inside = found.path.startswith(above) and below[:1] in ("", "/")
    return inside and not any(unquote(step) in (".", "..") for step in below.split("/"))


def host_of(url: str) -> str:
    """Return the host of a URL, without a dot at its end; empty without one."""
    return (urlsplit(url).hostname or "").rstrip(".")

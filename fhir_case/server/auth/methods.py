"""The sign-in methods of options and ``servers.toml``: the settings that each one takes."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["METHODS", "Setting", "is_header_name", "missing", "variable"]

_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")


@dataclass(frozen=True, slots=True)
class Setting:
    """
    One setting of a sign-in method.

    Args:
        name: Its name in ``servers.toml``.
        needed: Whether it is required.
        secret: Whether it must not stand in a file in plain text.
        instead: The setting that may take its place.
        example: An example of its value.
    """

    name: str
    needed: bool = True
    secret: bool = False
    instead: str = ""
    example: str = ""


_CLIENT = Setting("client_id")
_SCOPES = "system/*.cruds (SMART 2) or system/*.* (SMART 1)"

METHODS: Mapping[str, tuple[Setting, ...]] = {
    "none": (),
    "basic": (Setting("user"), Setting("password", secret=True)),
    "bearer": (Setting("token", secret=True, instead="token_file"), Setting("token_file", needed=False)),
    "netrc": (),
    "oauth2": (
        _CLIENT,
        Setting("client_secret", secret=True),
        Setting("token_url"),
        Setting("scope", needed=False),
    ),
    "smart": (
        _CLIENT,
        Setting("private_key_file"),
        Setting("scope", example=_SCOPES),
        Setting("key_id", needed=False),
        Setting("token_url", needed=False),
    ),
}
"""The settings of each sign-in method."""


def variable(setting: str) -> str:
    """Return the environment variable that holds a setting where no ``servers.toml`` does."""
    return f"FHIR_CASE_{setting.upper()}"


def missing(kind: str, values: Mapping[str, str]) -> tuple[Setting, ...]:
    """Return the settings that a sign-in method needs and that are absent or empty."""
    return tuple(
        each for each in METHODS[kind] if each.needed and not values.get(each.name) and not values.get(each.instead)
    )


def is_header_name(text: str) -> bool:
    """Whether a header may have this name."""
    return _HEADER_NAME.fullmatch(text) is not None

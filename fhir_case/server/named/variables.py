"""``${NAME}`` in a text: the value of an environment variable, so that no secret stands in a file."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, TypeVar

from fhir_case.errors import FhirCaseError

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Mapping

__all__ = ["SECRET", "filled", "has_fault", "named_in"]

SECRET = "write ${NAME}, and put it into the environment variable NAME"  # noqa: S105  # advice, no secret
"""What to do with a secret."""

Key = TypeVar("Key", bound="Hashable")

_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")


def named_in(texts: Iterable[str]) -> tuple[str, ...]:
    """Return the names of the variables in some texts, each once."""
    return tuple(dict.fromkeys(name for text in texts for name in _VARIABLE.findall(text)))


def has_fault(text: str) -> bool:
    """Whether a text has a ``${`` that does not begin a variable."""
    return "${" in _VARIABLE.sub("", text)


def filled(texts: Mapping[Key, str], environment: Mapping[str, str], *, where: str) -> dict[Key, str]:
    """
    Replace variables by their values.

    Args:
        where: The server, for an error.

    Raises:
        FhirCaseError: A variable is not set, or is empty. All of them are named, and no value is.
    """
    unset = [name for name in named_in(texts.values()) if not environment.get(name)]
    if unset:
        several = len(unset) > 1
        raise FhirCaseError(
            f"the environment variable{'s' if several else ''} {', '.join(unset)} {'are' if several else 'is'} not set",
            where=where,
            hint=f"set {'them' if several else 'it'}, or correct the name in the file",
        )
    return {key: _VARIABLE.sub(lambda found: environment[found[1]].strip("\r\n"), text) for key, text in texts.items()}

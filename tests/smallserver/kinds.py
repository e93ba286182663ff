"""The resource types of the server, and their search parameters; the table is search_parameters.toml."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .behaviour import Behaviour

__all__ = ["KINDS", "MANDATORY", "NAMES", "Parameter", "parameter", "parameters"]


@dataclass(frozen=True, slots=True)
class Parameter:
    """
    Describe one search parameter.

    Args:
        name: As it stands in a URL.
        type: ``token``, ``string``, ``date``, ``reference``, ``quantity``, ``uri`` or ``composite``.
        paths: The elements that are searched; of a composite, where its components are.
        targets: Of a reference, the types that are meant; empty when all are.
        system: Of a token, the system that plain codes are of.
        components: Of a composite, its parts.
    """

    name: str
    type: str
    paths: tuple[str, ...]
    targets: tuple[str, ...] = ()
    system: str = ""
    components: tuple[Parameter, ...] = ()


_OF_ALL = {
    "_id": "token id",
    "_lastUpdated": "date meta.lastUpdated",
    "_profile": "uri meta.profile",
    "_security": "token meta.security",
    "_source": "uri meta.source",
    "_tag": "token meta.tag",
}


def _read(name: str, line: str) -> Parameter:
    kind, *words = line.split()
    components = [word.partition(":") for word in words if ":" in word and word[0] not in "@>"]
    return Parameter(
        name,
        kind,
        paths=tuple(word for word in words if ":" not in word and word[0] not in "@>"),
        targets=tuple(each for word in words if word[0] == ">" for each in word[1:].split(",")),
        system=next((word[1:] for word in words if word[0] == "@"), ""),
        components=tuple(Parameter(name, inner, (path,)) for path, _, inner in components),
    )


_TABLE = tomllib.loads((Path(__file__).parent / "search_parameters.toml").read_text("utf-8"))
KINDS = tuple(_TABLE)
MANDATORY = {kind: tuple(lines.pop("mandatory")) for kind, lines in _TABLE.items()}
_PARAMETERS = {
    kind: {name: _read(name, line) for name, line in (_OF_ALL | lines).items()} for kind, lines in _TABLE.items()
}
_UNLISTED = {name: _read(name, line) for name, line in {**_OF_ALL, "identifier": "token identifier"}.items()}
NAMES = frozenset(name for lines in _PARAMETERS.values() for name in lines)


def parameters(kind: str, behaviour: Behaviour) -> list[Parameter]:
    """Return the search parameters of a type that a server has."""
    return [
        each
        for each in _PARAMETERS.get(kind, _UNLISTED).values()
        if f"search-{each.name}" not in behaviour.without and (each.type != "composite" or behaviour.can("composite"))
    ]


def parameter(kind: str, name: str, behaviour: Behaviour) -> Parameter | None:
    """Return the search parameter of a type with a name; None when the server has none."""
    return next((each for each in parameters(kind, behaviour) if each.name == name), None)

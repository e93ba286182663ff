"""A phenopacket as its schema has it: each part gives its values, and what no one asks for is known in the end."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fhir_case.case.node import Node, Place

__all__ = ["At", "Loss", "Packet", "Part", "fields_of", "given_name", "snake_case"]

Field = dict[str, Any]


@cache
def _schema() -> dict[str, dict[str, Field]]:
    file = files("fhir_case.readers.phenopacket").joinpath("schema.json")
    found: dict[str, dict[str, Field]] = json.loads(file.read_text("utf-8"))
    return found


def fields_of(message: str) -> dict[str, Field]:
    """Return the fields of a message of the schema, by their names in JSON."""
    return _schema()[message]


def snake_case(name: str) -> str:
    """Return a name as the definition of the schema has it, which JSON and YAML may use too."""
    return "".join(f"_{one.lower()}" if one.isupper() else one for one in name)


def given_name(name: str, message: str) -> str:
    """Return the field of a message that a key of a file stands for; empty where there is none."""
    known = fields_of(message)
    return name if name in known else next((one for one in known if snake_case(one) == name), "")


@dataclass(frozen=True, slots=True)
class At:
    """
    A value of a case with the place in the packet that it comes from.

    Args:
        value: A plain value, a list or a mapping; inside of it further ones may have places of their own.
    """

    place: Place
    value: Any


@dataclass(frozen=True, slots=True)
class Loss:
    """Something that the packet says and the case does not: where, what, why."""

    place: Place
    what: str
    why: str


@dataclass(slots=True)
class Packet:
    """
    What is known of a packet while it is read.

    Args:
        used: The identities of the values that were asked for.
        losses: What is known not to be carried over.
    """

    used: set[int] = field(default_factory=set)
    losses: list[Loss] = field(default_factory=list)

    def lose(self, place: Place, what: str, why: str) -> None:
        """Remember that something is not carried over."""
        self.losses.append(Loss(place, what, why))

    def unused(self, node: Node, path: str = "") -> Iterator[Loss]:
        """Return the values that nobody asked for."""
        stack = [(node, path)]
        while stack:
            one, where = stack.pop()
            stack += [(inner, f"{where}.{name}".lstrip(".")) for name, (_, inner) in one.pairs.items()]
            stack += [(inner, f"{where}[{number}]") for number, inner in enumerate(one.items)]
            plain = not one.pairs and not one.items and one.data not in (None, "", [], {})
            if plain and id(one) not in self.used:
                yield Loss(one.place, f"{where}: {str(one.data)[:80]}", "a case has no place for it")


class Part:
    """
    One message of a packet.

    Args:
        node: Its values with their places.
        message: Its name in the schema.
        path: The way to it from the top of the packet.
    """

    def __init__(self, packet: Packet, node: Node, message: str, path: str) -> None:
        self.packet = packet
        self.node = node
        self.path = path
        self._message = message
        self._values = {given_name(name, message): value for name, (_, value) in node.pairs.items()}

    @property
    def place(self) -> Place:
        """Return where it begins."""
        return self.node.place

    def __contains__(self, name: str) -> bool:
        node = self._values.get(name)
        return node is not None and node.data is not None

    def node_of(self, name: str) -> Node | None:
        """Return a value with its place; it counts as used."""
        node = self._values.get(name)
        if node is None or node.data is None:
            return None
        self.packet.used.add(id(node))
        return node

    def text(self, name: str) -> str:
        """Return a text or the name of an enumeration; empty where there is none."""
        node = self.node_of(name)
        return "" if node is None else str(node.data).strip()

    def number(self, name: str) -> Decimal | None:
        """Return a number; nothing where there is none."""
        node = self.node_of(name)
        return None if node is None else Decimal(str(node.data))

    def flag(self, name: str) -> bool:
        """Return whether something is so; not where nothing says it."""
        node = self.node_of(name)
        return node is not None and node.data is True

    def place_of(self, name: str) -> Place:
        """Return where a value stands, else where the part begins."""
        node = self._values.get(name)
        return node.place if node is not None else self.place

    def part(self, name: str) -> Part | None:
        """Return a part of it; nothing where there is none."""
        node = self.node_of(name)
        return None if node is None else self._inner(node, name, name)

    def parts(self, name: str) -> list[Part]:
        """Return the parts of a list."""
        node = self.node_of(name)
        items = node.items if node is not None else ()
        return [self._inner(one, name, f"{name}[{number}]") for number, one in enumerate(items)]

    def texts(self, name: str) -> list[str]:
        """Return the texts of a list."""
        node = self.node_of(name)
        items = node.items if node is not None else ()
        self.packet.used.update(id(one) for one in items)
        return [str(one.data).strip() for one in items if str(one.data).strip()]

    def pairs(self, name: str) -> dict[str, str]:
        """Return a map of texts."""
        node = self.node_of(name)
        pairs = node.pairs if node is not None else {}
        self.packet.used.update(id(one) for _, one in pairs.values())
        return {key: str(one.data) for key, (_, one) in pairs.items()}

    def whole(self, name: str) -> str:
        """Return all of a value as JSON, whatever it is."""
        node = self.node_of(name)
        if node is None:
            return ""
        stack = [node]
        while stack:
            one = stack.pop()
            self.packet.used.add(id(one))
            stack += [*one.items, *(inner for _, inner in one.pairs.values())]
        return json.dumps(node.data, default=_number, ensure_ascii=False)

    def _inner(self, node: Node, name: str, step: str) -> Part:
        kind = fields_of(self._message)[name]["kind"]
        return Part(self.packet, node, kind, f"{self.path}.{step}".lstrip("."))


def _number(value: Any) -> Any:
    return int(value) if value == int(value) else float(value)

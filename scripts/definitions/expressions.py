"""Read the tree of a FHIRPath expression, as the parser of fhirpathpy makes it."""

from __future__ import annotations

from typing import Any

__all__ = [
    "Node",
    "UntranslatableError",
    "arguments_of",
    "literal_of",
    "literals_of",
    "name_of",
    "text_of",
    "unwrapped",
]

Node = dict[str, Any]


class UntranslatableError(Exception):
    """What an expression asks for cannot be expressed as JSON Schema, or not here."""


def unwrapped(node: Node) -> Node:
    """Return what is in parentheses."""
    while node["type"] == "TermExpression" and node["children"][0]["type"] == "ParenthesizedTerm":
        node = node["children"][0]["children"][0]
    return node


def literals_of(node: Node) -> list[Any]:
    """Return the literals of a union, or the only one."""
    node = unwrapped(node)
    if node["type"] == "UnionExpression":
        return [literal for one in node["children"] for literal in literals_of(one)]
    return [literal_of(node)]


def literal_of(node: Node) -> Any:
    """
    Return the value of a literal.

    Raises:
        UntranslatableError: It is something else.
    """
    node = unwrapped(node)
    while len(node.get("children", [])) == 1 and node["type"] in ("TermExpression", "LiteralTerm"):
        node = node["children"][0]
    kind, text = node["type"], node.get("text", "")
    if kind == "StringLiteral":
        return text[1:-1].replace("\\\\", "\\").replace("\\'", "'").replace("\\/", "/").replace('\\"', '"')
    if kind == "BooleanLiteral":
        return text == "true"
    if kind == "NumberLiteral":
        return float(text) if "." in text else int(text)
    if kind == "ExternalConstantTerm" and text == "%ucum":
        return "http://unitsofmeasure.org"
    raise UntranslatableError(f"{kind} is not a literal")


def text_of(node: Node) -> str:
    """Return the text of the first name or literal in a node."""
    while "children" in node and node["children"] and node["type"] != "Identifier":
        node = node["children"][0]
    return str(node.get("text"))


def name_of(call: Node) -> str:
    """Return the name of a function."""
    return text_of(call["children"][0])


def arguments_of(call: Node) -> list[Node]:
    """Return the arguments of a function."""
    parts = call["children"][0]["children"]
    return parts[1]["children"] if len(parts) > 1 else []

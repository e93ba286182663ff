"""
Translate invariants from FHIRPath into JSON Schema, those of them that ask no more than one element.

An expression has three values: true, false, and empty, when it asks for what is not there. So each part becomes two
schemas: that of the objects for which it is true, and that of those for which it is false. An invariant is broken by
what it is not true for.

Source: http://hl7.org/fhirpath/N1/, https://hl7.org/fhir/R4/fhirpath.html
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from fhirpathpy.parser import parse

__all__ = ["UntranslatableError", "broken_by"]

Schema = dict[str, Any]
Node = dict[str, Any]
Some = Callable[[Schema], Schema]

_ALWAYS: Schema = {}
_NEVER: Schema = {"not": {}}
_COMPARED = {">": "exclusiveMinimum", ">=": "minimum", "<": "exclusiveMaximum", "<=": "maximum"}


class UntranslatableError(Exception):
    """What an expression asks for cannot be expressed as JSON Schema, or not here."""


@dataclass(frozen=True)
class Truth:
    """When an expression is true, and when it is false."""

    true: Schema
    false: Schema

    @classmethod
    def of(cls, schema: Schema) -> Truth:
        """Return what is true for those that a schema accepts, and false for all others."""
        return cls(schema, _not(schema))


@dataclass(frozen=True)
class Items:
    """
    The elements that a path leads to.

    Args:
        some: Returns the schema of the objects in which at least one of them satisfies a schema.
        kind: The name of their definition.
        single: Whether there is at most one.
        forms: The names of a choice, when it is one.
    """

    some: Some
    kind: str
    single: bool
    forms: tuple[str, ...] = ()


def broken_by(expression: str, where: str, definitions: dict[str, Any]) -> Schema:
    """
    Return the schema of the objects that break an invariant.

    Args:
        expression: The FHIRPath of the invariant.
        where: The name of the definition that it is about.
        definitions: Those of the strict schema.

    Raises:
        UntranslatableError: It asks for more than that object and what is in it.
    """
    try:
        tree = parse(expression)["children"][0]
    except Exception as error:  # the parser raises many kinds: an expression in R5 is not right
        raise UntranslatableError("it cannot be parsed") from error
    return _not(Translation(definitions).truth(tree, Items(lambda schema: schema, where, single=True)).true)


class Translation:
    """The translation of one invariant."""

    def __init__(self, definitions: dict[str, Any]) -> None:
        self.definitions = definitions

    def truth(self, node: Node, this: Items) -> Truth:  # noqa: PLR0911 - one for each kind of expression
        """Translate an expression that is true or false."""
        node = _inner(node)
        kind, parts = node["type"], node.get("children", [])
        sign = (node.get("terminalNodeText") or [""])[0]
        if kind in ("AndExpression", "OrExpression", "ImpliesExpression"):
            return _combined(kind, sign, *(self.truth(one, this) for one in parts))
        if kind == "EqualityExpression" and sign in ("=", "!="):
            return self.equality(parts, this, equal=sign == "=")
        if kind == "InequalityExpression":
            return self.inequality(parts, sign, this)
        if kind == "MembershipExpression" and sign == "in":
            return _single_value(self.items(parts[0], this), {"enum": _literals(parts[1])})
        if kind == "TypeExpression" and sign == "is":
            return self.type_of(self.items(parts[0], this), _text(parts[1]))
        if kind == "InvocationExpression" and parts[1]["type"] == "FunctionInvocation":
            return self.function(parts[0], parts[1], this)
        if kind == "TermExpression" and parts[0]["type"] == "InvocationTerm":
            call = parts[0]["children"][0]
            if call["type"] == "FunctionInvocation":
                return self.called(_name(call), _arguments(call), this)
        items = self.items(node, this)
        if items.single and items.kind == "boolean":
            return _single_value(items, {"const": True})
        raise UntranslatableError(f"{kind} {node.get('text')}")

    def function(self, receiver: Node, call: Node, this: Items) -> Truth:
        """Translate a function of what another part of the expression leads to."""
        name, arguments = _name(call), _arguments(call)
        if name == "not":
            found = self.truth(receiver, this)
            return Truth(found.false, found.true)
        return self.called(name, arguments, self.items(receiver, this))

    def called(self, name: str, arguments: list[Node], items: Items) -> Truth:
        """Translate a function of some elements."""
        if name in ("exists", "empty"):
            if arguments:
                items = self.where(items, arguments[0])
            found = Truth.of(items.some(_ALWAYS))
            return found if name == "exists" else Truth(found.false, found.true)
        if name == "all" and arguments:
            inner = Items(lambda schema: schema, items.kind, single=True)
            return Truth.of(_not(items.some(_not(self.truth(arguments[0], inner).true))))
        if name == "hasValue" and items.single:
            return Truth.of(items.some({"type": ["string", "number", "boolean"]}))
        if name in ("startsWith", "endsWith", "contains", "matches") and items.single:
            return _single_value(items, {"pattern": _pattern(name, _literal(arguments[0]))})
        raise UntranslatableError(f"{name}()")

    def equality(self, parts: list[Node], this: Items, *, equal: bool) -> Truth:
        """Translate a comparison of an element with a literal, of a count with a number, or of two truths."""
        right = _inner(parts[1])
        try:
            literal = _literal(right)
        except UntranslatableError:
            found = _same(self.truth(parts[0], this), self.truth(right, this))
        else:
            counted = self.counted(parts[0], this)
            if counted is not None:
                found = Truth.of(_counting(counted, "=", literal))
            else:
                found = _single_value(self.items(parts[0], this), {"const": literal})
        return found if equal else Truth(found.false, found.true)

    def inequality(self, parts: list[Node], sign: str, this: Items) -> Truth:
        """Translate a comparison of a number, or of a count, with a literal."""
        literal = _literal(parts[1])
        if isinstance(literal, bool) or not isinstance(literal, int | float):
            raise UntranslatableError(f"{sign} {literal}")
        counted = self.counted(parts[0], this)
        if counted is not None:
            return Truth.of(_counting(counted, sign, literal))
        return _single_value(self.items(parts[0], this), {"type": "number", _COMPARED[sign]: literal})

    def counted(self, node: Node, this: Items) -> list[tuple[Items, list[str]]] | None:
        """Return what is counted, and by which names, where an expression is a count or a sum of counts."""
        node = _inner(node)
        if node["type"] == "AdditiveExpression":
            each = [self.counted(one, this) for one in node["children"]]
            if any(one is None for one in each):
                raise UntranslatableError("a sum of other numbers")
            return [pair for one in each for pair in one or []]
        parts = node.get("children", [])
        if node["type"] != "InvocationExpression" or parts[1]["type"] != "FunctionInvocation":
            return None
        if _name(parts[1]) != "count":
            return None
        path = _inner(parts[0])
        items = self.items(path, this)
        if path["type"] != "TermExpression":
            raise UntranslatableError("the count of a path")
        name = _text(path)
        return [(items, list(items.forms) or [name])]

    def type_of(self, items: Items, kind: str) -> Truth:
        """Translate the question which form of a choice is there."""
        capital = kind.rpartition(".")[2]
        capital = capital[:1].upper() + capital[1:]
        mine = [one for one in items.forms if one.endswith(capital)]
        if len(mine) != 1:
            raise UntranslatableError(f"is {kind}")
        others = [one for one in items.forms if one != mine[0]]
        return Truth(_has(mine), _has(others))

    def where(self, items: Items, criterion: Node) -> Items:
        """Return those elements for which an expression is true."""
        wanted = self.truth(criterion, Items(lambda schema: schema, items.kind, single=True)).true
        return Items(lambda schema: items.some(_all(wanted, schema)), items.kind, items.single)

    def items(self, node: Node, this: Items) -> Items:  # noqa: PLR0911 - one for each kind of expression
        """Return the elements that a path leads to."""
        node = _inner(node)
        kind, parts = node["type"], node.get("children", [])
        if kind == "InvocationExpression":
            if _is_the_type(parts[0], this):  # Appointment.start is start
                return self.child(this, _text(parts[1]))
            before = self.items(parts[0], this)
            if parts[1]["type"] == "MemberInvocation":
                return self.child(before, _text(parts[1]))
            if _name(parts[1]) == "where":
                return self.where(before, _arguments(parts[1])[0])
            if _name(parts[1]) == "trace":
                return before
        if kind == "UnionExpression":
            found = [self.items(one, this) for one in parts]
            return Items(lambda schema: _any(*(one.some(schema) for one in found)), "", single=False)
        if kind == "TermExpression" and parts[0]["type"] == "InvocationTerm":
            member = parts[0]["children"][0]
            if member["type"] == "MemberInvocation":
                return self.child(this, _text(member))
            if member["type"] == "FunctionInvocation" and _name(member) == "where":
                return self.where(this, _arguments(member)[0])
        raise UntranslatableError(f"{kind} {node.get('text')}")

    def child(self, parent: Items, name: str) -> Items:
        """Return the elements of a name in other elements."""
        properties = self.definitions.get(parent.kind, {}).get("properties", {})
        if name not in properties:
            forms = tuple(one for one, schema in properties.items() if _is_form(one, name, schema))
            if not forms or parent.forms:
                raise UntranslatableError(f"no element {name} in {parent.kind}")
            return Items(lambda schema: parent.some(_choice(forms, schema)), "", parent.single, forms)
        schema = properties[name]
        many = "items" in schema
        reference = (schema["items"] if many else schema).get("$ref", "")
        # A bound element has a definition of its own, which names the type: CodeableConcept:condition-clinical.
        kind = reference.removeprefix("#/$defs/").partition(":")[0]

        def some(wanted: Schema) -> Schema:
            if wanted == _ALWAYS:
                return parent.some(_has([name]))
            inner = {"contains": wanted} if many else wanted
            return parent.some({"required": [name], "properties": {name: inner}})

        return Items(some, kind.rstrip("?"), parent.single and not many)


def _is_form(one: str, stem: str, schema: Schema) -> bool:
    """Whether an element is a form of a choice: it ends in its type, as valueQuantity does and valueSet does not."""
    kind = re.split(r"[:(?]", schema.get("$ref", "").removeprefix("#/$defs/"))[0]
    kind = {"SimpleQuantity": "Quantity", "MoneyQuantity": "Quantity"}.get(kind, kind)
    return bool(kind) and one == f"{stem}{kind[0].upper()}{kind[1:]}"


def _choice(forms: tuple[str, ...], wanted: Schema) -> Schema:
    if wanted == _ALWAYS:
        return _has(list(forms))
    return {"anyOf": [{"required": [one], "properties": {one: wanted}} for one in forms]}


def _single_value(items: Items, wanted: Schema) -> Truth:
    """Return when one value is as wanted; where there is none, the question has no answer."""
    if not items.single:
        raise UntranslatableError("a comparison of many values")
    return Truth(items.some(wanted), items.some(_not(wanted)))


def _counting(counted: list[tuple[Items, list[str]]], sign: str, number: Any) -> Schema:
    if len(counted) == 1:
        (items, names), least = counted[0], {">": number + 1, ">=": number}.get(sign)
        if len(names) == 1 and not items.single:
            if least is not None:
                return {"required": names, "properties": {names[0]: {"minItems": least}}}
            most = {"<": number - 1, "<=": number}.get(sign)
            if most is not None and most > 0:
                return {"properties": {names[0]: {"maxItems": most}}}
    if (sign, number) == (">", 0):
        return {"anyOf": [items.some(_ALWAYS) for items, _ in counted]}
    if (sign, number) == ("=", 1) and all(items.single for items, _ in counted):
        return {"oneOf": [items.some(_ALWAYS) for items, _ in counted]}
    raise UntranslatableError(f"a count {sign} {number}")


def _combined(kind: str, sign: str, left: Truth, right: Truth) -> Truth:
    if kind == "AndExpression":
        return Truth(_all(left.true, right.true), _any(left.false, right.false))
    if kind == "ImpliesExpression":
        return Truth(_any(left.false, right.true), _all(left.true, right.false))
    if sign == "xor":
        found = _same(left, right)
        return Truth(found.false, found.true)
    return Truth(_any(left.true, right.true), _all(left.false, right.false))


def _same(left: Truth, right: Truth) -> Truth:
    return Truth(
        _any(_all(left.true, right.true), _all(left.false, right.false)),
        _any(_all(left.true, right.false), _all(left.false, right.true)),
    )


def _all(*parts: Schema) -> Schema:
    parts = tuple(one for one in parts if one != _ALWAYS)
    return parts[0] if len(parts) == 1 else {"allOf": list(parts)} if parts else _ALWAYS


def _any(*parts: Schema) -> Schema:
    return {"anyOf": list(parts)}


def _not(schema: Schema) -> Schema:
    return schema["not"] if list(schema) == ["not"] else {"not": schema}


def _has(names: list[str]) -> Schema:
    """Require one of some elements; one that has only extensions counts."""
    return {"anyOf": [{"required": [one]} for name in names for one in (name, f"_{name}")]}


def _pattern(function: str, text: Any) -> str:
    if not isinstance(text, str):
        raise UntranslatableError(f"{function} of {text}")
    if function == "matches":
        return text
    plain = "".join(f"\\{one}" if one in r".^$*+?{}[]\|()/" else one for one in text)
    return {"startsWith": f"^{plain}", "endsWith": f"{plain}$", "contains": plain}[function]


def _inner(node: Node) -> Node:
    """Return what is in parentheses."""
    while node["type"] == "TermExpression" and node["children"][0]["type"] == "ParenthesizedTerm":
        node = node["children"][0]["children"][0]
    return node


def _literals(node: Node) -> list[Any]:
    node = _inner(node)
    if node["type"] == "UnionExpression":
        return [literal for one in node["children"] for literal in _literals(one)]
    return [_literal(node)]


def _literal(node: Node) -> Any:
    node = _inner(node)
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


def _is_the_type(node: Node, this: Items) -> bool:
    return node["type"] == "TermExpression" and _text(node) == this.kind


def _text(node: Node) -> str:
    while "children" in node and node["children"] and node["type"] != "Identifier":
        node = node["children"][0]
    return str(node.get("text"))


def _name(call: Node) -> str:
    return _text(call["children"][0])


def _arguments(call: Node) -> list[Node]:
    parts = call["children"][0]["children"]
    return parts[1]["children"] if len(parts) > 1 else []

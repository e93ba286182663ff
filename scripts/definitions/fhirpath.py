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

from .expressions import (
    Node,
    UntranslatableError,
    arguments_of,
    literal_of,
    literals_of,
    name_of,
    text_of,
    unwrapped,
)
from .truth import ALWAYS, Schema, Truth, all_of, any_of, combined, has, negated, same

__all__ = ["UntranslatableError", "broken_by"]

Some = Callable[[Schema], Schema]

_COMPARED = {">": "exclusiveMinimum", ">=": "minimum", "<": "exclusiveMaximum", "<=": "maximum"}


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
    return negated(Translation(definitions).truth(tree, Items(lambda schema: schema, where, single=True)).true)


class Translation:
    """The translation of one invariant."""

    def __init__(self, definitions: dict[str, Any]) -> None:
        self.definitions = definitions

    def truth(self, node: Node, this: Items) -> Truth:  # noqa: PLR0911 - one for each kind of expression
        """Translate an expression that is true or false."""
        node = unwrapped(node)
        kind, parts = node["type"], node.get("children", [])
        sign = (node.get("terminalNodeText") or [""])[0]
        if kind in ("AndExpression", "OrExpression", "ImpliesExpression"):
            return combined(kind, sign, *(self.truth(one, this) for one in parts))
        if kind == "EqualityExpression" and sign in ("=", "!="):
            return self.equality(parts, this, equal=sign == "=")
        if kind == "InequalityExpression":
            return self.inequality(parts, sign, this)
        if kind == "MembershipExpression" and sign == "in":
            return _single_value(self.items(parts[0], this), {"enum": literals_of(parts[1])})
        if kind == "TypeExpression" and sign == "is":
            return self.type_of(self.items(parts[0], this), text_of(parts[1]))
        if kind == "InvocationExpression" and parts[1]["type"] == "FunctionInvocation":
            return self.function(parts[0], parts[1], this)
        if kind == "TermExpression" and parts[0]["type"] == "InvocationTerm":
            call = parts[0]["children"][0]
            if call["type"] == "FunctionInvocation":
                return self.called(name_of(call), arguments_of(call), this)
        items = self.items(node, this)
        if items.single and items.kind == "boolean":
            return _single_value(items, {"const": True})
        raise UntranslatableError(f"{kind} {node.get('text')}")

    def function(self, receiver: Node, call: Node, this: Items) -> Truth:
        """Translate a function of what another part of the expression leads to."""
        name, arguments = name_of(call), arguments_of(call)
        if name == "not":
            found = self.truth(receiver, this)
            return Truth(found.false, found.true)
        return self.called(name, arguments, self.items(receiver, this))

    def called(self, name: str, arguments: list[Node], items: Items) -> Truth:
        """Translate a function of some elements."""
        if name in ("exists", "empty"):
            if arguments:
                items = self.where(items, arguments[0])
            found = Truth.of(items.some(ALWAYS))
            return found if name == "exists" else Truth(found.false, found.true)
        if name == "all" and arguments:
            inner = Items(lambda schema: schema, items.kind, single=True)
            return Truth.of(negated(items.some(negated(self.truth(arguments[0], inner).true))))
        if name == "hasValue" and items.single:
            return Truth.of(items.some({"type": ["string", "number", "boolean"]}))
        if name in ("startsWith", "endsWith", "contains", "matches") and items.single:
            return _single_value(items, {"pattern": _pattern(name, literal_of(arguments[0]))})
        raise UntranslatableError(f"{name}()")

    def equality(self, parts: list[Node], this: Items, *, equal: bool) -> Truth:
        """Translate a comparison of an element with a literal, of a count with a number, or of two truths."""
        right = unwrapped(parts[1])
        try:
            literal = literal_of(right)
        except UntranslatableError:
            found = same(self.truth(parts[0], this), self.truth(right, this))
        else:
            counted = self.counted(parts[0], this)
            if counted is not None:
                found = Truth.of(_counting(counted, "=", literal))
            else:
                found = _single_value(self.items(parts[0], this), {"const": literal})
        return found if equal else Truth(found.false, found.true)

    def inequality(self, parts: list[Node], sign: str, this: Items) -> Truth:
        """Translate a comparison of a number, or of a count, with a literal."""
        literal = literal_of(parts[1])
        if isinstance(literal, bool) or not isinstance(literal, int | float):
            raise UntranslatableError(f"{sign} {literal}")
        counted = self.counted(parts[0], this)
        if counted is not None:
            return Truth.of(_counting(counted, sign, literal))
        return _single_value(self.items(parts[0], this), {"type": "number", _COMPARED[sign]: literal})

    def counted(self, node: Node, this: Items) -> list[tuple[Items, list[str]]] | None:
        """Return what is counted, and by which names, where an expression is a count or a sum of counts."""
        node = unwrapped(node)
        if node["type"] == "AdditiveExpression":
            each = [self.counted(one, this) for one in node["children"]]
            if any(one is None for one in each):
                raise UntranslatableError("a sum of other numbers")
            return [pair for one in each for pair in one or []]
        parts = node.get("children", [])
        if node["type"] != "InvocationExpression" or parts[1]["type"] != "FunctionInvocation":
            return None
        if name_of(parts[1]) != "count":
            return None
        path = unwrapped(parts[0])
        items = self.items(path, this)
        if path["type"] != "TermExpression":
            raise UntranslatableError("the count of a path")
        name = text_of(path)
        return [(items, list(items.forms) or [name])]

    def type_of(self, items: Items, kind: str) -> Truth:
        """Translate the question which form of a choice is there."""
        capital = kind.rpartition(".")[2]
        capital = capital[:1].upper() + capital[1:]
        mine = [one for one in items.forms if one.endswith(capital)]
        if len(mine) != 1:
            raise UntranslatableError(f"is {kind}")
        others = [one for one in items.forms if one != mine[0]]
        return Truth(has(mine), has(others))

    def where(self, items: Items, criterion: Node) -> Items:
        """Return those elements for which an expression is true."""
        wanted = self.truth(criterion, Items(lambda schema: schema, items.kind, single=True)).true
        return Items(lambda schema: items.some(all_of(wanted, schema)), items.kind, items.single)

    def items(self, node: Node, this: Items) -> Items:  # noqa: PLR0911 - one for each kind of expression
        """Return the elements that a path leads to."""
        node = unwrapped(node)
        kind, parts = node["type"], node.get("children", [])
        if kind == "InvocationExpression":
            if _is_the_type(parts[0], this):  # Appointment.start is start
                return self.child(this, text_of(parts[1]))
            before = self.items(parts[0], this)
            if parts[1]["type"] == "MemberInvocation":
                return self.child(before, text_of(parts[1]))
            if name_of(parts[1]) == "where":
                return self.where(before, arguments_of(parts[1])[0])
            if name_of(parts[1]) == "trace":
                return before
        if kind == "UnionExpression":
            found = [self.items(one, this) for one in parts]
            return Items(lambda schema: any_of(*(one.some(schema) for one in found)), "", single=False)
        if kind == "TermExpression" and parts[0]["type"] == "InvocationTerm":
            member = parts[0]["children"][0]
            if member["type"] == "MemberInvocation":
                return self.child(this, text_of(member))
            if member["type"] == "FunctionInvocation" and name_of(member) == "where":
                return self.where(this, arguments_of(member)[0])
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
            if wanted == ALWAYS:
                return parent.some(has([name]))
            inner = {"contains": wanted} if many else wanted
            return parent.some({"required": [name], "properties": {name: inner}})

        return Items(some, kind.rstrip("?"), parent.single and not many)


def _is_form(one: str, stem: str, schema: Schema) -> bool:
    """Whether an element is a form of a choice: it ends in its type, as valueQuantity does and valueSet does not."""
    kind = re.split(r"[:(?]", schema.get("$ref", "").removeprefix("#/$defs/"))[0]
    kind = {"SimpleQuantity": "Quantity", "MoneyQuantity": "Quantity"}.get(kind, kind)
    return bool(kind) and one == f"{stem}{kind[0].upper()}{kind[1:]}"


def _choice(forms: tuple[str, ...], wanted: Schema) -> Schema:
    if wanted == ALWAYS:
        return has(list(forms))
    return {"anyOf": [{"required": [one], "properties": {one: wanted}} for one in forms]}


def _single_value(items: Items, wanted: Schema) -> Truth:
    """Return when one value is as wanted; where there is none, the question has no answer."""
    if not items.single:
        raise UntranslatableError("a comparison of many values")
    return Truth(items.some(wanted), items.some(negated(wanted)))


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
        return {"anyOf": [items.some(ALWAYS) for items, _ in counted]}
    if (sign, number) == ("=", 1) and all(items.single for items, _ in counted):
        return {"oneOf": [items.some(ALWAYS) for items, _ in counted]}
    raise UntranslatableError(f"a count {sign} {number}")


def _pattern(function: str, text: Any) -> str:
    if not isinstance(text, str):
        raise UntranslatableError(f"{function} of {text}")
    if function == "matches":
        return text
    plain = "".join(f"\\{one}" if one in r".^$*+?{}[]\|()/" else one for one in text)
    return {"startsWith": f"^{plain}", "endsWith": f"{plain}$", "contains": plain}[function]


def _is_the_type(node: Node, this: Items) -> bool:
    return node["type"] == "TermExpression" and text_of(node) == this.kind

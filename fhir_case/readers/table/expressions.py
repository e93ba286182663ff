"""
Turn what a recipe writes for a field into a function from a row to the value, with its place in the table.

What cannot be a value (a word that no map has, a number that is none) is not carried over, and the row knows why.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import BaseModel, ValidationError

from fhir_case.case.node import LocatedDict, Node, Place, Problem
from fhir_case.case.problems import model_problems
from fhir_case.readers.nodes import list_node, mapping_node, node_of
from fhir_case.readers.table.conversions import UnusableError, day_of, number_of, offset_of
from fhir_case.readers.table.functions import called
from fhir_case.readers.table.losses import UNKNOWN
from fhir_case.readers.table.recipe import AnyOf, Column, Function, Join, Keys
from fhir_case.wording import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from fhir_case.readers.table.view import View

    Evaluate = Callable[[View], Node | None]

__all__ = ["Compiler", "KeysOfCase"]

_PLACEHOLDER = re.compile(r"\{([^{}]+)\}")
_MODELS: dict[str, type[BaseModel]] = {"column": Column, "function": Function, "keys": Keys, "any": AnyOf, "join": Join}
_BUILT_IN = ("patient", "row", "line")
_Model = TypeVar("_Model", bound=BaseModel)


class KeysOfCase(list[Any]):
    """Keys of which those stay that the case has an entry for, once all entries are made."""


class _Constant:
    """What the recipe says of all rows alike, at its place in the recipe."""

    def __init__(self, node: Node) -> None:
        self._node = node

    def __call__(self, _view: View) -> Node:
        """Return the value."""
        return self._node


class Compiler:
    """
    Compile the fields of the rules about one table.

    Args:
        maps: The maps of the recipe.
        functions: The functions of the user's.

    Attributes:
        columns: The columns that are read, with their places in the recipe.
        problems: What is wrong with the recipe.
    """

    def __init__(self, maps: Mapping[str, Mapping[str, Any]], functions: Mapping[str, Callable[..., Any]]) -> None:
        self.columns: list[tuple[str, Place]] = []
        self.problems: list[Problem] = []
        self._maps = maps
        self._functions = functions

    def field(self, node: Node) -> Evaluate:
        """Return the function of what is written for a field."""
        data = node.data
        if isinstance(data, LocatedDict):
            marker = next((name for name in _MODELS if name in data), None)
            if marker is not None:
                return self._expression(marker, node)
            return self._mapping(
                {name: (place, self.field(inner)) for name, (place, inner) in node.pairs.items()}, node
            )
        if isinstance(data, list):
            return _list([self.field(item) for item in node.items])
        if isinstance(data, str) and _PLACEHOLDER.search(data):
            return self.template(node)
        return _Constant(node)

    def template(self, node: Node) -> Evaluate:
        """Return the function of a text with columns in braces; it is absent where one of them is."""
        text: str = node.data
        names = [name for name in _PLACEHOLDER.findall(text) if name not in _BUILT_IN]
        self.columns += [(name, node.place) for name in names]

        def evaluate(view: View) -> Node | None:
            values = {"patient": view.patient, "row": str(view.row.number), "line": str(view.row.line)}
            for name in names:
                value = view.text(name)
                if value is None:
                    return None
                values[name] = value
            place = view.place(names[0]) if names else view.row.place()
            return Node(place, _PLACEHOLDER.sub(lambda match: values[match[1]], text))

        return evaluate

    def _mapping(self, fields: Mapping[str, tuple[Place, Evaluate]], node: Node) -> Evaluate:
        fixed = {name for name, (_, inner) in fields.items() if isinstance(inner, _Constant)}
        if len(fixed) == len(fields):
            return _Constant(node)

        def evaluate(view: View) -> Node | None:
            found = {name: value for name, (_, inner) in fields.items() if (value := inner(view)) is not None}
            known = next((value for name, value in found.items() if name not in fixed), None)
            return mapping_node(known.place, found) if known is not None else None

        return evaluate

    def _expression(self, marker: str, node: Node) -> Evaluate:
        model = self._checked(_MODELS[marker], node)
        if isinstance(model, Column):
            return self._column(model, node)
        if isinstance(model, Function):
            return self._function(model, node)
        if isinstance(model, Keys):
            return lambda view: Node(view.row.place(), KeysOfCase(model.keys), items=[])
        if isinstance(model, AnyOf):
            choices = [self.field(item) for item in node.pairs["any"][1].items]
            return lambda view: next((found for each in choices if (found := each(view)) is not None), None)
        if isinstance(model, Join):
            return _joined([self.field(item) for item in node.pairs["join"][1].items])
        return lambda _view: None

    def _checked(self, model: type[_Model], node: Node) -> _Model | None:
        try:
            return model.model_validate(node.data)
        except ValidationError as error:
            self.problems += model_problems(error.errors(include_url=False), node, {}, model)
            return None

    def _column(self, form: Column, node: Node) -> Evaluate:
        self.columns.append((form.column, node.pairs["column"][1].place))
        values = self._map(form.map, node)
        unit = self._unit(form, node)
        absent = frozenset(form.absent)
        column = form.column

        def evaluate(view: View) -> Node | None:
            text = view.text(column, absent)
            if text is None:
                return None
            try:
                data = _converted(text, form, values)
                if data is not None and unit is not None:
                    data = f"{data} {unit(view)}"
            except UnusableError as wrong:
                view.refuse(column, str(wrong))
                return None
            if data is None:
                view.refuse(column, "the map of the recipe leaves it out")
                return None
            return node_of(data, view.place(column))

        return evaluate

    def _map(self, given: Any, node: Node) -> Mapping[str, Any] | None:
        if not isinstance(given, str):
            return given  # type: ignore[no-any-return]
        if given not in self._maps:
            place = node.pairs["map"][1].place
            hint = did_you_mean(given, self._maps) or "'maps' at the top of the recipe names all"
            self.problems.append(Problem(place, (), f"there is no map '{given}'", hint))
        return self._maps.get(given, {})

    def _unit(self, form: Column, node: Node) -> Callable[[View], str] | None:
        unit = form.unit
        if unit is None or isinstance(unit, str):
            return None if unit is None else lambda _view: unit
        inner = node.pairs["unit"][1]
        self.columns.append((unit.column, inner.pairs["column"][1].place))
        values = self._map(unit.map, inner)

        def evaluate(view: View) -> str:
            text = view.text(unit.column)
            found = text if values is None or text is None else values.get(text)
            if not isinstance(found, str):
                raise UnusableError("it has no unit" if text is None else f"its unit '{text}' is {UNKNOWN}")
            return found

        return evaluate

    def _function(self, form: Function, node: Node) -> Evaluate:
        place = node.pairs["function"][1].place
        self.columns += [(name, node.pairs["columns"][1].place) for name in form.columns]
        function = self._functions.get(form.function)
        if function is None:
            hint = did_you_mean(form.function, self._functions) or "--functions FILE names the Python file with it"
            self.problems.append(Problem(place, (), f"there is no function '{form.function}'", hint))
            return lambda _view: None

        def evaluate(view: View) -> Node | None:
            values = {name: text for name in form.columns if (text := view.text(name)) is not None}
            where = view.place(form.columns[0])
            found = called(form.function, function, values, where)
            if found is None:
                for name in values:
                    view.refuse(name, f"the function '{form.function}' leaves it out")
            return found

        return evaluate


def _list(items: list[Evaluate]) -> Evaluate:
    def evaluate(view: View) -> Node | None:
        found = [value for item in items if (value := item(view)) is not None]
        return list_node(found[0].place, found) if found else None

    return evaluate


def _joined(items: list[Evaluate]) -> Evaluate:
    def evaluate(view: View) -> Node | None:
        found = [value for item in items if (value := item(view)) is not None]
        return Node(found[0].place, " ".join(str(one.data) for one in found)) if found else None

    return evaluate


def _converted(text: str, form: Column, values: Mapping[str, Any] | None) -> Any:
    """Return what the case file has for a text; None where the map leaves it out on purpose."""
    if values is not None:
        if text in values:
            return _meaning(values[text], text, form)
        if form.others == "report":
            raise UnusableError(UNKNOWN)
        if form.others == "words":
            return {"text": text}
    if form.date is not None:
        return day_of(text, form.date)
    if form.offset is not None:
        return offset_of(number_of(text, form.decimal, bounds=False), form.offset)
    if form.number or form.unit is not None:
        return number_of(text, form.decimal, bounds=form.unit is not None)
    return {"text": text} if form.words else text


def _meaning(found: Any, text: str, form: Column) -> Any:
    """Return what a map has for a text, beside its words where they stay; of TOML, an empty text is none."""
    if form.words and found and isinstance(found, str):
        return {"name": found, "text": text}
    return None if found == "" else found

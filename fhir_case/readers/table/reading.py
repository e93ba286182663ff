"""Read a recipe, with the place of each mistake, and check it by the sections that a case can have."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from fhir_case.case.node import LocatedDict, Problem
from fhir_case.case.problems import case_error, model_problems, shown
from fhir_case.case.text import decode
from fhir_case.case.tree import read_tree
from fhir_case.errors import CaseError
from fhir_case.readers.table.expressions import Compiler
from fhir_case.readers.table.recipe import Recipe
from fhir_case.readers.table.toml_tree import read_toml_tree
from fhir_case.wording import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from fhir_case.case import Section
    from fhir_case.case.node import Node, Place
    from fhir_case.readers.table.expressions import Evaluate
    from fhir_case.readers.table.recipe import Rule

__all__ = ["CompiledRecipe", "CompiledRule", "read_recipe"]


@dataclass(slots=True)
class CompiledRule:
    """
    A rule that can be applied to rows.

    Args:
        rule: What the recipe says.
        section: The section of its entries.
        key: Returns the key of an entry; None in a section that is one mapping.
        fields: By the name of a field, the function of its value.
        required: The fields without which there is no entry.
        place: Where the rule stands in the recipe.
    """

    rule: Rule
    section: Section
    key: Evaluate | None
    fields: dict[str, Evaluate]
    required: frozenset[str]
    place: Place


@dataclass(slots=True)
class CompiledRecipe:
    """
    A recipe that can be applied to tables.

    Args:
        recipe: What it says.
        rules: Its rules in their order.
        head: The functions of the id, the title and the day of the anchor.
        columns: The columns of each table that it needs, with their places in the recipe.
        root: The recipe with places.
    """

    recipe: Recipe
    rules: list[CompiledRule]
    head: dict[str, Evaluate]
    columns: dict[str, list[tuple[str, Place]]]
    root: Node = field(repr=False)

    @property
    def patients(self) -> str:
        """Return the name of the table of which each row is a patient; the first table where there is none."""
        files = self.recipe.files
        return next((name for name, form in files.items() if form.rows == "patient"), next(iter(files)))


def read_recipe(
    text: bytes, sections: tuple[Section, ...], *, file: str, functions: Mapping[str, Callable[..., Any]] | None = None
) -> CompiledRecipe:
    """
    Read a recipe.

    Args:
        text: YAML in UTF-8, or TOML where the name of the file says so.
        sections: The sections that a case can have.
        file: The name of the file, for messages.
        functions: The functions of the user's, by their names.

    Raises:
        CaseError: It is no recipe; ``problems`` holds all that is wrong with it.
    """
    tree = (read_toml_tree if file.endswith(".toml") else read_tree)(decode(text, file), file)
    root = tree.root
    if not isinstance(root.data, LocatedDict):
        raise CaseError(
            f"a recipe is a mapping (recipe, files, entries, …), not {shown(root.data)}", where=str(root.place)
        )
    problems = list(tree.problems)
    recipe = None
    try:
        recipe = Recipe.model_validate(root.data)
    except ValidationError as error:
        problems += model_problems(error.errors(include_url=False), root, {}, Recipe)
    if recipe is None or problems:
        raise case_error(problems, root)
    return _Checker(recipe, root, {one.name: one for one in sections}, functions or {}).compiled()


class _Checker:
    def __init__(
        self, recipe: Recipe, root: Node, sections: Mapping[str, Section], functions: Mapping[str, Callable[..., Any]]
    ) -> None:
        self._recipe = recipe
        self._root = root
        self._sections = sections
        self._compilers = {name: Compiler(recipe.maps, functions) for name in recipe.files}
        self._problems: list[Problem] = []

    def compiled(self) -> CompiledRecipe:
        recipe, root = self._recipe, self._root
        written = {rule.section for rule in recipe.entries}
        for name, section in self._sections.items():
            if section.required and name not in written:
                what = f"no rule is about '{name}', which every case has"
                self._report(root.pairs["entries"][1].place, what, f"add one with 'section: {name}'")
        rules: list[CompiledRule] = []
        for rule, node in zip(recipe.entries, root.pairs["entries"][1].items, strict=True):
            made = self._rule(rule, node)
            if made is not None:
                rules.append(made)
        found = CompiledRecipe(recipe, rules, {}, {}, root)
        compiler = self._compilers[found.patients]
        case = root.pairs["case"][1] if "case" in root.pairs else None
        found.head = {
            "title": compiler.field(root.pairs["title"][1]),
            "index_date": compiler.field(root.pairs["timeline"][1].pairs["index_date"][1]),
            **({"case": compiler.template(case)} if case is not None else {}),
        }
        for name, form in root.pairs["files"][1].pairs.items():
            inner = form[1].pairs
            self._compilers[name].columns.append((recipe.files[name].patient, inner["patient"][1].place))
            for kind in ("unused", "partly"):
                named = inner[kind][1].pairs.items() if kind in inner else ()
                self._compilers[name].columns += [(column, place) for column, (place, _) in named]
        problems = [*self._problems, *(one for compiler in self._compilers.values() for one in compiler.problems)]
        if problems:
            raise case_error(problems, root)
        found.columns = {name: compiler.columns for name, compiler in self._compilers.items()}
        return found

    def _rule(self, rule: Rule, node: Node) -> CompiledRule | None:
        compiler, section = self._compilers.get(rule.file), self._sections.get(rule.section)
        if compiler is None:
            self._unknown(node, "file", "table", rule.file, list(self._recipe.files))
        if section is None:
            self._unknown(node, "section", "section", rule.section, list(self._sections))
        if compiler is None or section is None:
            return None
        fields = node.pairs["fields"][1].pairs if "fields" in node.pairs else {}
        form = section.model.model_fields
        for name, (place, _) in fields.items():
            if name not in form or name == "key":
                hint = "write it as 'key' of the rule" if name == "key" else did_you_mean(name, form)
                what = f"'{name}' is no field of '{rule.section}'"
                self._report(place, what, hint or f"'fhir-case schema {rule.section}' says which there are")
        # Several rules may fill in a section that is one mapping.
        others = [] if section.is_list else [one for one in self._recipe.entries if one.section == rule.section]
        given = {*fields, "key", "source", *(name for one in others for name in one.fields)}
        for name, one in form.items():
            if one.is_required() and name not in given:
                self._report(node.place, f"the field '{name}' of '{rule.section}' is missing", "add it to 'fields'")
        if section.is_list and rule.key is None:
            self._report(node.place, "'key' is missing", "give the entries a key, such as 'key: afp'")
        self._conditions(rule, node, compiler)
        return CompiledRule(
            rule,
            section,
            compiler.field(node.pairs["key"][1]) if section.is_list and "key" in node.pairs else None,
            {name: compiler.field(inner) for name, (_, inner) in fields.items()},
            frozenset(name for name, one in form.items() if one.is_required()) - {"key", "source"},
            node.place,
        )

    def _conditions(self, rule: Rule, node: Node, compiler: Compiler) -> None:
        if "only_if" in node.pairs:
            inner = node.pairs["only_if"][1]
            for condition, one in zip(rule.only_if, inner.items or [inner], strict=True):
                compiler.columns.append((condition.column, one.pairs["column"][1].place))
        if rule.one_row is not None:
            compiler.columns.append((rule.one_row.column, node.pairs["one_row"][1].place))
        if "each" in node.pairs:
            compiler.columns += [(column, node.pairs["each"][1].place) for column in rule.each]

    def _unknown(self, node: Node, key: str, what: str, name: str, known: list[str]) -> None:
        hint = did_you_mean(name, known) or f"there are: {', '.join(known[:50])}"
        self._report(node.pairs[key][1].place, f"there is no {what} '{name}'", hint)

    def _report(self, place: Place, what: str, hint: str) -> None:
        self._problems.append(Problem(place, (), what, hint))

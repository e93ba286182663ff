"""Apply the rules of a recipe to the rows of one patient: the tree of a case."""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING

from fhir_case.case.node import Node, Problem
from fhir_case.case.tree import Tree
from fhir_case.readers.nodes import list_node, mapping_node, node_of
from fhir_case.readers.table.expressions import KeysOfCase
from fhir_case.readers.table.functions import FunctionFailedError
from fhir_case.readers.table.view import View

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from fhir_case.readers.table.reading import CompiledRecipe, CompiledRule
    from fhir_case.readers.table.recipe import Condition
    from fhir_case.readers.table.view import RowOfPatient

__all__ = ["case_id", "case_tree", "slug"]

_LONGEST_KEY = 40


def slug(text: str, before: str = "p") -> str:
    """Return a text as a key: lower-case words joined by hyphens."""
    key = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")
    return key if key[:1].isalpha() else f"{before}-{key}".strip("-")


def _guarded(report: Node) -> Node:
    """Return what a recipe says of its source; patients of tables are real where it does not say otherwise."""
    if "real_patients" in report.pairs:
        return report
    said = {name: node for name, (_, node) in report.pairs.items()}
    return mapping_node(report.place, {**said, "real_patients": Node(report.place, data=True)})


def _is_column(timeline: Node) -> bool:
    return "column" in timeline.pairs["index_date"][1].pairs


def case_tree(compiled: CompiledRecipe, patient: str, rows: Sequence[RowOfPatient], sections: Sequence[str]) -> Tree:
    """
    Return what the rows of a patient say, as a case file says it.

    Args:
        compiled: The recipe.
        patient: The name of the patient.
        rows: The rows of all tables; the first one of the table of patients fills in the title.
        sections: The names of the sections, in the order of a case file.
    """
    return _Entries(compiled, patient, rows).tree(sections)


def case_id(compiled: CompiledRecipe, view: View) -> str:
    """Return the id of the case of a patient, by the row that its head is made of."""
    named = compiled.head["case"](view) if "case" in compiled.head else None
    return slug(named.data if named is not None else view.patient)


class _Entries:
    def __init__(self, compiled: CompiledRecipe, patient: str, rows: Sequence[RowOfPatient]) -> None:
        self._compiled = compiled
        self._patient = patient
        self._rows = rows
        self._lists: dict[str, list[Node]] = {}
        self._single: dict[str, dict[str, Node]] = {}
        self._keys: set[str] = set()
        self._problems: list[Problem] = []

    def tree(self, sections: Sequence[str]) -> Tree:
        by_table: dict[str, list[RowOfPatient]] = {}
        for row in self._rows:
            by_table.setdefault(row.table.name, []).append(row)
        for rule in self._compiled.rules:
            for row in self._chosen(rule, by_table.get(rule.rule.file, [])):
                self._apply(rule, row)
        first = by_table.get(self._compiled.patients, self._rows)[0]
        root = mapping_node(first.place(), {**self._head(first), **self._body(first, sections)})
        self._keep_keys_of_case(root)
        return Tree(root, tuple(self._problems))

    def _head(self, row: RowOfPatient) -> dict[str, Node]:
        compiled, view = self._compiled, View(row, self._patient)
        case = case_id(compiled, view)
        made: dict[str, Node | None] = dict.fromkeys(compiled.head)
        for name, evaluate in compiled.head.items():
            if name == "case":
                continue
            try:
                made[name] = evaluate(view)
            except FunctionFailedError as failed:
                self._problems.append(failed.problem)
        row.carried.update(view.touched)
        report, timeline = (compiled.root.pairs[name][1] for name in ("report", "timeline"))
        day = made["index_date"]
        said = (
            timeline.pairs["recorded"][1]
            if "recorded" in timeline.pairs
            else Node(timeline.place, data=_is_column(timeline))
        )
        counted = {"anchor": timeline.pairs["anchor"][1], **({"index_date": day} if day is not None else {})}
        counted |= {"recorded": said}
        title = made["title"]
        return {
            "case": Node(row.place(row.table.columns[row.table.form.patient]), case),
            **({"title": title} if title is not None else {}),
            "report": _guarded(report),
            "timeline": mapping_node(row.place(), counted),
        }

    def _body(self, row: RowOfPatient, sections: Sequence[str]) -> dict[str, Node]:
        body = {}
        for name in sections:
            if name in self._single:
                body[name] = mapping_node(row.place(), self._single[name])
            elif name in self._lists:
                body[name] = list_node(row.place(), self._lists[name])
        return body

    def _chosen(self, rule: CompiledRule, rows: Sequence[RowOfPatient]) -> Sequence[RowOfPatient]:
        """Return the rows that a rule is about; of those that it passes over, a value knows why."""
        one_row = rule.rule.one_row
        fitting = [row for row in rows if self._fits(rule, View(row, self._patient))]
        if one_row is None:
            return fitting
        column = one_row.column
        numbers = [
            (number, row) for row in fitting if (number := _number(View(row, self._patient).text(column))) is not None
        ]
        if not numbers:
            return fitting[:1]
        sign = 1 if one_row.largest else -1
        chosen = max(numbers, key=lambda each: sign * each[0])[1]
        for row in fitting:
            if row is not chosen:
                View(row, self._patient).refuse(column, "another row has the value that counts")
        return [chosen]

    def _fits(self, rule: CompiledRule, view: View) -> bool:
        for condition in rule.rule.only_if:
            text = None if condition.column in rule.rule.each else view.text(condition.column)
            if condition.column not in rule.rule.each and not _holds(text, condition):
                return False
        return True

    def _apply(self, rule: CompiledRule, row: RowOfPatient) -> None:
        for view in self._views(rule, row):
            if not all(_holds(view.text(one.column), one) for one in rule.rule.only_if):
                continue
            try:
                if rule.section.is_list:
                    self._add(rule, view)
                else:
                    self._merge(rule, view)
            except FunctionFailedError as failed:
                self._problems.append(failed.problem)

    def _views(self, rule: CompiledRule, row: RowOfPatient) -> Iterator[View]:
        each = [row.table.columns[name] for name in rule.rule.each]
        if not each:
            yield View(row, self._patient)
            return
        counts = {index: len(row.values(index)) for index in each}
        most = max(counts.values())
        for index, count in counts.items():
            if count not in {1, most} or (count == 1 < most and row.is_known(row.values(index)[0])):
                names = list(row.table.columns)
                what = f"the cell has {count} values where '{names[max(counts, key=lambda at: counts[at])]}' has {most}"
                self._problems.append(Problem(row.place(index), (), what, "values in step have the same number"))
                return
        for position in range(most):
            yield View(row, self._patient, position, each)

    def _add(self, rule: CompiledRule, view: View) -> None:
        key = rule.key(view) if rule.key is not None else None
        fields = {name: value for name, evaluate in rule.fields.items() if (value := evaluate(view)) is not None}
        if key is None or not rule.required <= fields.keys():
            missing = sorted({*rule.required, "key"} - fields.keys() - ({"key"} if key is not None else set()))
            why = f"no entry of '{rule.section.name}': {', '.join(missing)} is not known"
            if key is not None:
                view.row.missed.append((self._key(slug(str(key.data), "e"), rule, view), rule, missing))
            for at in view.touched:
                view.row.reasons.setdefault(at, why)
            return
        if rule.rule.merge_same and self._merged(rule, fields, view):
            return
        name = self._key(slug(str(key.data), "e"), rule, view)
        self._keys.add(name)
        entry = {"key": Node(key.place, name), **fields}
        entry.setdefault("source", Node(view.row.place(), _source(view)))
        self._lists.setdefault(rule.section.name, []).append(mapping_node(view.row.place(), entry))
        _carried(view)

    def _merged(self, rule: CompiledRule, fields: dict[str, Node], view: View) -> bool:
        """Whether an entry says the same already, which then has this row as a source too."""
        said = {name: value.data for name, value in fields.items() if name != "source"}
        for entry in self._lists.get(rule.section.name, ()):
            if said == {name: value for name, value in entry.data.items() if name not in {"key", "source"}}:
                source = entry.pairs["source"][1]
                source.data = f"{source.data}; {_source(view)}"
                entry.data["source"] = source.data
                _carried(view)
                return True
        return False

    def _key(self, key: str, rule: CompiledRule, view: View) -> str:
        """Return the key, with a number where an event or a list of values would give it to several entries."""
        constant = isinstance(rule.rule.key, str) and "{" not in rule.rule.key
        parts = []
        if constant and view.row.table.form.rows == "event" and rule.rule.one_row is None:
            parts.append(str(view.row.number))
        if constant and view.position is not None:
            parts.append(str(view.position + 1))
        end = "".join(f"-{part}" for part in parts)
        return f"{key[: _LONGEST_KEY - len(end)].rstrip('-')}{end}"

    def _merge(self, rule: CompiledRule, view: View) -> None:
        """Fill in the fields of a section that is one mapping; one that is known stays, and what differs is told."""
        held = self._single.setdefault(rule.section.name, {})
        says_something = False
        for name, evaluate in rule.fields.items():
            inner = View(view.row, self._patient)
            value = evaluate(inner)
            if value is None:
                self._tell_why_missing(rule, name, view.row)
                continue
            if name not in held:
                held[name] = value
                view.touched.update(inner.touched)
                says_something = True
            elif held[name].data == value.data:
                view.touched.update(inner.touched)
                says_something = True
            else:
                for at in inner.touched:
                    view.row.reasons.setdefault(at, f"'{name}' is known from {held[name].place} already")
        if not says_something:
            for at in view.touched:
                view.row.reasons.setdefault(at, f"'{rule.section.name}' has it already")
            return
        source = _source(view)
        before = held.pop("source", None)  # it stands at the end of the entry
        if before is not None and source not in before.data:
            source = f"{before.data}; {source}"
        held["source"] = Node(view.row.place(), source)
        _carried(view)

    def _tell_why_missing(self, rule: CompiledRule, name: str, row: RowOfPatient) -> None:
        """Report the value of a field that a case must have, which is none that the recipe knows."""
        if name in rule.required:
            names = list(row.table.columns)
            for (index, _), why in row.reasons.items():
                what = f"{rule.section.name}.{name}: '{row.cells[index].strip()[:40]}' of '{names[index]}': {why}"
                self._problems.append(Problem(row.place(index), (), what, "mend the cell, or add it to the recipe"))

    def _keep_keys_of_case(self, root: Node) -> None:
        """Leave of each list of keys those that the case has; a list without any goes."""
        for section in root.pairs.values():
            for entry in section[1].items or [section[1]]:
                for name, (_, value) in list(entry.pairs.items()):
                    if isinstance(value.data, KeysOfCase):
                        kept = [one for one in value.data if one in self._keys]
                        if kept:
                            entry.pairs[name] = (value.place, node_of(kept, value.place))
                            entry.data[name] = kept
                        else:
                            del entry.pairs[name], entry.data[name]


def _holds(text: str | None, condition: Condition) -> bool:
    if condition.known is not None and condition.known is (text is None):
        return False
    if condition.not_ is not None and text in condition.not_:
        return False
    if condition.is_ is not None:
        return text in condition.is_
    return text is not None or condition.not_ is not None or condition.known is False


def _number(text: str | None) -> Decimal | None:
    try:
        return Decimal(text) if text is not None else None
    except InvalidOperation:
        return None


def _source(view: View) -> str:
    names = list(view.row.table.columns)
    columns = dict.fromkeys(names[index] for index, _ in sorted(view.touched))
    said = f": {', '.join(columns)}" if columns else ""
    part = "" if view.position is None else f", value {view.position + 1}"
    return f"{view.row.table.short}, line {view.row.line}{part}{said}"


def _carried(view: View) -> None:
    view.row.carried.update(view.touched)
    view.row.entries += 1

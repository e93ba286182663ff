"""A case with all that varies of it, and the draw of one patient."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from functools import cached_property
from typing import TYPE_CHECKING, Any

from fhir_case.case.section import sections_by_role
from fhir_case.case.variation.assembly import Changes, assembled, plain_values
from fhir_case.case.variation.declaration import Choice, Numbers, Share, Words
from fhir_case.case.variation.draws import chosen, is_left_out
from fhir_case.case.variation.links import linked, totals
from fhir_case.case.variation.references import Dependencies, namings
from fhir_case.case.variation.texts import filled
from fhir_case.case.variation.values import measured, value_at, written

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from fhir_case.case.forms import Form
    from fhir_case.case.model import Case
    from fhir_case.case.variation.declaration import Presence, Variation
    from fhir_case.case.variation.links import Total
    from fhir_case.case.variation.references import Naming, Path

__all__ = ["VariedCase"]

_PRECISE = 9


class VariedCase:
    """
    A case and what varies of it.

    Args:
        case: The case as the file has it.
        data: The plain values of its file, without what is declared.
        variations: The fields that vary.
        presences: The entries that only some patients have.
    """

    def __init__(
        self, case: Case, data: Mapping[str, Any], variations: Iterable[Variation], presences: Iterable[Presence]
    ) -> None:
        self.case = case
        self.variations = tuple(variations)
        self.presences = tuple(presences)
        self._data = data

    @cached_property
    def namings(self) -> tuple[Naming, ...]:
        """Return every place where an entry names another."""
        return tuple(namings(self.case))

    @cached_property
    def dependencies(self) -> Dependencies:
        """Return what follows from leaving entries out."""
        return Dependencies.of(self.case, self.namings, {one.entry: one.together for one in self.presences})

    @cached_property
    def _plain(self) -> dict[str, Any]:
        return plain_values(self._data, self.case.sections)

    @cached_property
    def _roles(self) -> dict[str, list[str]]:
        return sections_by_role(self.case.sections)

    @cached_property
    def forms(self) -> dict[str, Form]:
        """Return the entries by their keys, the sections that are one mapping by their names, and the timeline."""
        single = {one.name: getattr(self.case, one.name) for one in self.case.sections if not one.is_list}
        entries = {entry.key: entry for _, entry in self.case.entries()}
        present = {name: form for name, form in single.items() if form is not None}
        timeline: dict[str, Form] = {"timeline": self.case.timeline} if self.case.timeline else {}
        return {**timeline, **present, **entries}

    def base(self, name: str) -> Any:
        """Return what the file has at ``KEY.FIELD``; None where it has nothing."""
        entry, _, field = name.partition(".")
        return value_at(self.forms.get(entry), tuple(field.split(".")))

    @cached_property
    def optional(self) -> frozenset[str]:
        """Return the keys of all entries that some patient may not have."""
        return frozenset(self.dependencies.closure(one.entry for one in self.presences if one.probability < 1))

    @cached_property
    def linked(self) -> dict[str, tuple[tuple[str, Path], ...]]:
        """Return what else takes the number that is drawn for a field, by the name of that field."""
        return linked(self.forms, self.variations)

    @cached_property
    def totals(self) -> tuple[Total, ...]:
        """Return the totals of which a part varies."""
        return tuple(totals(self.case, {one.name for one in self.variations}, self.optional))

    def patient(self, number: int, uniform: Callable[[str], float], *, only: Variation | None = None) -> Case:
        """
        Return the case of one patient.

        Args:
            number: That of the patient.
            uniform: Returns a number from 0 to 1 for the name of what is drawn.
            only: All other fields stay as they are in the file.

        Raises:
            CaseError: What was drawn is no case; the ends of all ranges were checked before, so this is rare.
        """
        changes = Changes(self.dependencies.closure(one.entry for one in self.presences if is_left_out(one, uniform)))
        replaced = self._draw(changes, uniform, self._in_order if only is None else (only,))
        for one in self.namings if changes.left_out else ():
            gone = one.target in changes.left_out and one.entry not in changes.left_out
            if gone and (one.entry, str(one.path[0])) not in replaced:
                changes.removed.setdefault(one.entry, []).append(one.path)
        return assembled(self.case, number, self._plain, self._roles, changes)

    def _draw(
        self, changes: Changes, uniform: Callable[[str], float], variations: Iterable[Variation]
    ) -> set[tuple[str, str]]:
        """Fill in the values that are drawn; return the entries and the fields that one was put in place of."""
        numbers: dict[str, tuple[Decimal, str | None]] = {}
        said: dict[str, Any] = {}
        replaced: set[tuple[str, str]] = set()
        for one in variations:
            if one.entry in changes.left_out or (one.without and one.without not in changes.left_out):
                continue
            if isinstance(one.draw, Choice):
                value = one.draw.values[chosen(one.draw, uniform(one.name))]
                replaced.add((one.entry, one.field))
            elif isinstance(one.draw, Words):
                value = filled(one.draw.text, said.get, self.forms)
            else:
                numbers[one.name] = number, unit = self._number(one, numbers, uniform)
                value = written(self.base(one.name), number, unit)
                for entry, path in self.linked.get(one.name, ()):
                    if entry not in changes.left_out:
                        other = written(value_at(self.forms[entry], path), number, unit)
                        changes.values.setdefault(entry, []).append((path, other))
                        said[f"{entry}.{'.'.join(map(str, path))}"] = other
            said[one.name] = value
            changes.values.setdefault(one.entry, []).append((tuple(one.field.split(".")), value))
        for total in self.totals:
            if total.entry not in changes.left_out:
                whole = self._total(total, numbers, changes.left_out)
                changes.values.setdefault(total.entry, []).append(((total.field,), whole))
        return replaced

    def _total(self, total: Total, numbers: Mapping[str, tuple[Decimal, str | None]], left_out: set[str]) -> Any:
        """Return the sum of the parts that the patient has; nothing where there is none."""
        parts = [
            numbers[name][0] if name in numbers else base for key, name, base in total.parts if key not in left_out
        ]
        whole = self.base(f"{total.entry}.{total.field}")
        return written(whole, sum(parts, Decimal(0)), None) if parts else None

    @cached_property
    def _in_order(self) -> tuple[Variation, ...]:
        """Return what varies, each after what it is a share of, and texts last."""
        names = {one.name: one for one in self.variations}
        done: dict[str, Variation] = {}

        def visit(one: Variation) -> None:
            if isinstance(one.draw, Share) and one.draw.of in names and one.draw.of not in done:
                visit(names[one.draw.of])
            done.setdefault(one.name, one)

        for one in sorted(self.variations, key=lambda each: isinstance(each.draw, Words)):
            visit(one)
        return tuple(done.values())

    def _number(
        self, one: Variation, numbers: Mapping[str, tuple[Decimal, str | None]], uniform: Callable[[str], float]
    ) -> tuple[Decimal, str | None]:
        """Return what is drawn for a field, with its unit, in as many decimal places as the file has there."""
        base = measured(self.base(one.name))
        digits = base.digits if base else 0
        if isinstance(one.draw, Numbers):
            wanted = digits if one.draw.digits is None else one.draw.digits
            return replace(one.draw.distribution, digits=wanted).quantile(uniform(one.name)), one.draw.unit
        share = one.draw
        assert isinstance(share, Share)  # noqa: S101 - the other draws have no number
        other = measured(self.base(share.of))
        number, unit = numbers.get(share.of) or ((other.value, other.unit) if other else (Decimal(0), None))
        if share.factor is not None:
            factor = replace(share.factor.distribution, digits=_PRECISE).quantile(uniform(one.name))
            number *= factor
        if share.within is not None:
            ends = share.within.distribution
            number = min(max(number, ends.low), ends.high)
        return number.quantize(Decimal(1).scaleb(-(digits if share.digits is None else share.digits))), unit

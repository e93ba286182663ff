"""What varies together: times and ages that are written alike, and totals with their parts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fhir_case.case.entry import KeyedEntry
from fhir_case.case.forms import Age, Form, When
from fhir_case.case.variation.declaration import Numbers, Share
from fhir_case.case.variation.values import measured, value_at

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping
    from decimal import Decimal

    from fhir_case.case.model import Case
    from fhir_case.case.variation.declaration import Variation
    from fhir_case.case.variation.references import Path

__all__ = ["Total", "linked", "totals", "values_in"]


def values_in(form: Form, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Return all values of an entry, those in its forms too, with their paths; its parts speak for themselves."""
    for name in type(form).model_fields:
        value = getattr(form, name)
        several = isinstance(value, tuple)
        for index, one in enumerate(value if several else (value,)):
            step: Path = (*path, name, index) if several else (*path, name)
            if one is not None and not isinstance(one, KeyedEntry):
                yield step, one
                if isinstance(one, Form):
                    yield from values_in(one, step)


def linked(forms: Mapping[str, Form], variations: Iterable[Variation]) -> dict[str, tuple[tuple[str, Path], ...]]:
    """
    Return where else the time or age of a variation is written alike, which is the same visit or the same age.

    Args:
        forms: The entries by their keys.
        variations: All that is declared.
    """
    known = tuple(variations)
    own = {(one.entry, one.field) for one in known}
    found: dict[str, tuple[tuple[str, Path], ...]] = {}
    for one in known:
        base = value_at(forms.get(one.entry), tuple(one.field.split(".")))
        if one.apart or not isinstance(one.draw, Numbers | Share) or not isinstance(base, When | Age):
            continue
        if isinstance(base, When) and base.count is None:
            continue  # without an interval it is only an order
        found[one.name] = tuple(
            (entry, path)
            for entry, form in forms.items()
            for path, value in values_in(form)
            if type(value) is type(base) and value == base and (entry, ".".join(map(str, path))) not in own
        )
    return found


@dataclass(frozen=True, slots=True)
class Total:
    """
    The total of an entry that is the sum of its parts.

    Args:
        entry: The key of the entry.
        field: The field of the total.
        parts: For each part its key, the name of its number (``KEY.FIELD``), and that number in the file.
        adds_up: Whether they add up in the file.
    """

    entry: str
    field: str
    parts: tuple[tuple[str, str, Decimal], ...]
    adds_up: bool


def totals(case: Case, varied: Collection[str], optional: Collection[str]) -> Iterator[Total]:
    """
    Return the fields ``total_X`` of entries whose parts have a field ``X`` of which some varies.

    Args:
        varied: The names of the fields that vary.
        optional: The keys of the entries that may be left out.
    """
    for section, entry in case.entries():
        for name in type(entry).model_fields:
            whole = measured(getattr(entry, name)) if name.startswith("total_") else None
            field = name.removeprefix("total_")
            for part in section.parts if whole is not None else ():
                inner = [(one.key, measured(getattr(one, field, None))) for one in getattr(entry, part.name)]
                numbers = [(key, number) for key, number in inner if number is not None]
                if whole is None or not any(f"{key}.{field}" in varied or key in optional for key, _ in numbers):
                    continue
                adds_up = {number.unit for _, number in numbers} == {whole.unit} and whole.value == sum(
                    number.value for _, number in numbers
                )
                parts = tuple((key, f"{key}.{field}", number.value) for key, number in numbers)
                yield Total(entry.key, name, parts, adds_up)

"""Checks that the models of several concepts make."""

from __future__ import annotations

from typing import TYPE_CHECKING, LiteralString

from pydantic_core import PydanticCustomError

from fhir_case.case.forms import Amount
from fhir_case.errors import CaseError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fhir_case.case.entry import KeyedEntry
    from fhir_case.case.forms import Quantity

__all__ = ["refuse_circle", "refuse_negative"]


def refuse_negative(amount: Quantity | Amount | None, field: LiteralString, what: str) -> None:
    """
    Refuse a negative amount in the validator of an entry.

    Args:
        field: The field to look at: the type of the error, by which the reader finds the place of that field.
        what: The amount in words, for example ``a dose``.

    Raises:
        PydanticCustomError: It is negative.
    """
    quantities = amount.bounds if isinstance(amount, Amount) else (amount,)
    if any(one is not None and one.value < 0 for one in quantities):
        raise PydanticCustomError(field, "{what} is not negative", {"what": what})


def refuse_circle(entries: Sequence[KeyedEntry], field: str, hint: str) -> None:
    """
    Refuse entries of which each leads to the next, and the last to the first: also one that names itself.

    Args:
        field: The field that names another of these entries, or nothing.
        hint: What to do instead.

    Raises:
        CaseError: They lead in a circle; it names the line of one of them.
    """
    named = {entry.key: getattr(entry, field) for entry in entries}
    done: set[str] = set()
    for entry in entries:
        chain = [entry.key]
        while (following := named.get(chain[-1])) and following not in done:
            if following in chain:
                circle = " -> ".join([*chain[chain.index(following) :], following])
                raise CaseError(f"'{field}' leads in a circle: {circle}", where=str(entry.place or ""), hint=hint)
            chain.append(following)
        done.update(chain)

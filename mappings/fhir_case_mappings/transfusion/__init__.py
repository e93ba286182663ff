"""Transfusions of blood products."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Self

from pydantic import model_validator
from pydantic_core import PydanticCustomError

from fhir_case.case import Concept, Event, Quantity, Section, When
from fhir_case.case.entry import ConditionKey
from fhir_case.fhir.datatypes import annotation, quantity, reference
from fhir_case.fhir.systems import US_CORE
from fhir_case.mapping import PATIENT, Codes, Mapping, dated, moment_words, period, resource

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fhir_case.case import Case
    from fhir_case.fhir.wire import Resource

__all__ = ["MAPPING", "Transfusion", "transfusions"]

_codes = Codes.beside(__name__)


class Transfusion(Event):
    """
    A transfusion.

    Args:
        product: What was given.
        amount: How much, in units or millilitres as printed.
        until: When it ended, or the last one of several.
        reasons: The diseases that it was given for.
    """

    product: Annotated[Concept, _codes.table("transfusions")]
    amount: Quantity | None = None
    until: When | None = None
    reasons: tuple[ConditionKey, ...] = ()

    @model_validator(mode="after")
    def _amount_is_possible(self) -> Self:
        if self.amount is not None and self.amount.value <= 0:
            raise PydanticCustomError("amount", "an amount is more than nothing")
        return self


def transfusions(case: Case) -> Iterator[Resource]:
    """
    Map every transfusion: what was done, and how much was given.

    A transfusion is a Procedure, as US Core and its measures have it. A Procedure has no place for an amount, so that
    the product is a MedicationAdministration beside it, which is a part of it.

    Reads: each `Transfusion`.
    Returns: one Procedure each, profile us-core-procedure; one MedicationAdministration where the amount is known.
    Source: https://hl7.org/fhir/us/core/STU6.1/StructureDefinition-us-core-procedure.html
    """
    for one in case.entries_of(Transfusion):
        code = _codes.concept("transfusions", one.product, one)
        until = f" until {moment_words(case, one.until)}" if one.until else ""
        amount = f", {one.amount}" if one.amount else ""
        words = f"{code['text']}{amount} ({moment_words(case, one.at)}{until})."
        times = period(case, one.at, one.until, one)
        reasons = [reference("Condition", key) for key in one.reasons]
        yield resource(
            "Procedure",
            one.key,
            one,
            words,
            profile=US_CORE + "us-core-procedure",
            status="completed",
            code=code,
            subject=PATIENT,
            performedPeriod=times,
            reasonReference=reasons,
            **annotation(one.note),
        )
        if one.amount is not None:
            yield resource(
                "MedicationAdministration",
                f"{one.key}-product",
                one,
                words,
                partOf=[reference("Procedure", one.key)],
                status="completed",
                medicationCodeableConcept={"text": _product(one)},
                subject=PATIENT,
                effectivePeriod=dated(case, "start", one.at) | dated(case, "end", one.until),
                reasonReference=reasons,
                dosage={"text": str(one.amount), "dose": _dose(one.amount)},
            )


def _product(one: Transfusion) -> str:
    """Return what was given in words: a table names the transfusion by its code and the product beside it."""
    term = _codes.term("transfusions", one.product, one)
    return (
        str(term.more["product"]) if term and "product" in term.more else _codes.words("transfusions", one.product, one)
    )


def _dose(amount: Quantity) -> dict[str, Any]:
    """Return the amount; the units of a blood bank have no code, for U is that of an enzyme."""
    if amount.ucum is None and (amount.unit or "").lower() in {"", "u", "unit", "units"}:
        return quantity(amount.value, amount.unit or "units", None, amount.comparator)
    return _codes.quantity(amount)


MAPPING = Mapping(
    "transfusion",
    transfusions,
    "Procedure (US Core) of a transfusion, and MedicationAdministration with its amount",
    sections=(
        Section(
            "transfusions",
            Transfusion,
            resource="Procedure",
            time="performedPeriod.start",
            roles=("treatment",),
            example="""\
transfusions:
  - {key: transfusion, product: packed-red-blood-cells, amount: 600 mL, at: operation, source: made up}
""",
        ),
    ),
)

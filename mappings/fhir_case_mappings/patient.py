"""The patient, with the age as the report gives it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Self

from pydantic import model_validator
from pydantic_core import PydanticCustomError

from fhir_case.case import Entry, Quantity, Section, When
from fhir_case.case.forms import Form, Text
from fhir_case.fhir.datatypes import absent, category
from fhir_case.fhir.systems import MCODE, US_CORE
from fhir_case.mapping import PATIENT, PERFORMER, Codes, Mapping, dated, moment_words, resource

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fhir_case.case import Case
    from fhir_case.fhir.wire import Resource

__all__ = ["MAPPING", "Name", "Patient", "patient"]

_codes = Codes.beside(__name__)


class Name(Form):
    """A name, where the source gives one or the author made one up for a synthetic patient."""

    family: Text | None = None
    given: tuple[Text, ...] = ()


class Patient(Entry):
    """The patient. The age is the age at ``at``; nothing is computed from it."""

    sex: Literal["male", "female", "other", "unknown"]
    age: Quantity | None = None
    at: When | None = None
    name: Name | None = None
    birth_date: When | None = None

    @model_validator(mode="after")
    def _age_is_possible(self) -> Self:
        if self.age is not None and not 0 <= self.age.value <= 130:
            raise PydanticCustomError("age", "the age is outside 0 to 130 years")
        if self.birth_date is not None and self.birth_date.day is None:
            raise PydanticCustomError("birth_date", "a birth date is a date, of the precision that the report gives")
        return self


def patient(case: Case) -> Iterator[Resource]:
    """
    Map the patient, and the age as an Observation of its own where the report gives one.

    Reads: `Patient`; name, birth date and age may be absent.
    Returns: one Patient, profile mcode-cancer-patient; a name that nobody gave says so by data-absent-reason; at most
    one Observation in words, for no birth date is computed from an age.
    Source: https://hl7.org/fhir/us/mcode/STU4/StructureDefinition-mcode-cancer-patient.html
    """
    (who,) = case.entries_of(Patient)
    name = who.name
    age = who.age
    words = f"{who.sex.capitalize()} patient" + (f", {age.value} years old at presentation" if age else "")
    birth = dated(case, "birthDate", who.birth_date) if who.birth_date else {}
    yield resource(
        "Patient",
        "patient",
        who,
        f"{words}. Synthetic record made from a published report: {case.title}.",
        profile=MCODE + "mcode-cancer-patient",
        name=[
            {**({"family": name.family} if name.family else {}), **({"given": list(name.given)} if name.given else {})}
            if name
            else {"extension": absent()}
        ],
        gender=who.sex,
        **birth,
    )
    if age is not None:
        when = moment_words(case, who.at)
        yield resource(
            "Observation",
            "age",
            who,
            f"Age: {age.value} years" + (f" ({when})." if when else "."),
            profile=US_CORE + "us-core-simple-observation",
            status="final",
            category=category("exam"),
            code={"text": "Age at presentation"},
            subject=PATIENT,
            performer=PERFORMER,
            **dated(case, "effectiveDateTime", who.at),
            valueQuantity=_codes.quantity(age),
        )


MAPPING = Mapping(
    "patient",
    patient,
    "Patient (mCODE cancer patient), and the age as an Observation",
    sections=(
        Section(
            "patient",
            Patient,
            resource="Patient",
            required=True,
            keys=("patient", "age"),
            example="""\
patient:
  sex: female
  age: 61 a  # as the report gives it; no birth date is computed from it
  at: baseline
  source: made up
""",
        ),
    ),
)

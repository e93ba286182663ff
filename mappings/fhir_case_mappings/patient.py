"""The patient."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fhir_case.fhir.datatypes import absent, category
from fhir_case.fhir.systems import MCODE, US_CORE
from fhir_case.mapping import PATIENT, PERFORMER, Codes, Mapping, dated, moment_words, resource

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fhir_case.case import Case
    from fhir_case.fhir.wire import Resource

__all__ = ["MAPPING", "patient"]

_codes = Codes.beside(__name__)


def patient(case: Case) -> Iterator[Resource]:
    """
    Map the patient, and the age as an Observation of its own where the report gives one.

    Reads: ``case.patient``; name, birth date and age may be absent.
    Gives: one Patient, profile mcode-cancer-patient; a name that nobody gave says so by data-absent-reason; at most one
    Observation in words, for no birth date is computed from an age.
    Source: https://hl7.org/fhir/us/mcode/STU4/StructureDefinition-mcode-cancer-patient.html
    """
    who = case.patient
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
            valueQuantity=_codes.quantity(age, who),
        )


MAPPING = Mapping("patient", patient, "Patient (mCODE cancer patient), and the age as an Observation")

"""The patient, with the age as the report gives it, when they were last known alive, and their death."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import model_validator
from pydantic_core import PydanticCustomError

from fhir_case.case import Age, Concept, Entry, Quantity, Section, When
from fhir_case.case.entry import ConditionKey
from fhir_case.case.forms import Form, Text
from fhir_case.fhir.datatypes import absent, category, extension, reference
from fhir_case.fhir.systems import GENDER_IDENTITY, MCODE, US_CORE
from fhir_case.mapping import PATIENT, PERFORMER, Codes, Mapping, dated, life_value, moment_words, resource

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fhir_case.case import Case
    from fhir_case.fhir.wire import Resource

__all__ = ["MAPPING", "Death", "Name", "Patient", "patient"]

_codes = Codes.beside(__name__)


class Name(Form):
    """
    A name, where the source gives one or the author made one up for a synthetic patient.

    Args:
        family: The family name.
        given: The given names, in their order.
    """

    family: Text | None = None
    given: tuple[Text, ...] = ()


class Death(Form):
    """
    The death of the patient.

    Args:
        at: When; absent where the report does not say it.
        cause: What the patient died of.
        conditions: The diseases of the case that are this cause.
    """

    at: When | None = None
    cause: Annotated[Concept, _codes.table("diagnoses")] | None = None
    conditions: tuple[ConditionKey, ...] = ()

    @model_validator(mode="after")
    def _says_the_cause(self) -> Self:
        if self.conditions and self.cause is None:
            raise PydanticCustomError(
                "conditions", "these are the cause of death; write it in words or by its name too"
            )
        return self


class Patient(Entry):
    """
    The patient.

    Args:
        sex: The sex as the report gives it.
        age: The age, in any unit of time; a bare number is years.
        at: When the patient had the age, which nothing is computed from.
        name: The name, where there is one.
        birth_date: The birth date, as precise as the report gives it; it is not computed from the age.
        alive_at: When the patient was last known to be alive: the last contact; unknown where nothing says when.
        last_encounter: The age or the time of the patient at the last encounter.
        survival: How long the patient lived after the primary diagnosis.
        gender: The gender that the patient identifies with.
        karyotypic_sex: The sex chromosomes.
        species: What the patient is, where the source says it.
        identifiers: What the source calls the patient.
        death: The death of the patient; ``{}`` where the report says no more than that.
    """

    sex: Literal["male", "female", "other", "unknown"]
    age: Age | None = None
    at: When | None = None
    name: Name | None = None
    birth_date: When | None = None
    alive_at: When | None = None
    last_encounter: When | None = None
    survival: Quantity | None = None
    gender: Concept | None = None
    karyotypic_sex: Text | None = None
    species: Concept | None = None
    identifiers: tuple[Text, ...] = ()
    death: Death | None = None

    @model_validator(mode="after")
    def _birth_is_a_date(self) -> Self:
        if self.birth_date is not None and (self.birth_date.day is None or self.birth_date.relation):
            raise PydanticCustomError("birth_date", "a birth date is a date, of the precision that the report gives")
        return self


def patient(case: Case) -> Iterator[Resource]:
    """
    Map the patient, and as Observations of their own the age, the last contact and the cause of death.

    Reads: `Patient`; all but the sex may be absent.
    Returns: one Patient, profile mcode-cancer-patient, or us-core-patient where the case has no cancer; a name that
    nobody gave says so by data-absent-reason. No birth date is computed from an age. Whoever was last known alive is
    not deceased, unless the report tells of the death too.
    Source: https://hl7.org/fhir/us/mcode/STU4/StructureDefinition-mcode-cancer-patient.html
    """
    (who,) = case.entries_of(Patient)
    name = who.name
    age = who.age
    words = f"{who.sex.capitalize()} patient" + (f", {age.words} old at presentation" if age else "")
    is_record = bool(case.report.record or case.report.type)
    made = f"{'Record' if is_record else 'Synthetic record'} made from {case.report.type or 'a published report'}"
    birth = dated(case, "birthDate", who.birth_date) if who.birth_date else {}
    yield resource(
        "Patient",
        "patient",
        who,
        f"{words}. {made}: {case.title}.",
        _life_words(case, who),
        profile=MCODE + "mcode-cancer-patient",
        name=[
            {**({"family": name.family} if name.family else {}), **({"given": list(name.given)} if name.given else {})}
            if name
            else {"extension": absent()}
        ],
        gender=who.sex,
        extension=_gender(who),
        identifier=[{"value": one, "_system": {"extension": absent()}} for one in who.identifiers],
        **birth,
        **_deceased(case, who),
    )
    if age is not None:
        when = moment_words(case, who.at)
        yield resource(
            "Observation",
            "age",
            who,
            f"Age: {age.words}" + (f" ({when})." if when else "."),
            profile=US_CORE + "us-core-simple-observation",
            status="final",
            category=category("exam"),
            code=_codes.fixed("age"),
            subject=PATIENT,
            performer=PERFORMER,
            **dated(case, "effectiveDateTime", who.at),
            valueQuantity=_codes.age(age),
        )
    if who.alive_at is not None:
        alive = _codes.fixed("alive")
        yield _life(case, who, "vital-status", "Vital status: alive", who.alive_at, valueCodeableConcept=alive)
    yield from _further(case, who)
    if who.death is not None and who.death.cause is not None:
        cause = _codes.concept("diagnoses", who.death.cause, who)
        about = [reference("Condition", key) for key in who.death.conditions]
        text = f"Cause of death: {cause['text']}"
        yield _life(case, who, "cause-of-death", text, who.death.at, focus=about, valueCodeableConcept=cause)


def _deceased(case: Case, who: Patient) -> dict[str, Any]:
    if who.death is not None:
        date = dated(case, "deceasedDateTime", who.death.at)
        return date if "deceasedDateTime" in date else {"deceasedBoolean": True}
    return {"deceasedBoolean": False} if who.alive_at is not None else {}


def _gender(who: Patient) -> list[dict[str, Any]]:
    if who.gender is None:
        return []
    return [extension(GENDER_IDENTITY, valueCodeableConcept=_codes.concept("values", who.gender, who))]


def _further(case: Case, who: Patient) -> Iterator[Resource]:
    """Return an Observation for each thing about the patient that Patient has no element for."""
    at = who.last_encounter
    if at is not None:
        value = life_value(at) or dated(case, "valueDateTime", at)
        text = "Last encounter" if at.day is not None else f"{_kind_of_age(at)} at the last encounter"
        code = _codes.fixed("age", text) if "valueQuantity" in value and at.age else {"text": text}
        yield _observed(who, "last-encounter", code, moment_words(case, at), **value)
    death = who.death.at if who.death else None
    if death is not None and (death.is_in_life or death.to_day):
        yield _observed(
            who, "death", {"text": f"{_kind_of_age(death)} at death"}, moment_words(case, death), **life_value(death)
        )
    if who.survival is not None:
        code = {"text": "Survival after the primary diagnosis"}
        yield _observed(who, "survival", code, str(who.survival), valueQuantity=_codes.quantity(who.survival))
    if who.karyotypic_sex is not None:
        sex = {"text": who.karyotypic_sex}
        yield _observed(who, "karyotypic-sex", {"text": "Karyotypic sex"}, sex["text"], valueCodeableConcept=sex)
    if who.species is not None:
        species = _codes.concept("values", who.species, who)
        yield _observed(who, "species", {"text": "Species"}, species["text"], valueCodeableConcept=species)


def _kind_of_age(at: When) -> str:
    return "Gestational age" if at.gestation is not None else "Age"


def _observed(who: Patient, key: str, code: dict[str, Any], words: str, **value: object) -> Resource:
    return resource(
        "Observation",
        key,
        who,
        f"{code['text']}: {words}.",
        profile=US_CORE + "us-core-simple-observation",
        status="final",
        category=category("exam"),
        code=code,
        subject=PATIENT,
        performer=PERFORMER,
        **value,
    )


def _life_words(case: Case, who: Patient) -> str:
    alive, died = moment_words(case, who.alive_at), moment_words(case, who.death.at if who.death else None)
    known = f"Last known to be alive: {alive}. " if alive else ""
    return known + ((f"Died: {died}." if died else "Died; the time is not stated.") if who.death else "")


def _life(case: Case, who: Patient, key: str, words: str, when: When | None, **elements: object) -> Resource:
    """Return the Observation of the table ``fixed`` that is called like its key."""
    said = moment_words(case, when)
    return resource(
        "Observation",
        key,
        who,
        words + (f" ({said})." if said else "."),
        profile=US_CORE + "us-core-simple-observation",
        status="final",
        category=category("exam"),
        code=_codes.fixed(key),
        subject=PATIENT,
        performer=PERFORMER,
        **dated(case, "effectiveDateTime", when),
        **elements,
    )


MAPPING = Mapping(
    "patient",
    patient,
    "Patient (mCODE cancer patient, or US Core), and as Observations age, last contact and cause of death",
    sections=(
        Section(
            "patient",
            Patient,
            resource="Patient",
            required=True,
            keys=(
                "patient",
                "age",
                "vital-status",
                "last-encounter",
                "death",
                "survival",
                "karyotypic-sex",
                "species",
                "cause-of-death",
            ),
            example="""\
patient:
  sex: female
  age: 61 a  # as the report gives it; no birth date is computed from it
  at: baseline
  alive_at: +12 mo  # the last contact
  # death: {at: +20 mo, cause: {text: …}, conditions: [KEY]}
  source: made up
""",
        ),
    ),
)

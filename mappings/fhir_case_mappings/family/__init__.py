"""Family history: what relatives had, and what nobody in the family had."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Self

from pydantic import model_validator
from pydantic_core import PydanticCustomError

from fhir_case.case import Concept, KeyedEntry, Quantity, Section, When
from fhir_case.case.forms import Form, Text
from fhir_case.fhir.datatypes import annotation, category
from fhir_case.fhir.systems import UCUM, US_CORE
from fhir_case.mapping import PATIENT, PERFORMER, Codes, Mapping, dated, resource

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fhir_case.case import Case
    from fhir_case.fhir.wire import Resource

__all__ = ["MAPPING", "Disease", "FamilyHistory", "family_history"]

_codes = Codes.beside(__name__)

_AGE_UNITS = {"a": "years", "mo": "months", "wk": "weeks", "d": "days"}


def _check_age(name: str, age: Quantity | None) -> None:
    if age is not None and (age.unit not in _AGE_UNITS or age.value < 0):
        raise PydanticCustomError("age", "{name} is an age such as 52 a or 6 mo", {"name": name})


class Disease(Form):
    """
    A disease that a relative had.

    Args:
        diagnosis: What the disease is.
        onset: The age at which it began or was found, in d, wk, mo or a.
        onset_text: When it began, in words.
        fatal: Whether the relative died of it, where the report says so.
        note: What the report says of it beside that.
    """

    diagnosis: Annotated[Concept, _codes.table("diagnoses")]
    onset: Quantity | None = None
    onset_text: Text | None = None
    fatal: bool | None = None
    note: Text | None = None

    @model_validator(mode="after")
    def _onset_is_one(self) -> Self:
        _check_age("onset", self.onset)
        if self.onset is not None and self.onset_text is not None:
            raise PydanticCustomError("onset_text", "an onset is either an age or words")
        return self


class FamilyHistory(KeyedEntry):
    """
    The history of one relative, or of the family as a whole.

    Args:
        relative: The relation to the patient; ``family`` for the family as a whole.
        diseases: What the relative had.
        absent: Diseases of which the report says that the relative, or nobody in the family, had them.
        age: The age of a living relative in d, wk, mo or a.
        deceased: Whether the relative has died.
        age_at_death: The age at which the relative died, in d, wk, mo or a.
        at: When it was asked.
    """

    relative: Annotated[Concept, _codes.table("relatives")]
    diseases: tuple[Disease, ...] = ()
    absent: tuple[Annotated[Concept, _codes.table("diagnoses")], ...] = ()
    age: Quantity | None = None
    deceased: bool | None = None
    age_at_death: Quantity | None = None
    at: When | None = None

    @model_validator(mode="after")
    def _ages_are_possible(self) -> Self:
        _check_age("age", self.age)
        _check_age("age_at_death", self.age_at_death)
        if self.age_at_death is not None and (self.deceased is False or self.age is not None):
            raise PydanticCustomError("age_at_death", "a relative with an age at death is dead and has no present age")
        if self.deceased and self.age is not None:
            raise PydanticCustomError("age", "a relative who has died has no present age; write age_at_death")
        return self


def family_history(case: Case) -> Iterator[Resource]:
    """
    Map the family history; what nobody had is an Observation, since FamilyMemberHistory says only what there was.

    Reads: each `FamilyHistory`.
    Returns: one FamilyMemberHistory of a relative with diseases, or of whom only age or death is told; one Observation
    (us-core-simple-observation) with the value *absent* for each disease that is denied.
    Source: https://hl7.org/fhir/R4/familymemberhistory.html
    """
    for entry in case.entries_of(FamilyHistory):
        relative = _codes.concept("relatives", entry.relative, entry)
        if entry.diseases or not entry.absent:
            yield resource(
                "FamilyMemberHistory",
                entry.key,
                entry,
                f"Family history of the patient's {relative['text']}: {_told(entry)}.",
                status="completed",
                patient=PATIENT,
                **dated(case, "date", entry.at, entry),
                relationship=relative,
                ageAge=_age(entry.age),
                **_death(entry),
                condition=[_condition(entry, disease) for disease in entry.diseases],
                **annotation(entry.note),
            )
        for number, disease in enumerate(entry.absent, start=1):
            code = _codes.concept("diagnoses", disease, entry)
            who = "" if entry.relative.name == "family" else f" ({relative['text']})"
            yield resource(
                "Observation",
                f"{entry.key}-absent" + (f"-{number}" if len(entry.absent) > 1 else ""),
                entry,
                f"No family history of {code['text']}{who}.",
                profile=US_CORE + "us-core-simple-observation",
                status="final",
                category=category("survey"),
                code={**_codes.fixed("family-history"), "text": f"Family history of {code['text']}{who}"},
                subject=PATIENT,
                **dated(case, "effectiveDateTime", entry.at),
                performer=PERFORMER,
                valueCodeableConcept=_codes.concept("values", Concept(name="absent"), entry),
                component=[{"code": _codes.fixed("disease"), "valueCodeableConcept": code}],
                **annotation(entry.note),
            )


def _age(age: Quantity | None) -> dict[str, Any] | None:
    if age is None or age.unit is None:
        return None
    made: dict[str, Any] = _codes.quantity(age)
    return made | {"unit": _AGE_UNITS[age.unit], "system": UCUM, "code": age.unit}


def _death(entry: FamilyHistory) -> dict[str, Any]:
    if entry.age_at_death is not None:
        return {"deceasedAge": _age(entry.age_at_death)}
    # A present age says that the relative lives, and FHIR has no place for both.
    return {} if entry.deceased is None or entry.age is not None else {"deceasedBoolean": entry.deceased}


def _condition(entry: FamilyHistory, disease: Disease) -> dict[str, Any]:
    return {
        "code": _codes.concept("diagnoses", disease.diagnosis, entry),
        **({} if disease.fatal is None else {"contributedToDeath": disease.fatal}),
        **({"onsetAge": _age(disease.onset)} if disease.onset else {}),
        **({"onsetString": disease.onset_text} if disease.onset_text else {}),
        **annotation(disease.note),
    }


def _told(entry: FamilyHistory) -> str:
    parts = []
    for disease in entry.diseases:
        onset = f" at the age of {_in_words(disease.onset)}" if disease.onset else ""
        died = ", of which the relative died" if disease.fatal else ""
        words = f" ({disease.onset_text})" if disease.onset_text else ""
        parts.append(f"{_codes.words('diagnoses', disease.diagnosis, entry)}{onset}{words}{died}")
    if entry.age is not None:
        parts.append(f"{_in_words(entry.age)} old")
    if entry.age_at_death is not None:
        parts.append(f"died at the age of {_in_words(entry.age_at_death)}")
    elif entry.deceased is not None:
        parts.append("deceased" if entry.deceased else "alive")
    return "; ".join(parts) or "no disease is told"


def _in_words(age: Quantity) -> str:
    return f"{age.comparator or ''}{age.value} {_AGE_UNITS[age.unit or 'a']}"


MAPPING = Mapping(
    "family",
    family_history,
    "FamilyMemberHistory, and Observation of what nobody in the family had",
    sections=(
        Section(
            "family_history",
            FamilyHistory,
            resource="FamilyMemberHistory",
            time="date",
            example="""\
family_history:
  - key: mother
    relative: mother  # or maternal-aunt, brother, …, {text: …}
    diseases:
      - {diagnosis: {text: breast cancer}, onset: 48 a, fatal: true}
    age_at_death: 51 a
    source: made up
  - {key: no-colon-cancer, relative: family, absent: [{text: colon cancer}], source: made up}
""",
        ),
    ),
)

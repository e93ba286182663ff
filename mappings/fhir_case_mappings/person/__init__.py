"""People who gave care, by name or only by what they are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from fhir_case.case import Concept, KeyedEntry, Section
from fhir_case.case.entry import OrganizationKey, PlaceKey
from fhir_case.case.forms import Form, Text
from fhir_case.fhir.datatypes import absent, reference
from fhir_case.fhir.systems import US_CORE
from fhir_case.mapping import Codes, Mapping, reference_to, resource

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fhir_case.case import Case
    from fhir_case.fhir.wire import Resource

__all__ = ["MAPPING", "Person", "PersonName", "people"]

_codes = Codes.beside(__name__)


class PersonName(Form):
    """
    The name of someone who gave care.

    Args:
        family: The family name.
        given: The given names, in their order.
        prefix: What stands before the name, such as ``Dr``.
    """

    family: Text
    given: tuple[Text, ...] = ()
    prefix: tuple[Text, ...] = ()


class Person(KeyedEntry):
    """
    Someone who gave care.

    Args:
        role: What they are, such as a doctor.
        name: The name, where there is one.
        sex: The sex, where the report gives it.
        specialties: The specialties.
        organization: The organization that the person works for.
        location: Where they work.
    """

    role: Annotated[Concept, _codes.table("practitioners")]
    name: PersonName | None = None
    sex: Literal["male", "female", "other", "unknown"] | None = None
    specialties: tuple[Annotated[Concept, _codes.table("specialties")], ...] = ()
    organization: OrganizationKey | None = None
    location: PlaceKey | None = None


def people(case: Case) -> Iterator[Resource]:
    """
    Map every person: who they are, and apart from that what they are and where.

    Reads: each `Person`.
    Returns: one Practitioner each, profile us-core-practitioner; a family name that nobody gave says so by
    data-absent-reason. Beside it one PractitionerRole each, with what they are and where; it claims no profile, since
    that of US Core asks for a telephone number or another address (pd-1).
    Source: https://hl7.org/fhir/us/core/STU6.1/StructureDefinition-us-core-practitioner.html
    """
    for who in case.entries_of(Person):
        role = _codes.concept("practitioners", who.role, who)
        specialties = [_codes.concept("specialties", one, who) for one in who.specialties]
        what = ", ".join(one["text"] for one in (role, *specialties))
        named = _name_words(who.name)
        yield resource(
            "Practitioner",
            who.key,
            who,
            f"{named}: {what}." if named else f"{what}; the name is not stated.",
            profile=US_CORE + "us-core-practitioner",
            active=True,
            name=[_name(who.name)],
            gender=who.sex,
        )
        yield resource(
            "PractitionerRole",
            f"{who.key}-role",
            who,
            f"{what}.",
            active=True,
            practitioner=reference("Practitioner", who.key),
            organization=reference_to(case, who.organization) if who.organization else None,
            code=[role],
            specialty=specialties,
            location=[reference_to(case, who.location)] if who.location else [],
        )


def _name(name: PersonName | None) -> dict[str, Any]:
    if name is None:
        return {"_family": {"extension": absent()}}
    given = {"given": list(name.given)} if name.given else {}
    return {"family": name.family, **given, **({"prefix": list(name.prefix)} if name.prefix else {})}


def _name_words(name: PersonName | None) -> str:
    return " ".join((*name.prefix, *name.given, name.family)) if name else ""


MAPPING = Mapping(
    "person",
    people,
    "Practitioner (US Core), and PractitionerRole",
    sections=(
        Section(
            "people",
            Person,
            resource="Practitioner",
            roles=("person",),
            example="""\
people:
  - key: oncologist
    role: doctor
    specialties: [medical-oncology]
    # name: {family: …, given: […]} only where the report names them; organization: KEY, location: KEY
    source: made up
""",
        ),
    ),
)

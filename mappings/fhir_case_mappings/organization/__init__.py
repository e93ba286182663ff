"""Organizations: hospitals, departments and teams that the report tells of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from fhir_case.case import Concept, KeyedEntry, Section
from fhir_case.case.entry import OrganizationKey
from fhir_case.case.forms import Text
from fhir_case.fhir.systems import US_CORE
from fhir_case.mapping import Codes, Mapping, reference_to, resource

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fhir_case.case import Case
    from fhir_case.fhir.wire import Resource

__all__ = ["MAPPING", "Organization", "organizations"]

_codes = Codes.beside(__name__)


class Organization(KeyedEntry):
    """
    An organization.

    Args:
        name: Its name, or what it is where the report does not name it, such as "tertiary hospital".
        kinds: What kind of organization it is.
        part_of: The organization that it is a part of.
        city: The city in which it is.
        country: The country in which it is.
    """

    name: Text
    kinds: tuple[Annotated[Concept, _codes.table("organizations")], ...] = ()
    part_of: OrganizationKey | None = None
    city: Text | None = None
    country: Text | None = None


def organizations(case: Case) -> Iterator[Resource]:
    """
    Map every organization; that it exists in the report makes it active.

    Reads: each `Organization`.
    Returns: one Organization each, profile us-core-organization.
    Source: https://hl7.org/fhir/us/core/STU6.1/StructureDefinition-us-core-organization.html
    """
    for one in case.entries_of(Organization):
        kinds = [_codes.concept("organizations", kind, one) for kind in one.kinds]
        where = ", ".join(filter(None, (one.city, one.country)))
        what = ", ".join(kind["text"] for kind in kinds)
        address = {name: value for name, value in (("city", one.city), ("country", one.country)) if value}
        yield resource(
            "Organization",
            one.key,
            one,
            one.name + (f", {where}" if where else "") + (f": {what}." if what else "."),
            profile=US_CORE + "us-core-organization",
            active=True,
            type=kinds,
            name=one.name,
            address=[address] if address else [],
            partOf=reference_to(case, one.part_of) if one.part_of else None,
        )


MAPPING = Mapping(
    "organization",
    organizations,
    "Organization (US Core)",
    sections=(
        Section(
            "organizations",
            Organization,
            resource="Organization",
            roles=("organization",),
            example="""\
organizations:
  - {key: hospital, name: University hospital, kinds: [provider], city: Springfield, source: made up}
""",
        ),
    ),
)

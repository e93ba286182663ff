"""Places of care: hospitals, wards and units, as places and not as the organizations that run them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from fhir_case.case import Concept, KeyedEntry, Section
from fhir_case.case.entry import OrganizationKey, PlaceKey
from fhir_case.case.forms import Text
from fhir_case.fhir.systems import US_CORE
from fhir_case.mapping import Codes, Mapping, reference_to, resource

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fhir_case.case import Case
    from fhir_case.fhir.wire import Resource

__all__ = ["MAPPING", "Place", "places"]

_codes = Codes.beside(__name__)


class Place(KeyedEntry):
    """
    A place where care was given.

    Args:
        name: Its name, or what it is where the report does not name it.
        kinds: What kind of place it is.
        organization: Who runs it.
        part_of: The place that it is in, such as the hospital of a ward.
        city: The city in which it is.
        country: The country in which it is.
    """

    name: Text
    kinds: tuple[Annotated[Concept, _codes.table("places")], ...] = ()
    organization: OrganizationKey | None = None
    part_of: PlaceKey | None = None
    city: Text | None = None
    country: Text | None = None


def places(case: Case) -> Iterator[Resource]:
    """
    Map every place.

    Reads: each `Place`.
    Returns: one Location each, profile us-core-location; whether it is still in use is not known, so it has no status.
    Source: https://hl7.org/fhir/us/core/STU6.1/StructureDefinition-us-core-location.html
    """
    for one in case.entries_of(Place):
        kinds = [_codes.concept("places", kind, one) for kind in one.kinds]
        where = ", ".join(filter(None, (one.city, one.country)))
        what = ", ".join(kind["text"] for kind in kinds)
        yield resource(
            "Location",
            one.key,
            one,
            one.name + (f", {where}" if where else "") + (f": {what}." if what else "."),
            profile=US_CORE + "us-core-location",
            name=one.name,
            mode="instance",
            type=kinds,
            address={name: value for name, value in (("city", one.city), ("country", one.country)) if value},
            managingOrganization=reference_to(case, one.organization) if one.organization else None,
            partOf=reference_to(case, one.part_of) if one.part_of else None,
        )


MAPPING = Mapping(
    "place",
    places,
    "Location (US Core)",
    sections=(
        Section(
            "places",
            Place,
            resource="Location",
            roles=("place",),
            example="""\
places:
  - {key: icu, name: Intensive care unit, kinds: [intensive-care-unit], source: made up}  # organization: KEY
""",
        ),
    ),
)

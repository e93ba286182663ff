"""Turn the concepts and quantities of a case into FHIR by the code tables that lie beside a mapping."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fhir_case.errors import MappingError
from fhir_case.fhir.codes import Term, code_table
from fhir_case.fhir.datatypes import coding, extension, quantity
from fhir_case.wording import did_you_mean

if TYPE_CHECKING:
    from fhir_case.case.entry import Entry
    from fhir_case.case.forms import Concept, Quantity, Site, Value

__all__ = ["Codes"]


@dataclass(frozen=True, slots=True)
class Codes:
    """
    Look concepts up in the code tables of one package.

    Args:
        package: The package whose folder ``codes`` holds the tables.
    """

    package: str

    @classmethod
    def beside(cls, module: str) -> Codes:
        """Return the code tables that lie beside a mapping module; called with its ``__name__``."""
        return cls(module.rpartition(".")[0] or module)

    def term(self, table: str, concept: Concept, entry: Entry) -> Term | None:
        """
        Return what the table says about a concept; nothing for a concept that brings its own words or codes.

        Raises:
            MappingError: The short name is in no such table.
        """
        if concept.name is None:
            return None
        terms = code_table(self.package, table)
        if concept.name not in terms:
            near = did_you_mean(concept.name, terms, before="; ")
            raise MappingError(
                f"'{concept.name}' is not a known short name of {table}{near}",
                where=str(entry.place or ""),
                hint="a thing that no table knows is written {text: …} or {text: …, code: {system: …, code: …}}",
            )
        return terms[concept.name]

    def concept(self, table: str, concept: Concept, entry: Entry) -> dict[str, Any]:
        """Return a CodeableConcept: the codes of the case before those of the table, words always."""
        term = self.term(table, concept, entry)
        if concept.code:
            codings = [
                coding(one.system, one.code, one.display) | ({"version": one.version} if one.version else {})
                for one in concept.code
            ]
            return {"coding": codings, "text": self.words(table, concept, entry)}
        return term.codeable_concept(concept.text) if term else {"text": concept.text}

    def fixed(self, name: str, text: str | None = None) -> dict[str, Any]:
        """Return a CodeableConcept that a profile fixes, of the table ``fixed``."""
        return code_table(self.package, "fixed")[name].codeable_concept(text)

    def words(self, table: str, concept: Concept, entry: Entry) -> str:
        """Return a concept in words."""
        term = self.term(table, concept, entry)
        own = concept.text or (term.text if term else None)
        return own or concept.code[0].display or concept.code[0].code

    def site(self, site: Site, entry: Entry, *, laterality: str = "") -> dict[str, Any]:
        """
        Return a place of the body as CodeableConcept.

        Args:
            laterality: The URL of the extension for the side, where the profile has one.
        """
        place = self.concept("sites", site, entry)
        if site.side is None:
            return place
        if not laterality:
            return {**place, "text": f"{place['text']}, {site.side}"}
        side = {"coding": self.fixed(site.side)["coding"]}
        return {"extension": [extension(laterality, valueCodeableConcept=side)], **place}

    def quantity(self, amount: Quantity, entry: Entry, *, term: Term | None = None) -> dict[str, Any]:
        """
        Return a Quantity with the printed unit and its UCUM code.

        Raises:
            MappingError: The test is in a table, and the unit is none that fits it.
        """
        unit = amount.unit
        ucum = amount.ucum
        if ucum is None and term is not None and term.units:
            if (unit or "") not in term.units:
                fitting = ", ".join(sorted(known or "no unit" for known in term.units))
                raise MappingError(
                    f"the unit '{unit or ''}' does not fit {term.name}; it is measured in {fitting}",
                    where=str(entry.place or ""),
                    hint="correct the unit, or give its UCUM code: {value: …, unit: …, ucum: …}",
                )
            ucum = term.units[unit or ""]
        if ucum is None and unit is not None:
            known = code_table(self.package, "units").get(unit)
            ucum = known.more.get("ucum") if known else None
        label = unit or (term.more.get("unit_label") if term else None)
        return quantity(amount.value, label, ucum, amount.comparator)

    def value(self, table: str, value: Value, entry: Entry, *, term: Term | None = None) -> dict[str, Any]:
        """Return ``{"valueQuantity": …}``, or ``{"valueCodeableConcept": …}`` by the table of values."""
        if value.quantity is not None:
            return {"valueQuantity": self.quantity(value.quantity, entry, term=term)}
        if value.concept is None:
            return {}
        return {"valueCodeableConcept": self.concept(table, value.concept, entry)}

    def value_words(self, table: str, value: Value, entry: Entry) -> str:
        """Return a value in words."""
        if value.quantity is not None:
            return str(value.quantity)
        return self.words(table, value.concept, entry) if value.concept is not None else ""

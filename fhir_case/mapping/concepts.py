"""Turn the concepts and quantities of a case into FHIR by the code tables that lie beside a mapping."""

from __future__ import annotations

import sys
from collections import ChainMap
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from pydantic import AfterValidator
from pydantic_core import PydanticCustomError

from fhir_case.case.forms import Amount, Concept, Value
from fhir_case.errors import MappingError
from fhir_case.fhir.code_forms import wrong_digit, wrong_form
from fhir_case.fhir.codes import Term, code_table, code_tables, fixed_table
from fhir_case.fhir.datatypes import coding, extension, quantity
from fhir_case.fhir.installed import OWN_TERMS, installed_packages
from fhir_case.fhir.systems import MCODE, OTHER_UNIT
from fhir_case.fhir.ucum import ucum_code
from fhir_case.mapping.short_names import in_table, name_of_another, unknown

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fhir_case.case import Age, Entry, Quantity, Range, Site

__all__ = ["Codes", "InTable"]

_LATERALITY = MCODE + "mcode-laterality-qualifier"
_OPEN_FORM = "a thing that no table knows is written {text: …} or {text: …, code: {system: …, code: …}}"


@dataclass(frozen=True, slots=True)
class InTable(AfterValidator):
    """
    The check of a field that its short name is in a table.

    Args:
        table: The name of the table.
    """

    table: str = ""


@cache
def _table_of_mappings(package: str, table: str) -> Mapping[str, Term]:
    """Return a table of a package or folder, or where it has none that of an installed package."""
    if table not in code_tables(package):
        for installed in installed_packages():
            if table in code_tables(installed):
                return code_table(installed, table)
    return code_table(package, table)


@dataclass(frozen=True, slots=True)
class Codes:
    """
    Look concepts up in the code tables of one package, or of one folder.

    Args:
        package: The package that holds the tables, or the path of a folder. What is not there is looked up in the
            tables of the installed packages.
        room: The package of one concept, whose table ``fixed`` holds the codes that its profiles fix.
    """

    package: str
    room: str = ""

    @classmethod
    def beside(cls, module: str) -> Codes:
        """Return the code tables of the package of a mapping, or of the folder of its file, by its ``__name__``."""
        package = module.partition(".")[0]
        file = getattr(sys.modules.get(package), "__file__", None)
        if file and not hasattr(sys.modules[package], "__path__"):
            return cls(str(Path(file).parent))
        return cls(package, module)

    def _terms(self, table: str) -> Mapping[str, Term]:
        """Return a table of its own, or where there is none that of an installed package, with what a user adds."""
        others = _table_of_mappings(self.package, table)
        own = OWN_TERMS.get(table)
        if not own:
            return others
        return ChainMap({name: term for name, (term, _) in own.items()}, cast("dict[str, Term]", others))

    def table(self, name: str, *, suggest: bool = True) -> InTable:
        """
        Return the check that a short name is in a table: of a `Concept`, or of the concept of a `Value`.

        It goes into the annotation of a field, so that it is reported with all else that is wrong with a case file:
        ``Annotated[Concept, codes.table("tests")]``.

        Args:
            suggest: Whether an unknown name is met with the nearest known one; not for drugs, where that is another.
        """

        def check(given: Concept | Value) -> Concept | Value:
            concept = given if isinstance(given, Concept) else given.concept
            if concept is None:
                return given
            self._refuse_wrong_code(concept, name)
            if concept.name is None:
                return given
            terms = self._terms(name)
            found = in_table(concept, terms)
            if found is None:
                said = unknown(concept.name, name, terms if suggest else {})
                if concept.is_spelt:
                    said = said.replace(f"'{concept.name}'", f"'{concept.text}'", 1)
                raise PydanticCustomError("short_name", "{said}; {hint}", {"said": said, "hint": _OPEN_FORM})
            return found if given is concept else given.model_copy(update={"concept": found})

        return InTable(check, name)

    def _refuse_wrong_code(self, concept: Concept, table: str) -> None:
        """Refuse a code that cannot be one of its system, or has the display of another code of the table."""
        for one in concept.code:
            said = wrong_form(one.system, one.code) or wrong_digit(one.system, one.code)
            if not said and one.display:
                said = name_of_another(one.system, one.code, one.display, self._terms(table))
            if said:
                hint = "look the code up, or write {text: …} alone"
                raise PydanticCustomError("code", "{said}; {hint}", {"said": said.replace("; ", ", "), "hint": hint})

    def check_unit(self, table: str, concept: Concept, amount: Amount | Quantity | None) -> None:
        """
        Refuse a unit that does not fit what is measured; called by the validator of an entry with the field ``value``.

        Args:
            amount: A quantity, or a value, whose range is checked too.

        Raises:
            PydanticCustomError: The table lists the units of the concept, and this is none of them.
        """
        term = self.find(table, concept)
        if amount is None or term is None or not term.units:
            return
        for one in amount.bounds if isinstance(amount, Amount) else (amount,):
            if one.ucum is None and (one.unit or "") not in term.units and not self._code_of(one, term):
                fitting = ", ".join(sorted(known or "no unit" for known in term.units))
                said = f"the unit '{one.unit or ''}' does not fit {term.name}, which is measured in {fitting}"
                hint = "correct the unit, or give its UCUM code: {value: …, unit: …, ucum: …}"
                if other := self._measured_in(one, table, term.name):
                    hint = f"in that unit it is '{other}'"
                raise PydanticCustomError("value", "{said}; {hint}", {"said": said, "hint": hint})

    def _measured_in(self, amount: Quantity, table: str, name: str) -> str:
        """Return the short name for the same substance in another kind of unit, as ``creatinine-molar``."""
        base = name.removesuffix("-molar").removesuffix("-mass")
        terms = self._terms(table)
        names = (other for other in terms if other != name and (other == base or other.startswith(f"{base}-m")))
        return next((other for other in names if terms[other].units and self._code_of(amount, terms[other])), "")

    def term(self, table: str, concept: Concept, entry: Entry) -> Term | None:
        """
        Return what the table says about a concept; nothing for a concept that brings its own words or codes.

        Raises:
            MappingError: The short name is in no such table, and the field did not say which table it takes.
        """
        if concept.name is None:
            return None
        terms = self._terms(table)
        if concept.name not in terms:
            said = unknown(concept.name, table, terms)
            raise MappingError(said, where=str(entry.place or ""), hint=_OPEN_FORM)
        return terms[concept.name]

    def find(self, table: str, concept: Concept) -> Term | None:
        """Return what a table says about a concept that it need not know."""
        return self._terms(table).get(concept.name or "")

    def terms(self, table: str) -> Mapping[str, Term]:
        """Return all that a table says, by its short names."""
        return self._terms(table)

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
        """Return a CodeableConcept that a profile fixes, of the table ``fixed`` of the concept."""
        return fixed_table(self.room)[name].codeable_concept(text)

    def words(self, table: str, concept: Concept, entry: Entry) -> str:
        """Return a concept in words."""
        term = self.term(table, concept, entry)
        own = concept.text or (term.text if term else None)
        return own or concept.code[0].display or concept.code[0].code

    def site(self, site: Site, entry: Entry, *, laterality: str = "") -> dict[str, Any]:
        """
        Return a place of the body as CodeableConcept, its side in the extension of mCODE, which any resource may have.

        Args:
            laterality: The URL of the extension where the profile has it, so that the words need not say the side.
        """
        place = self.concept("sites", site, entry)
        if site.side is None:
            return place
        side = {"coding": self._terms("sides")[site.side].codeable_concept()["coding"]}
        words = {} if laterality else {"text": f"{place['text']}, {site.side}"}
        return {"extension": [extension(laterality or _LATERALITY, valueCodeableConcept=side)], **place, **words}

    def quantity(
        self,
        amount: Quantity,
        entry: Entry | None = None,  # noqa: ARG002 - handed in as to the other methods
        *,
        term: Term | None = None,
    ) -> dict[str, Any]:
        """
        Return a Quantity with the printed unit and its UCUM code, where there is one.

        Args:
            term: What is measured, where a table says which units it has.
        """
        label = amount.unit or (term.more.get("unit_label") if term else None)
        return _with_other_unit(quantity(amount.value, label, self._code_of(amount, term), amount.comparator), amount)

    def age(self, age: Age) -> dict[str, Any]:
        """Return an age as a Quantity in its own unit of time, as Age and Duration want it too."""
        return _with_other_unit(quantity(age.value, age.unit or "a", age.code, age.comparator), age)

    def range(self, bounds: Range, *, term: Term | None = None) -> dict[str, Any]:
        """Return a Range; one bound may be absent."""
        parts = {"low": bounds.low, "high": bounds.high}
        return {name: self.quantity(bound, term=term) for name, bound in parts.items() if bound is not None}

    def amount(self, element: str, amount: Amount, *, term: Term | None = None) -> dict[str, Any]:
        """Return ``{"doseQuantity": …}`` or ``{"doseRange": …}`` for the element ``dose``."""
        if amount.range is not None:
            return {f"{element}Range": self.range(amount.range, term=term)}
        return {f"{element}Quantity": self.quantity(amount.quantity, term=term)} if amount.quantity else {}

    def _code_of(self, amount: Quantity, term: Term | None) -> str | None:
        """Return the UCUM code of a quantity: its own, that of the test, that of the printed unit."""
        unit = amount.unit
        if amount.ucum is not None:
            return amount.ucum
        if term is not None and (unit or "") in term.units:
            return term.units[unit or ""]
        if unit is None or self.has_no_code(unit):
            return None
        code = ucum_code(unit, self._unit_word)
        return code if term is None or not term.units or code in term.units.values() else None

    def _unit_word(self, printed: str) -> str | None:
        term = self._terms("units").get(printed)
        return term.more.get("ucum") if term else None

    def has_no_code(self, printed: str) -> bool:
        """Whether the table of units says of a printed unit that UCUM has no code for it."""
        term = self._terms("units").get(printed)
        return term is not None and "ucum" not in term.more

    def value(self, table: str, value: Value, entry: Entry, *, term: Term | None = None) -> dict[str, Any]:
        """Return ``valueQuantity``, ``valueRange``, or ``valueCodeableConcept`` by the table of values."""
        if value.concept is not None:
            return {"valueCodeableConcept": self.concept(table, value.concept, entry)}
        return self.amount("value", value, term=term)

    def value_words(self, table: str, value: Value, entry: Entry) -> str:
        """Return a value in words."""
        return self.words(table, value.concept, entry) if value.concept is not None else str(value)


def _with_other_unit(made: dict[str, Any], amount: Quantity) -> dict[str, Any]:
    """Return a Quantity with the code that its unit has in another system, alone where it has none of UCUM."""
    other = amount.unit_code
    if other is None:
        return made
    coded = {"value": made["value"], "unit": amount.unit or other.display, "system": other.system, "code": other.code}
    coded = {name: value for name, value in coded.items() if value is not None}
    if "code" not in made:
        return made | coded
    return {"extension": [extension(OTHER_UNIT, valueQuantity=coded)], **made}

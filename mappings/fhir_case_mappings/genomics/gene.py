"""A gene by its symbol, and what the mappings of genomics share."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field, model_validator

from fhir_case.case import Concept
from fhir_case.case.forms.concept import plain_key
from fhir_case.fhir.systems import HGVS, ISCN
from fhir_case.mapping import Codes

if TYPE_CHECKING:
    from pydantic.json_schema import JsonSchemaValue

    from fhir_case.case import Entry

__all__ = ["CODES", "Gene", "Genes", "Method", "component", "gene_words", "hgvs", "iscn", "with_code_of_table"]

CODES = Codes.beside(__package__ or "")

_SYMBOL = re.compile(r"^[A-Za-z][A-Za-z0-9]*(-[A-Za-z0-9]+)*$")


class Gene(Concept):
    """Name a gene by its symbol, as the report writes it (``EGFR``, ``HER2``), or by words and codes."""

    @classmethod
    def short_schema(cls) -> JsonSchemaValue:
        """Return the JSON Schema of a symbol."""
        return {"type": "string", "pattern": _SYMBOL.pattern, "description": "the symbol of a gene, for example EGFR"}

    @model_validator(mode="before")
    @classmethod
    def _by_its_symbol(cls, data: Any) -> Any:
        return data.strip().lower() if isinstance(data, str) and _SYMBOL.match(data.strip()) else data


Genes = tuple[Annotated[Gene, CODES.table("gene_symbols")], ...]
Method = Annotated[Concept, CODES.table("genomic_methods"), Field(description="How it was looked for.")]


def component(name: str, **value: Any) -> dict[str, Any]:
    """Return a component of an Observation with the code of the table ``fixed``."""
    return {"code": CODES.fixed(name), **value}


def with_code_of_table(table: str, given: Concept, entry: Entry) -> dict[str, Any]:
    """Return a concept; one with a code of the case whose words are a name of the table has the code of both."""
    concept = CODES.concept(table, given, entry)
    term = (
        CODES.find(table, Concept(text=given.text, name=plain_key(given.text))) if given.code and given.text else None
    )
    if term is None:
        return concept
    known = [(one["system"], one["code"]) for one in concept["coding"]]
    further = [dict(one) for one in term.codings if (one["system"], one["code"]) not in known]
    return {**concept, "coding": [*concept["coding"], *further]}


def hgvs(printed: str) -> dict[str, Any]:
    """Return a change by its name in HGVS."""
    return {"coding": [{"system": HGVS, "code": printed, "display": printed}], "text": printed}


def iscn(printed: str) -> dict[str, Any]:
    """Return a karyotype or a change of one by its name in ISCN."""
    return {"coding": [{"system": ISCN, "code": printed, "display": printed}], "text": printed}


def gene_words(genes: Genes, entry: Entry, between: str = ", ") -> str:
    """Return the symbols of genes, joined."""
    return between.join(CODES.words("gene_symbols", one, entry) for one in genes)

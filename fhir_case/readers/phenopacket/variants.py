"""The interpretations of a phenopacket, and the variants and genes that they judge."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from fhir_case.readers.phenopacket.packet import At
from fhir_case.readers.phenopacket.terms import code_of, concept, located_concept

if TYPE_CHECKING:
    from fhir_case.readers.phenopacket.draft import Draft
    from fhir_case.readers.phenopacket.packet import Part

__all__ = ["add_interpretation"]

_PROGRESS = {"IN_PROGRESS": "in-progress", "COMPLETED": "completed", "SOLVED": "solved", "UNSOLVED": "unsolved"}
_SIGNIFICANCE = {
    "PATHOGENIC": "pathogenic",
    "LIKELY_PATHOGENIC": "likely-pathogenic",
    "UNCERTAIN_SIGNIFICANCE": "uncertain",
    "LIKELY_BENIGN": "likely-benign",
    "BENIGN": "benign",
}
_ACTIONABILITY = {"ACTIONABLE": "actionable", "NOT_ACTIONABLE": "not-actionable", "UNKNOWN_ACTIONABILITY": "unknown"}
# By the syntax of an expression, the field of a variant and what is written in it.
_REFERENCE = r"([A-Z]{2,4}_?[0-9]+(\.[0-9]+)?(\([A-Za-z0-9-]+\))?:)?"
_EXPRESSIONS = {
    "hgvs.c": ("dna", re.compile(rf"{_REFERENCE}[cnr]\.\S+( \S+)*")),
    "hgvs.n": ("dna", re.compile(rf"{_REFERENCE}[cnr]\.\S+( \S+)*")),
    "hgvs.r": ("dna", re.compile(rf"{_REFERENCE}[cnr]\.\S+( \S+)*")),
    "hgvs.g": ("genomic", re.compile(rf"{_REFERENCE}[gm]\.\S+( \S+)*")),
    "hgvs.m": ("genomic", re.compile(rf"{_REFERENCE}[gm]\.\S+( \S+)*")),
    "hgvs.p": ("protein", re.compile(rf"{_REFERENCE}p\.\S+( \S+)*")),
    "iscn": ("karyotype", re.compile(r"\S+( \S+)*")),
}
_LONGEST = 1000
Details = list[dict[str, str]]


def add_interpretation(draft: Draft, interpretation: Part) -> None:
    """Add an interpretation, with each variant or gene that it judges as an entry of its own."""
    diagnosis = interpretation.part("diagnosis")
    judged = diagnosis.parts("genomicInterpretations") if diagnosis is not None else []
    keys = [_variant(draft, one) for one in judged]
    draft.add(
        "interpretations",
        interpretation,
        draft.key("interpretation", "interpretation"),
        diagnosis=located_concept(diagnosis.part("disease")) if diagnosis is not None else None,
        progress=_PROGRESS.get(interpretation.text("progressStatus"), "unknown"),
        variants=keys,
        conclusion=interpretation.text("summary"),
        identifier=interpretation.text("id"),
    )


def _variant(draft: Draft, judged: Part) -> str:
    details: Details = []
    of = judged.text("subjectOrBiosampleId")
    fields: dict[str, Any] = {
        "result": "present",
        "contribution": judged.text("interpretationStatus").lower().replace("unknown_status", "unknown"),
        "specimen": draft.specimens.get(of),
    }
    if of and of != draft.subject and of not in draft.specimens:
        details.append({"name": "Subject or sample", "value": of})
    gene, interpreted = judged.part("gene"), judged.part("variantInterpretation")
    if gene is not None:
        fields["genes"] = [_gene(gene, details)]
    name = gene.text("symbol") if gene is not None else "variant"
    if interpreted is not None:
        significance = interpreted.text("acmgPathogenicityClassification")
        fields["significance"] = _SIGNIFICANCE.get(significance, "")
        if significance == "NOT_PROVIDED":
            details.append({"name": "ACMG pathogenicity classification", "value": "not provided"})
        fields["actionability"] = _ACTIONABILITY.get(interpreted.text("therapeuticActionability"), "")
        described = interpreted.part("variationDescriptor")
        if described is not None:
            name = _described(described, fields, details) or name
    if not (details or fields.get("genes") or fields.get("genomic") or fields.get("locus") or fields.get("karyotype")):
        details.append({"name": "Variant", "value": "not described"})
    return draft.add("variants", judged, draft.key(name, "variant"), details=details, **fields)


def _described(variation: Part, fields: dict[str, Any], details: Details) -> str:
    """Fill in what describes a variant; return the symbol of its gene."""
    gene = variation.part("geneContext")
    for name, words in (("id", "Identifier of the variant"), ("label", "Label"), ("description", "Description")):
        _detail(details, words, variation.text(name))
    if gene is not None:
        fields["genes"] = [_gene(gene, details)]
    for one in variation.parts("expressions"):
        _expression(one, fields, details)
    record = variation.part("vcfRecord")
    if record is not None:
        _locus(record, fields, details)
    for words, texts in (
        ("Cross-reference", variation.texts("xrefs")),
        ("Other label", variation.texts("alternateLabels")),
    ):
        for text in texts:
            _detail(details, words, text)
    for one in variation.parts("extensions"):
        _detail(details, one.text("name") or "Extension", one.text("value") or "(without a value)")
    _detail(details, "Molecule context", variation.text("moleculeContext").replace("_", " "))
    _detail(details, "Reference allele of VRS", variation.text("vrsRefAlleleSeq"))
    _detail(details, "VRS", variation.whole("variation"))
    kind, state = variation.part("structuralType"), variation.part("allelicState")
    if kind is not None:
        fields["type"] = At(kind.place, concept(kind))
    if state is not None:
        fields["zygosity"] = At(state.place, concept(state))
    return gene.text("symbol") if gene is not None else ""


def _gene(gene: Part, details: Details) -> At:
    """Return a gene by its symbol with its code; what else is said of it are details."""
    symbol, identifier = gene.text("symbol"), gene.text("valueId")
    code = code_of(identifier, symbol)
    words = symbol or identifier or "gene without a symbol"
    if identifier and code is None:
        words = f"{words} ({identifier})" if words != identifier else words
    _detail(details, "Description of the gene", gene.text("description"))
    for name, said in (
        ("alternateIds", "Other identifier"),
        ("alternateSymbols", "Other symbol"),
        ("xrefs", "Cross-reference"),
    ):
        for text in gene.texts(name):
            _detail(details, f"{said} of the gene", text)
    return At(gene.place, {"text": words, **({"code": [code]} if code else {})})


def _expression(one: Part, fields: dict[str, Any], details: Details) -> None:
    """Put a name of a variant into its field; one that does not fit there, or a further one, is a detail."""
    syntax, value, version = one.text("syntax"), one.text("value"), one.text("version")
    field, pattern = _EXPRESSIONS.get(syntax.lower(), ("", None))
    if pattern is not None and field not in fields and len(value) <= _LONGEST and pattern.fullmatch(value):
        fields[field] = value
    else:
        _detail(details, syntax or "Expression", value)
    _detail(details, f"Version of {syntax or 'the expression'}", version)


def _locus(record: Part, fields: dict[str, Any], details: Details) -> None:
    assembly, chromosome = record.text("genomeAssembly"), record.text("chrom")
    position, reference, alternate = record.number("pos"), record.text("ref"), record.text("alt")
    if chromosome and position is not None and reference and alternate:
        locus: dict[str, Any] = {"chromosome": chromosome, "position": int(position)}
        locus |= {"reference": reference, "alternate": alternate}
        fields["locus"] = At(record.place, locus | ({"assembly": assembly} if assembly else {}))
    else:
        said = {
            "assembly": assembly,
            "chromosome": chromosome,
            "position": position,
            "REF": reference,
            "ALT": alternate,
        }
        for name, value in said.items():
            _detail(details, f"VCF {name}", "" if value is None else str(value))
    for name in ("id", "qual", "filter", "info"):
        _detail(details, f"VCF {name.upper()}", record.text(name))


def _detail(details: Details, name: str, value: str) -> None:
    if value:
        details.append({"name": name, "value": value})

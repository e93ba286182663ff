"""Variants and the reports that judge them as interpretations of a phenopacket."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from fhir_case.export.phenopacket.findings import kept
from fhir_case.export.phenopacket.samples import name_of_sample
from fhir_case.export.phenopacket.source import texts_of
from fhir_case.export.phenopacket.terms import ontology_class
from fhir_case.fhir.wire import mapping, objects

if TYPE_CHECKING:
    from fhir_case.export.phenopacket.source import Source, Taken

__all__ = ["interpretations_of", "is_variant"]

Json = dict[str, Any]
_VARIANT = "69548-6"
_PROGRESS = {
    "in progress": "IN_PROGRESS", "completed": "COMPLETED", "solved": "SOLVED", "unsolved": "UNSOLVED",
    "unknown": "UNKNOWN_PROGRESS",
}  # fmt: skip
_SIGNIFICANCE = {
    "pathogenic": "PATHOGENIC", "likely pathogenic": "LIKELY_PATHOGENIC", "likely benign": "LIKELY_BENIGN",
    "benign": "BENIGN", "of uncertain significance": "UNCERTAIN_SIGNIFICANCE",
}  # fmt: skip
_ACTIONABILITY = {
    "actionable": "ACTIONABLE", "not actionable": "NOT_ACTIONABLE", "unknown": "UNKNOWN_ACTIONABILITY"
}  # fmt: skip
_EXPRESSIONS = {"48004-6": "hgvs.c", "81290-9": "hgvs.g", "48005-3": "hgvs.p", "81291-7": "iscn"}
_VCF = {"69547-8": "ref", "69551-0": "alt", "48000-4": "chrom", "62374-4": "genomeAssembly"}
_PLAIN = {
    "Identifier of the variant": "id", "Label": "label", "Description": "description",
    "Molecule context": "moleculeContext", "Reference allele of VRS": "vrsRefAlleleSeq",
}  # fmt: skip
_LISTS = {"Cross-reference": "xrefs", "Other label": "alternateLabels"}
_OF_GENE = {
    "Other identifier of the gene": "alternateIds", "Other symbol of the gene": "alternateSymbols",
    "Cross-reference of the gene": "xrefs",
}  # fmt: skip
_SYNTAXES = frozenset({"hgvs.c", "hgvs.g", "hgvs.p", "hgvs.n", "hgvs.m", "hgvs.r", "iscn", "spdi", "gnomad", "vcf"})
_ABSENT = frozenset({"LA9634-2"})


def is_variant(observation: Taken) -> bool:
    """Return whether an Observation is one of a genetic variant."""
    codes = (str(one.get("code")) for one in objects(mapping(observation.resource.get("code")).get("coding")))
    return _VARIANT in codes


def interpretations_of(source: Source, subject: str) -> list[Json]:
    """Return the interpretations: the reports of variants, and one for the variants that no report names."""
    found = []
    for report in source.of_type("DiagnosticReport"):
        variants = [one for each in report.all_of("result") if (one := source.take(each)) and is_variant(one)]
        others = [each for each in report.all_of("result") if (one := source.take(each)) and not is_variant(one)]
        codes = report.all_of("conclusionCode")
        if not variants and not codes:
            continue
        progress = next((_PROGRESS[said] for one in codes if (said := texts_of(one)) in _PROGRESS), "UNKNOWN_PROGRESS")
        disease = next((named for one in codes if (named := ontology_class(one))), None)
        names = [one for one in objects(report.resource.get("identifier")) if "system" not in one]
        judged = [made for one in variants if (made := _judged(source, one, subject))]
        if others:
            report.leave("result", f"an interpretation has variants; {len(others)} other results stand by themselves")
        report.get("code", "specimen")
        found.append(
            kept(
                {
                    "id": str(names[0].get("value")) if names else str(report.resource.get("id")),
                    "progressStatus": progress,
                    "diagnosis": kept({"disease": disease, "genomicInterpretations": judged}),
                    "summary": report.get("conclusion"),
                }
            )
        )
        report.finish()
    alone = [one for one in source.of_type("Observation") if is_variant(one)]
    judged = [made for one in alone if (made := _judged(source, one, subject))]
    if judged:
        found.append(
            {"id": "variants", "progressStatus": "UNKNOWN_PROGRESS", "diagnosis": {"genomicInterpretations": judged}}
        )
    return found


def _judged(source: Source, observation: Taken, subject: str) -> Json | None:
    value = mapping(observation.get("valueCodeableConcept"))
    if any(str(one.get("code")) in _ABSENT for one in objects(value.get("coding"))):
        observation.finish()
        observation.leave("value", "a phenopacket names no variants that were not found")
        return None
    specimen = source.take(observation.get("specimen"))
    variation: Json = {}
    genes: list[Json] = []
    judged: Json = {"subjectOrBiosampleId": name_of_sample(specimen) if specimen is not None else subject}
    interpreted: Json = {}
    vcf: Json = {}
    for part in observation.all_of("component"):
        if not _component(part, (judged, interpreted, variation, genes, vcf)):
            observation.leave("component", f"a variant of a phenopacket has no '{texts_of(part.get('code'))}'")
    if vcf:
        variation["vcfRecord"] = vcf
    if genes:
        variation["geneContext"] = genes[0]
    for gene in genes[1:]:
        observation.leave("component", f"a variant has one gene; {gene.get('symbol')} is left out")
    observation.get("code", "method")
    observation.finish()
    if variation.keys() == {"geneContext"} and not interpreted:
        return kept({**judged, "gene": genes[0]})
    described = {**interpreted, "variationDescriptor": variation}
    return kept({**judged, "variantInterpretation": kept(described)})


def _component(part: Any, into: tuple[Json, Json, Json, list[Json], Json]) -> bool:
    """Put a component in its place; return whether there is one."""
    judged, interpreted, variation, genes, vcf = into
    words = texts_of(part.get("code"))
    code = next((str(one.get("code")) for one in objects(mapping(part.get("code")).get("coding"))), "")
    concept = mapping(part.get("valueCodeableConcept"))
    said = str(part.get("valueString") or texts_of(concept))
    if code == "48018-6":
        genes.append(_gene(concept))
    elif code in _EXPRESSIONS:
        variation.setdefault("expressions", []).append({"syntax": _EXPRESSIONS[code], "value": said})
    elif code in _VCF:
        vcf[_VCF[code]] = said
    elif code == "81254-5":
        vcf["pos"] = int(mapping(mapping(part.get("valueRange")).get("low")).get("value", 0))
    elif code == "53034-5":
        variation["allelicState"] = ontology_class(concept)
    elif code == "48019-4" or words == "Molecular consequence":
        variation["structuralType"] = ontology_class(concept)
    elif code == "53037-8":
        interpreted["acmgPathogenicityClassification"] = _SIGNIFICANCE.get(said, "")
        return said in _SIGNIFICANCE
    elif words == "Contribution to the diagnosis":
        judged["interpretationStatus"] = said.upper().replace("UNKNOWN", "UNKNOWN_STATUS")
    elif words == "Therapeutic actionability":
        interpreted["therapeuticActionability"] = _ACTIONABILITY.get(said, "")
    else:
        return _detail(words, said, (judged, interpreted, variation, genes, vcf))
    return True


def _gene(concept: Any) -> Json:
    named = ontology_class(concept)
    symbol = texts_of(concept)
    if named is None:
        return {"symbol": symbol}
    return {"valueId": named["id"], "symbol": symbol.removesuffix(f" ({named['id']})")}


def _detail(name: str, value: str, into: tuple[Json, Json, Json, list[Json], Json]) -> bool:
    """Put a detail in its place; what has none is an extension of the variant."""
    judged, interpreted, variation, genes, vcf = into
    if name in _PLAIN:
        variation[_PLAIN[name]] = value.replace(" ", "_") if name == "Molecule context" else value
    elif name in _LISTS:
        variation.setdefault(_LISTS[name], []).append(value)
    elif name.endswith(" of the gene") and genes:
        _detail_of_gene(name, value, genes[0])
    elif name.startswith("VCF ") and name.removeprefix("VCF ").isupper():
        vcf[name.removeprefix("VCF ").lower()] = value
    elif name == "VRS":
        variation["variation"] = json.loads(value, parse_float=Decimal)
    elif name == "ACMG pathogenicity classification":
        interpreted["acmgPathogenicityClassification"] = "NOT_PROVIDED"
    elif name == "Subject or sample":
        judged["subjectOrBiosampleId"] = value
    elif name.startswith("Version of ") and variation.get("expressions"):
        syntax = name.removeprefix("Version of ")
        matching = [one for one in variation["expressions"] if one["syntax"] == syntax]
        (matching or variation["expressions"])[-1]["version"] = value
    elif name.lower() in _SYNTAXES:
        variation.setdefault("expressions", []).append({"syntax": name, "value": value})
    else:
        variation.setdefault("extensions", []).append({"name": name, "value": value})
    return bool(value)


def _detail_of_gene(name: str, value: str, gene: Json) -> None:
    if name in _OF_GENE:
        gene.setdefault(_OF_GENE[name], []).append(value)
    else:
        gene["description"] = value

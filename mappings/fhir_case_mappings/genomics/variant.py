"""Genetic variants, found or looked for in vain."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from fhir_case.case import Coding, Concept, Event, Quantity, Section
from fhir_case.case.entry import SpecimenKey
from fhir_case.case.forms import CODE_PATTERN, Text
from fhir_case.fhir.datatypes import coding
from fhir_case.fhir.systems import MCODE, UCUM
from fhir_case.mapping import Mapping, observation, reference_to
from fhir_case_mappings.genomics.details import Detail, Locus, detail_components, told_besides
from fhir_case_mappings.genomics.gene import CODES, Genes, Method, component, gene_words, hgvs, iscn, with_code_of_table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fhir_case.case import Case
    from fhir_case.fhir.wire import Resource

__all__ = ["MAPPING", "Variant", "variants"]

_REFERENCE = r"^([A-Z]{2,4}_?[0-9]+(\.[0-9]+)?(\([A-Za-z0-9-]+\))?:)?"
_CODING = re.compile(rf"{_REFERENCE}[cnr]\.\S+( \S+)*$")
_GENOMIC = re.compile(rf"{_REFERENCE}[gm]\.\S+( \S+)*$")
_PROTEIN = re.compile(rf"{_REFERENCE}p\.\S+( \S+)*$")


def _in_hgvs(pattern: re.Pattern[str], example: str) -> AfterValidator:
    def check(printed: str) -> str:
        if pattern.match(printed) is None:
            raise PydanticCustomError(
                "hgvs",
                "'{given}' is not a change in HGVS, such as {example}",
                {"given": printed[:60], "example": example},
            )
        return printed

    return AfterValidator(check)


# A change of one amino acid as reports write it beside HGVS: T790M, R882H.
_SHORT_PROTEIN = re.compile(r"^[ACDEFGHIKLMNPQRSTVWY][0-9]{1,5}(?:[ACDEFGHIKLMNPQRSTVWY*]|fs\S{0,10})$")


def _prefixed(printed: Any) -> Any:
    return f"p.{printed}" if isinstance(printed, str) and _SHORT_PROTEIN.match(printed.strip()) else printed


class Variant(Event):
    """
    A genetic variant that was found, or looked for in vain.

    Args:
        genes: The gene; both partners of a fusion; all genes without a variant where the result is ``absent``.
        result: ``present``, ``absent``, ``indeterminate`` or ``no-call``.
        type: What kind of change it is, such as ``missense``, ``deletion``, ``fusion`` or ``amplification``.
        dna: The change of the coding DNA in HGVS, with its transcript where the report gives one.
        genomic: The change of the genomic DNA in HGVS.
        protein: The change of the protein in HGVS.
        region: The exon, intron or domain.
        location: The cytogenetic location.
        karyotype: The change in ISCN, for example of a translocation.
        origin: Germline or somatic, where the report says so.
        zygosity: Whether one or both alleles have it.
        significance: What it means for the patient, such as ``pathogenic``.
        allele_frequency: The part of the reads or alleles that have it.
        allelic_ratio: The ratio of mutated to wild-type alleles, as for an internal tandem duplication of FLT3.
        copy_number: The number of copies, or its mean in the cells.
        identifier: A name of the variant in a database, such as ClinVar or dbSNP.
        locus: Where it is in the genome, and what stands there, as a VCF file has it.
        contribution: What it contributes to the diagnosis, as the source judges it.
        actionability: Whether there is a treatment for it.
        details: What the source says of it beside that, by the names that it has there.
        method: How it was looked for.
        specimen: What was examined, an entry of ``specimens``.
    """

    genes: Genes = ()
    result: Annotated[Concept, CODES.table("variant_results")]
    type: Annotated[Concept, CODES.table("variant_types")] | None = None
    dna: Annotated[Text, _in_hgvs(_CODING, "c.2573T>G or NM_005228.5:c.2573T>G")] | None = None
    genomic: Annotated[Text, _in_hgvs(_GENOMIC, "NC_000007.14:g.55191822T>G")] | None = None
    protein: Annotated[Text, BeforeValidator(_prefixed), _in_hgvs(_PROTEIN, "p.Leu858Arg or p.L858R")] | None = None
    region: Text | None = None
    location: Text | None = None
    karyotype: Annotated[str, Field(pattern=CODE_PATTERN, max_length=1000)] | None = None
    origin: Annotated[Concept, CODES.table("genomic_origins")] | None = None
    zygosity: Annotated[Concept, CODES.table("zygosities")] | None = None
    significance: Annotated[Concept, CODES.table("significances")] | None = None
    allele_frequency: Quantity | None = None
    allelic_ratio: Quantity | None = None
    copy_number: Quantity | None = None
    identifier: Coding | None = None
    locus: Locus | None = None
    contribution: Literal["rejected", "candidate", "contributory", "causative", "unknown"] | None = None
    actionability: Literal["actionable", "not-actionable", "unknown"] | None = None
    details: tuple[Detail, ...] = ()
    method: Method | None = None
    specimen: SpecimenKey | None = None

    @model_validator(mode="after")
    def _is_possible(self) -> Self:
        known = self.genes or self.genomic or self.location or self.karyotype or self.locus or self.details
        if self.result.name == "present" and not known:
            raise PydanticCustomError("genes", "a variant has a gene, a genomic change, a location or a karyotype")
        share = self.allele_frequency
        found = self.allele_frequency or self.allelic_ratio
        if self.result.name == "absent" and found is not None and found.value > 0:
            raise PydanticCustomError(
                "result", "a variant that is absent is in no allele; correct the result or the allele frequency"
            )
        if self.allelic_ratio is not None and (self.allelic_ratio.unit or self.allelic_ratio.value < 0):
            raise PydanticCustomError("allelic_ratio", "an allelic ratio is a number without a unit")
        if share is not None:
            most = {"%": 100, None: 1, "1": 1}.get(share.unit)
            if most is None or not 0 <= share.value <= most:
                raise PydanticCustomError(
                    "allele_frequency", "an allele frequency is between 0 and 100 %, or a part of 1 without a unit"
                )
        copies = self.copy_number
        if copies is not None and (copies.unit or copies.value < 0):
            raise PydanticCustomError("copy_number", "a copy number is a number without a unit")
        return self


def variants(case: Case) -> Iterator[Resource]:
    """
    Map each variant, also those that were looked for in vain.

    Reads: each `Variant`.
    Returns: one Observation each, profile mcode-genomic-variant. Fusions have a component for each gene. The clinical
    significance is a component too, as in earlier versions of mCODE: the present one has an Observation of its own for
    it, whose profile is one of another guide.
    Source: https://hl7.org/fhir/us/mcode/STU4/StructureDefinition-mcode-genomic-variant.html
    """
    for entry in case.entries_of(Variant):
        made = observation(
            case,
            entry,
            kind="laboratory",
            code=CODES.fixed("variant"),
            value={"valueCodeableConcept": CODES.concept("variant_results", entry.result, entry)},
            words=_words(entry),
            at=entry.at,
            profile=MCODE + "mcode-genomic-variant",
            method=CODES.concept("genomic_methods", entry.method, entry) if entry.method else None,
            specimen=reference_to(case, entry.specimen) if entry.specimen else None,
            component=list(_components(entry)),
        )
        made.pop("note", None)  # of a data type of another guide in this profile, so that it is a component
        yield made


def _components(entry: Variant) -> Iterator[dict[str, Any]]:
    for gene in entry.genes:
        yield component("gene", valueCodeableConcept=CODES.concept("gene_symbols", gene, entry))
    for name, printed in (("dna", entry.dna), ("genomic", entry.genomic), ("protein", entry.protein)):
        if printed:
            yield component(name, valueCodeableConcept=hgvs(printed))
    yield from _kinds(entry)
    yield from _places(entry)
    if entry.identifier is not None:
        one = entry.identifier
        version = {"version": one.version} if one.version else {}
        named = coding(one.system, one.code, one.display) | version
        yield component("variation", valueCodeableConcept={"coding": [named]})
    yield from _amounts(entry)
    yield from detail_components(entry)
    if entry.note:
        yield {"code": {"text": "Note"}, "valueString": entry.note}


def _kinds(entry: Variant) -> Iterator[dict[str, Any]]:
    if entry.type is not None:
        term = CODES.term("variant_types", entry.type, entry)
        kind = term.more["component"] if term else "change"
        yield component(kind, valueCodeableConcept=CODES.concept("variant_types", entry.type, entry))
    for name, table, concept in (
        ("origin", "genomic_origins", entry.origin),
        ("zygosity", "zygosities", entry.zygosity),
        ("significance", "significances", entry.significance),
    ):
        if concept is not None:
            yield component(name, valueCodeableConcept=with_code_of_table(table, concept, entry))


def _places(entry: Variant) -> Iterator[dict[str, Any]]:
    if entry.region:
        yield component("region", valueString=entry.region)
    if entry.location:
        yield component("location", valueCodeableConcept={"text": entry.location})
    if entry.karyotype:
        yield component("nomenclature", valueCodeableConcept=iscn(entry.karyotype))


def _amounts(entry: Variant) -> Iterator[dict[str, Any]]:
    if entry.allele_frequency is not None:
        share = CODES.quantity(entry.allele_frequency, entry)
        yield component("frequency", valueQuantity=share | {"system": UCUM, "code": entry.allele_frequency.unit or "1"})
    if entry.allelic_ratio is not None:
        ratio = CODES.quantity(entry.allelic_ratio, entry) | {"system": UCUM, "code": "1"}
        yield {"code": {"text": "Allelic ratio"}, "valueQuantity": ratio}
    if entry.copy_number is not None:
        copies = {"valueQuantity": CODES.quantity(entry.copy_number, entry) | {"system": UCUM, "code": "1"}}
        if entry.copy_number.value == entry.copy_number.value.to_integral_value():
            yield component("copy-number", **copies)
        else:  # the profile wants a whole number (cnt-3)
            yield {"code": {"text": "Mean copy number"}, **copies}


def _words(entry: Variant) -> str:
    fusion = entry.type is not None and entry.type.name == "fusion"
    what = [gene_words(entry.genes, entry, "::" if fusion else ", "), entry.region, entry.location, entry.karyotype]
    what += [entry.dna, entry.protein, entry.genomic]
    told = [
        CODES.words(table, concept, entry)
        for table, concept in (
            ("variant_results", entry.result),
            ("variant_types", entry.type),
            ("genomic_origins", entry.origin),
            ("zygosities", entry.zygosity),
            ("significances", entry.significance),
        )
        if concept is not None
    ]
    if entry.allele_frequency is not None:
        told.append(f"allele frequency {entry.allele_frequency}")
    if entry.allelic_ratio is not None:
        told.append(f"allelic ratio {entry.allelic_ratio}")
    if entry.copy_number is not None:
        told.append(f"{entry.copy_number} copies")
    told += told_besides(entry)
    named = " ".join(one for one in what if one)
    return ", ".join(one for one in (named, *told) if one)


MAPPING = Mapping(
    "genomic-variant",
    variants,
    "Observation (mCODE genomic variant)",
    sections=(
        Section(
            "variants",
            Variant,
            resource="Observation",
            time="effectiveDateTime",
            roles=("variant",),
            example="""\
variants:
  - key: kras-g12d
    genes: [KRAS]      # by their symbols; both partners of a fusion; all genes without a variant
    result: present    # or absent, indeterminate, no-call
    type: missense     # or deletion, frameshift, fusion, amplification and others
    dna: c.35G>A       # in HGVS
    protein: p.Gly12Asp
    origin: somatic
    significance: pathogenic
    allele_frequency: 31 %
    method: sequencing
    at: operation
    source: made up
  - {key: no-nras-braf, genes: [NRAS, BRAF], result: absent, at: operation, source: made up}
""",
        ),
    ),
)

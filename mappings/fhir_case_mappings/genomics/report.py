"""Genomic reports: the regions that were studied, the variants, and what is said of the whole genome."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Any, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from fhir_case.case import Concept, Event, Quantity, Section
from fhir_case.case.entry import SpecimenKey, key_of
from fhir_case.case.forms import CODE_PATTERN, Key, Text
from fhir_case.fhir.datatypes import code_of
from fhir_case.fhir.systems import DIAGNOSTIC_SERVICE, MCODE, UCUM, US_CORE
from fhir_case.mapping import PATIENT, PERFORMER, Mapping, dated, moment_words, observation, reference_to, resource
from fhir_case_mappings.genomics.gene import CODES, Genes, Method, component, gene_words, iscn

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fhir_case.case import Case
    from fhir_case.fhir.wire import Resource

__all__ = ["MAPPING", "GenomicReport", "genomic_reports"]

_GENETICS = code_of(DIAGNOSTIC_SERVICE, "GE", "Genetics")
_PER_MEGABASE = re.compile(r"(mut|muts|mutations?|variants?)?( per |/)(mb|megabase)s?", re.IGNORECASE)


class GenomicReport(Event):
    """
    A report of a genetic test.

    Args:
        name: The name of the test or panel.
        genes: The genes that were studied, as far as the report names them.
        region: What was studied, in words, such as the whole exome or 324 genes.
        variants: What was found or looked for in vain, entries of ``variants``.
        mutational_burden: The mutations in a megabase (TMB).
        burden: Whether that is ``high``, ``low`` or so.
        microsatellites: ``stable``, ``low`` or ``high`` (MSS, MSI-L, MSI-H).
        karyotype: The karyotype in ISCN.
        method: How it was looked for.
        specimen: What was examined, an entry of ``specimens``.
        conclusion: What the report says of the whole, in words of one's own.
    """

    name: Text | None = None
    genes: Genes = ()
    region: Text | None = None
    variants: tuple[Annotated[Key, key_of("variant")], ...] = ()
    mutational_burden: Quantity | None = None
    burden: Annotated[Concept, CODES.table("interpretations")] | None = None
    microsatellites: Annotated[Concept, CODES.table("microsatellites")] | None = None
    karyotype: Annotated[str, Field(pattern=CODE_PATTERN, max_length=1000)] | None = None
    method: Method | None = None
    specimen: SpecimenKey | None = None
    conclusion: Text | None = None

    @model_validator(mode="after")
    def _is_possible(self) -> Self:
        burden = self.mutational_burden
        fits = burden is None or burden.ucum or burden.unit is None or _PER_MEGABASE.fullmatch(burden.unit)
        if burden is not None and (burden.value < 0 or not fits):
            raise PydanticCustomError("mutational_burden", "a mutational burden is not negative and in mut/Mb")
        if self.burden is not None and burden is None:
            raise PydanticCustomError("burden", "'burden' interprets 'mutational_burden', which is not there")
        return self


def genomic_reports(case: Case) -> Iterator[Resource]:
    """
    Map each report of a genetic test, with what is no variant in Observations of its own.

    Reads: each `GenomicReport`.
    Returns: one DiagnosticReport each, profile mcode-genomics-report; at most one Observation each for the regions that
    were studied (mcode-genomic-region-studied), the mutational burden and the microsatellites (mcode-tumor-marker-test)
    and the karyotype (us-core-observation-lab).
    Source: https://hl7.org/fhir/us/mcode/STU4/StructureDefinition-mcode-genomics-report.html
    """
    for entry in case.entries_of(GenomicReport):
        # The note is one about the report, and a report of R4 has no element for it but its conclusion.
        own = list(_observations(case, entry.model_copy(update={"note": None})))
        code = CODES.fixed("report", entry.name)
        conclusion = " ".join(one for one in (entry.conclusion, _method_words(entry, own)) if one)
        results = [reference_to(case, key) for key in entry.variants]
        yield resource(
            "DiagnosticReport",
            entry.key,
            entry,
            f"{code['text']} ({moment_words(case, entry.at)}).",
            conclusion,
            profile=MCODE + "mcode-genomics-report",
            status="final",
            category=[_GENETICS],
            code=code,
            subject=PATIENT,
            **dated(case, "effectiveDateTime", entry.at, entry),
            performer=PERFORMER,
            specimen=[reference_to(case, entry.specimen)] if entry.specimen else [],
            result=results + [{"reference": f"Observation/{one['id']}"} for one in own],
            conclusion=" ".join(one for one in (conclusion, entry.note) if one),
        )
        yield from own


def _method_words(entry: GenomicReport, own: list[Resource]) -> str:
    """Return how it was looked for, where no Observation says it; a report of R4 has no method."""
    if entry.method is None or any("method" in one for one in own):
        return ""
    return f"Method: {CODES.words('genomic_methods', entry.method, entry)}."


def _observations(case: Case, entry: GenomicReport) -> Iterator[Resource]:
    if entry.genes or entry.region:
        yield _observed(case, entry, "region-studied", _studied(entry), component=list(_regions(entry)), value={})
    if entry.mutational_burden is not None:
        yield _observed(
            case,
            entry,
            "mutational-burden",
            _burden_words(entry),
            value={"valueQuantity": _per_megabase(entry.mutational_burden, entry)},
            interpretation=[CODES.concept("interpretations", entry.burden, entry)] if entry.burden else [],
        )
    if entry.microsatellites is not None:
        found = CODES.concept("microsatellites", entry.microsatellites, entry)
        yield _observed(case, entry, "microsatellite-instability", found["text"], value={"valueCodeableConcept": found})
    if entry.karyotype:
        yield _observed(
            case, entry, "karyotype", entry.karyotype, value={"valueCodeableConcept": iscn(entry.karyotype)}
        )


# What ends the key of each Observation, and its profile.
_PROFILE = {
    "region-studied": ("regions", MCODE + "mcode-genomic-region-studied"),
    "mutational-burden": ("tmb", MCODE + "mcode-tumor-marker-test"),
    "microsatellite-instability": ("msi", MCODE + "mcode-tumor-marker-test"),
    "karyotype": ("karyotype", US_CORE + "us-core-observation-lab"),
}


def _observed(case: Case, entry: GenomicReport, name: str, words: str, **elements: Any) -> Resource:
    ending, profile = _PROFILE[name]
    return observation(
        case,
        entry,
        key=f"{entry.key}-{ending}",
        kind="laboratory",
        code=CODES.fixed(name),
        words=words,
        at=entry.at,
        profile=profile,
        method=CODES.concept("genomic_methods", entry.method, entry) if entry.method and name != "karyotype" else None,
        specimen=reference_to(case, entry.specimen) if entry.specimen else None,
        **elements,
    )


def _regions(entry: GenomicReport) -> Iterator[dict[str, Any]]:
    if entry.genes:
        # The profile has one component for all genes, so that they are the codings of one concept.
        studied = [CODES.concept("gene_symbols", gene, entry) for gene in entry.genes]
        codings = [one for gene in studied for one in gene.get("coding", ())]
        both = {"coding": codings} if codings else {}
        yield component("gene", valueCodeableConcept={**both, "text": gene_words(entry.genes, entry)})
    if entry.region:
        yield component("region-description", valueString=entry.region)


def _studied(entry: GenomicReport) -> str:
    return "; ".join(one for one in (gene_words(entry.genes, entry), entry.region) if one)


def _burden_words(entry: GenomicReport) -> str:
    said = f", {CODES.words('interpretations', entry.burden, entry)}" if entry.burden else ""
    return f"{entry.mutational_burden}{said}"


def _per_megabase(burden: Quantity, entry: GenomicReport) -> dict[str, Any]:
    """Return mutations in a megabase; the UCUM code says how many in one base."""
    amount = CODES.quantity(burden, entry)
    return {"unit": "mut/Mb", **amount, "system": UCUM, "code": burden.ucum or "10*-6"}


MAPPING = Mapping(
    "genomic-report",
    genomic_reports,
    "DiagnosticReport (mCODE genomics report), region studied, tumour mutational burden, microsatellites, karyotype",
    sections=(
        Section(
            "genomic_reports",
            GenomicReport,
            resource="DiagnosticReport",
            time="effectiveDateTime",
            example="""\
genomic_reports:
  - key: tumour-sequencing
    name: Panel of 50 genes
    genes: [KRAS, NRAS, BRAF]
    mutational_burden: 4 mut/Mb
    microsatellites: stable  # or low, high
    method: next-generation-sequencing
    conclusion: No target for a drug.  # in your own words
    at: operation
    source: made up
""",
        ),
    ),
)

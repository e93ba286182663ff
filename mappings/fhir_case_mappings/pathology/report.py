"""Pathology reports, with the Observations that they hold and the histology of the cancer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fhir_case.case import Concept, KeyedEntry, Section
from fhir_case.fhir.datatypes import absent, code_of, extension
from fhir_case.fhir.systems import DIAGNOSTIC_SERVICE, FHIR_DEFINITION, MCODE, US_CORE
from fhir_case.mapping import (
    PATIENT,
    PERFORMER,
    Addition,
    Mapping,
    dated,
    moment_words,
    observation,
    reference_to,
    resource,
)
from fhir_case_mappings.pathology.entries import CODES, NodeCount, Pathology

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fhir_case.case import Case
    from fhir_case.fhir.wire import Resource

__all__ = ["MAPPING", "pathology"]

_CATEGORY = code_of(DIAGNOSTIC_SERVICE, "LAB", "Laboratory")
_LABORATORY = US_CORE + "us-core-observation-lab"


def pathology(case: Case) -> Iterator[Resource | Addition]:
    """
    Map each report of a pathologist to a report, and what it says to Observations.

    Reads: each `Pathology`.
    Returns: one DiagnosticReport each, profile us-core-diagnosticreport-lab; Observations of the histology
    (mcode-histologic-behavior-and-type), the grade (mcode-histologic-grade), the size (mcode-tumor-size, where the
    specimen is known) and the rest (us-core-observation-lab). The histology that was found last is added to the cancer
    as mCODE's extension.
    Source: https://hl7.org/fhir/us/mcode/STU4/group-disease.html
    """
    for entry in case.entries_of(Pathology):
        # The note is one about the report, and a report of R4 has no element for it but its conclusion.
        own = list(_observations(case, entry.model_copy(update={"note": None})))
        examination = entry.examination or Concept(name="pathology")
        name = CODES.words("examinations", examination, entry)
        code = CODES.concept("examinations", examination, entry)
        results = [reference_to(case, key) for key in entry.results]
        # A report of R4 has no element for what it is about; its Observations say that where there are any.
        about = entry.of if entry.of and not own else None
        yield resource(
            "DiagnosticReport",
            entry.key,
            entry,
            f"{name} ({moment_words(case, entry.at)}).",
            entry.conclusion or "",
            profile=US_CORE + "us-core-diagnosticreport-lab",
            extension=[extension(_SUPPORTING, valueReference=reference_to(case, about))] if about else [],
            status="final",
            category=[_CATEGORY, CODES.fixed("category")],
            code=code,
            subject=PATIENT,
            **dated(case, "effectiveDateTime", entry.at, entry),
            _issued={"extension": absent()},
            performer=PERFORMER,
            specimen=[reference_to(case, entry.specimen)] if entry.specimen else [],
            result=[{"reference": f"Observation/{one['id']}"} for one in own] + results,
            conclusion=" ".join(one for one in (entry.conclusion, entry.note) if one),
        )
        yield from own
    yield from _histologies_of_cancers(case)


def _histologies_of_cancers(case: Case) -> Iterator[Addition]:
    """Add to each cancer the histology that was found last; mCODE has one, and wants a code."""
    cancers = {entry.key for entry in case.entries_of(KeyedEntry) if entry.is_cancer}
    last: dict[str, tuple[str, dict[str, Any]]] = {}
    for entry in case.entries_of(Pathology):
        if entry.of in cancers and entry.histology is not None:
            found = CODES.concept("histologies", entry.histology, entry)
            day = case.moments.moment(entry.at).day
            if "coding" in found and (entry.of not in last or day >= last[entry.of][0]):
                last[entry.of] = (day, found)
    for key, (_, found) in last.items():
        url = MCODE + "mcode-histology-morphology-behavior"
        yield Addition(
            case.section_of(key).resource,
            key,
            {"extension": [extension(url, valueCodeableConcept=found)]},
            text=f"Histology: {found['text']}.",
        )


def _observations(case: Case, entry: Pathology) -> Iterator[Resource]:
    if entry.histology is not None:
        found = CODES.concept("histologies", entry.histology, entry)
        yield _observed(case, entry, "histology", found["text"], value={"valueCodeableConcept": found})
    if entry.grade is not None:
        found = CODES.concept("grades", entry.grade, entry)
        system = CODES.concept("grading_systems", entry.grading, entry) if entry.grading else None
        words = found["text"] + (f" by {system['text']}" if system else "")
        yield _observed(case, entry, "grade", words, value={"valueCodeableConcept": found}, method=system)
    if entry.margins is not None:
        yield _margins(case, entry)
    if entry.residual is not None:
        found = CODES.concept("residuals", entry.residual, entry)
        yield _observed(case, entry, "residual", found["text"], value={"valueCodeableConcept": found})
    for name, count in (("nodes", entry.nodes), ("sentinel-nodes", entry.sentinel_nodes)):
        if count is not None:
            yield _nodes(case, entry, name, count)
    if entry.size is not None:
        yield _size(case, entry)
    for number, one in enumerate(entry.features, 1):
        yield _observed(
            case,
            entry,
            f"feature-{number}",
            CODES.value_words("values", one.value, entry),
            code=CODES.concept("features", one.feature, entry),
            value=CODES.value("values", one.value, entry),
        )


_SUPPORTING = FHIR_DEFINITION + "workflow-supportingInfo"

_PROFILE = {
    "histology": MCODE + "mcode-histologic-behavior-and-type",
    "grade": MCODE + "mcode-histologic-grade",
}


def _observed(
    case: Case, entry: Pathology, name: str, words: str, *, code: dict[str, Any] | None = None, **elements: Any
) -> Resource:
    # Of the profiles only those of mCODE know the extension; elsewhere the disease is the focus.
    profile = elements.pop("profile", _PROFILE.get(name, _LABORATORY))
    about: dict[str, Any] = {}
    if entry.of is not None and name in _PROFILE:
        about["extension"] = [extension(MCODE + "mcode-related-condition", valueReference=reference_to(case, entry.of))]
    elif entry.of is not None and profile == _LABORATORY:
        about["focus"] = [reference_to(case, entry.of)]
    return observation(
        case,
        entry,
        key=f"{entry.key}-{name}",
        kind="laboratory",
        code=code or CODES.fixed(name),
        words=words,
        at=entry.at,
        profile=profile,
        specimen=reference_to(case, entry.specimen) if entry.specimen else None,
        **about,
        **elements,
    )


def _margins(case: Case, entry: Pathology) -> Resource:
    found = CODES.concept("margins", entry.margins, entry) if entry.margins else {}
    distance = entry.margin_distance
    parts: list[dict[str, Any]] = []
    if distance is not None:
        nearest = CODES.quantity(distance, entry)
        parts = [{"code": {"text": "Distance to the nearest margin"}, "valueQuantity": nearest}]
    return _observed(
        case,
        entry,
        "margins",
        found["text"] + (f", nearest at {distance}" if distance else ""),
        value={"valueCodeableConcept": found},
        component=parts,
    )


def _nodes(case: Case, entry: Pathology, name: str, count: NodeCount) -> Resource:
    examined = [{"code": CODES.fixed(f"{name}-examined"), "valueInteger": count.examined}]
    return _observed(
        case,
        entry,
        name,
        str(count),
        value={"valueInteger": count.positive},
        component=examined if count.examined is not None else [],
    )


def _size(case: Case, entry: Pathology) -> Resource:
    named = [("longest-dimension", entry.size), *(("other-dimension", one) for one in entry.other_dimensions)]
    # mCODE's profile is of a tumour or a specimen that is known.
    return _observed(
        case,
        entry,
        "tumour-size",
        " x ".join(str(one) for _, one in named),
        value={},
        profile=MCODE + "mcode-tumor-size" if entry.specimen else _LABORATORY,
        component=[
            {"code": CODES.fixed(name), "valueQuantity": CODES.quantity(one, entry)} for name, one in named if one
        ],
    )


MAPPING = Mapping(
    "pathology",
    pathology,
    "DiagnosticReport (US Core), histology, grade, margins, lymph nodes and size (mCODE), histology of the cancer",
    sections=(
        Section(
            "pathology",
            Pathology,
            resource="DiagnosticReport",
            time="effectiveDateTime",
            roles=("pathology",),
            example="""\
pathology:
  - key: resected-colon-pathology
    examination: surgical-pathology
    of: colon-cancer
    histology: adenocarcinoma
    grade: g2             # a grade, which is no stage
    margins: negative     # or positive, close
    residual: r0
    nodes: 2/15           # with metastasis, of those examined
    size: 41 mm
    features:
      - {feature: perineural-invasion, value: absent}
    conclusion: Moderately differentiated adenocarcinoma.  # in your own words
    at: operation
    source: made up
""",
        ),
    ),
)

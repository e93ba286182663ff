"""Conditions and Observations as diseases, phenotypic features and measurements."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fhir_case.export.phenopacket.source import texts_of
from fhir_case.export.phenopacket.terms import life_value, ontology_class, quantity, reference_range, time_element
from fhir_case.fhir.systems import MCODE, SYSTEMS
from fhir_case.fhir.wire import mapping, objects

if TYPE_CHECKING:
    from fhir_case.export.phenopacket.source import Source, Taken

__all__ = ["disease_of", "feature_of", "is_feature", "kept", "measurement_of", "procedure_of"]

Json = dict[str, Any]
_SIDES = {
    "7771000": ("NCIT:C25229", "Left"), "24028007": ("NCIT:C25228", "Right"), "51440002": ("NCIT:C13332", "Bilateral"),
}  # fmt: skip
_ABSENT = {"2667000", "LA9634-2"}
_PRESENT = {"52101004", "LA9633-4"}


def kept(fields: Json) -> Json:
    """Return the fields that have a value."""
    return {name: value for name, value in fields.items() if value not in (None, "", [], {})}


def disease_of(source: Source, condition: Taken) -> Json | None:
    """Return a Condition as a disease, with the stages that it names; nothing where it has no code with a prefix."""
    term = ontology_class(condition.get("code"))
    if term is None:
        condition.refuse(f"'{texts_of(condition.resource.get('code'))}' has no code that a phenopacket can name")
        return None
    statuses = {str(one.get("code")) for one in objects(mapping(condition.get("verificationStatus")).get("coding"))}
    onset, gone = time_element(condition, "onset"), time_element(condition, "abatement")
    clinical = {str(one.get("code")) for one in objects(mapping(condition.get("clinicalStatus")).get("coding"))}
    if clinical - {"resolved"} or (clinical and gone is None):
        condition.leave("clinicalStatus", "a disease of a phenopacket has no status")
    sites = condition.all_of("bodySite")
    for one in sites[1:]:
        condition.leave("bodySite", f"a disease has one primary site; {texts_of(one)} is left out")
    stages, tnm = _stages(source, condition)
    _leave_notes(condition)
    found = {
        "term": term,
        "excluded": "refuted" in statuses,
        "onset": onset,
        "resolution": gone,
        "diseaseStage": stages,
        "clinicalTnmFinding": tnm,
        "primarySite": ontology_class(sites[0]) if sites else None,
        "laterality": _laterality(sites[0]) if sites else None,
    }
    condition.finish()
    return kept(found | ({} if found["excluded"] else {"excluded": None}))


def _leave_notes(taken: Taken) -> None:
    if taken.notes():
        taken.leave("note", "a phenopacket has no description there")


def _laterality(site: Any) -> Json | None:
    for one in objects(mapping(site).get("extension")):
        for code in objects(mapping(one.get("valueCodeableConcept")).get("coding")):
            if str(code.get("code")) in _SIDES:
                curie, label = _SIDES[str(code["code"])]
                return {"id": curie, "label": label}
    return None


def _stages(source: Source, condition: Taken) -> tuple[list[Json], list[Json]]:
    stages: list[Json] = []
    tnm: list[Json] = []
    for one in condition.all_of("stage"):
        for reference in objects(one.get("assessment")):
            stage = source.take(reference)
            if stage is None or stage.name in source.done:
                continue
            value = ontology_class(stage.get("valueCodeableConcept"))
            is_tnm = "TNM" in texts_of(stage.get("code")) or f"{MCODE}mcode-tnm" in str(stage.resource.get("meta"))
            if value is None:
                said = texts_of(stage.resource.get("valueCodeableConcept"))
                stage.leave("value", f"'{said}' has no code that a phenopacket can name")
            else:
                (tnm if is_tnm else stages).append(value)
            stage.get("focus", "method")
            if "effectiveDateTime" in stage.resource:
                stage.leave("effectiveDateTime", "a stage of a phenopacket has no time")
            stage.get("effectiveDateTime", "_effectiveDateTime")
            stage.finish()
    return stages, tnm


def is_feature(observation: Taken) -> bool:
    """Return whether an Observation says that a sign is present or absent, by a term of HPO or its value."""
    systems = {str(one.get("system")) for one in objects(mapping(observation.resource.get("code")).get("coding"))}
    value = mapping(observation.resource.get("valueCodeableConcept"))
    codes = {str(one.get("code")) for one in objects(value.get("coding"))}
    return bool(codes & (_PRESENT | _ABSENT)) and (
        SYSTEMS["HPO"] in systems or value.get("text") in {"present", "excluded", "absent"}
    )


def feature_of(observation: Taken) -> Json | None:
    """Return an Observation as a phenotypic feature; nothing where it has no code with a prefix."""
    kind = ontology_class(observation.get("code"))
    if kind is None:
        observation.refuse(f"'{texts_of(observation.resource.get('code'))}' has no code that a phenopacket can name")
        return None
    value = mapping(observation.get("valueCodeableConcept"))
    codes = {str(one.get("code")) for one in objects(value.get("coding"))}
    found: Json = {"description": observation.notes(), "type": kind, "excluded": True if codes & _ABSENT else None}
    evidence: list[Json] = []
    modifiers: list[Json] = []
    for part in observation.all_of("component"):
        words = texts_of(part.get("code"))
        if words.endswith(("onset", "resolution")):
            found[words.rpartition(" ")[2]] = life_value(part)
        elif words in {"Evidence", "Reference of the evidence"}:
            _add_evidence(evidence, part, words)
        elif words not in {"Severity", "Modifier"}:
            observation.leave("component", f"a feature of a phenopacket has no '{words}'")
        elif (named := ontology_class(part.get("valueCodeableConcept"))) is None:
            said = texts_of(part.get("valueCodeableConcept"))
            observation.leave("component", f"{words.lower()} '{said}' has no code that a phenopacket can name")
        elif words == "Severity":
            found["severity"] = named
        else:
            modifiers.append(named)
    observation.get("specimen")
    when = time_element(observation, "effective")
    if when is not None:
        observation.leave("effective", "a feature of a phenopacket has an onset, and no time of observation")
    observation.finish()
    return kept({**found, "modifiers": modifiers, "evidence": [kept(one) for one in evidence if kept(one)]})


def _add_evidence(evidence: list[Json], part: Any, words: str) -> None:
    if words == "Evidence":
        evidence.append({"evidenceCode": ontology_class(part.get("valueCodeableConcept"))})
        return
    if not evidence or "reference" in evidence[-1]:
        evidence.append({})
    evidence[-1]["reference"] = _reference(str(part.get("valueString", "")))


def _reference(words: str) -> Json:
    """Return an external reference of one line: identifier, address and title, as far as they are there."""
    found: Json = {}
    for part in words.split("; "):
        if "reference" not in found and "://" in part:
            found["reference"] = part
        elif not found and ":" in part and " " not in part:
            found["id"] = part
        else:
            found["description"] = f"{found['description']}; {part}" if "description" in found else part
    return found


def measurement_of(source: Source, observation: Taken) -> Json | None:
    """Return an Observation with a value as a measurement; nothing where it has no code with a prefix or no value."""
    assay = ontology_class(observation.get("code"))
    value = _value(observation)
    parts = observation.all_of("component")
    if assay is None or (value is None and not parts):
        words = texts_of(observation.resource.get("code"))
        no_code = f"'{words}' has no code that a phenopacket can name"
        observation.refuse("it has no value that a phenopacket can have" if assay is not None else no_code)
        return None
    found: Json = {
        "description": observation.notes(),
        "assay": assay,
        "timeObserved": time_element(observation, "effective"),
    }
    if value is not None:
        found["value"] = value
    elif parts:
        found["complexValue"] = {"typedQuantities": [one for part in parts if (one := _typed(observation, part))]}
    procedure = next((there for each in observation.all_of("partOf") if (there := source.take(each))), None)
    if procedure is not None and procedure.resource.get("resourceType") == "Procedure":
        found["procedure"] = procedure_of(procedure)
    observation.get("specimen")
    for name in ("interpretation", "method", "bodySite", "focus", "derivedFrom", "hasMember", "dataAbsentReason"):
        if name in observation.resource:
            observation.leave(name, "a measurement of a phenopacket has no place for it")
            observation.get(name)
    observation.finish()
    return kept(found)


def _value(observation: Taken) -> Json | None:
    if "valueQuantity" in observation.resource:
        amount = quantity(observation, "valueQuantity", observation.get("valueQuantity"))
        if amount is None:
            return None
        expected = reference_range(observation.get("referenceRange"))
        return {"quantity": amount | ({"referenceRange": expected} if expected else {})}
    if "valueCodeableConcept" in observation.resource:
        named = ontology_class(observation.get("valueCodeableConcept"))
        return {"ontologyClass": named} if named else None
    if "valueInteger" in observation.resource:
        return {"quantity": {"value": observation.get("valueInteger")}}
    return None


def _typed(observation: Taken, part: Any) -> Json | None:
    kind = ontology_class(part.get("code"))
    if kind is None or "valueQuantity" not in part:
        observation.leave("component", f"'{texts_of(part.get('code'))}' has no code or no number")
        return None
    amount = quantity(observation, "component", part["valueQuantity"])
    if amount is None:
        return None
    expected = reference_range(part.get("referenceRange"))
    return {"type": kind, "quantity": amount | ({"referenceRange": expected} if expected else {})}


def procedure_of(procedure: Taken) -> Json:
    """Return what was done, where and when."""
    sites = procedure.all_of("bodySite")
    for one in sites[1:]:
        procedure.leave("bodySite", f"a procedure has one site; {texts_of(one)} is left out")
    found = {
        "code": ontology_class(procedure.get("code")),
        "bodySite": ontology_class(sites[0]) if sites else None,
        "performed": time_element(procedure, "performed"),
    }
    procedure.finish()
    return kept(found)

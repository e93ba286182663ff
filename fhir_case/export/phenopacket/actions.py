"""Procedures and MedicationStatements as medical actions, with what came of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fhir_case.export.phenopacket.findings import kept, procedure_of
from fhir_case.export.phenopacket.source import texts_of
from fhir_case.export.phenopacket.terms import of_extensions, ontology_class, quantity, timestamp
from fhir_case.fhir.systems import MCODE
from fhir_case.fhir.wire import mapping, objects
from fhir_case.readers.phenopacket.actions import DRUG_TYPES, RESPONSE

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fhir_case.export.phenopacket.source import Source, Taken

__all__ = ["actions_of"]

Json = dict[str, Any]
_RADIOTHERAPY = "1217123003"
_INTENT = f"{MCODE}mcode-procedure-intent"
_REGIMEN = {"in-progress": "STARTED", "completed": "COMPLETED", "stopped": "DISCONTINUED"}
_TYPES = {words: name for name, words in DRUG_TYPES.items()}
_GRAY = 100


def actions_of(source: Source) -> list[Json]:
    """Return the medical actions; doses of one drug that nothing else tells apart are intervals of one treatment."""
    found = [_of_procedure(source, one) for one in source.of_type("Procedure")]
    treatments: list[tuple[Json, list[Taken]]] = []
    for one in source.of_type("MedicationStatement"):
        action = _of_drug(source, one)
        if action is None:
            continue
        last = treatments[-1] if treatments else None
        if last is not None and _is_next_dose(last[0], action):
            last[0]["treatment"]["doseIntervals"] += action["treatment"]["doseIntervals"]
            last[1].append(one)
        else:
            treatments.append((action, [one]))
    for action, doses in treatments:
        _add_what_came_of_it(source, action, doses)
        found.append(action)
    return [kept(one) for one in found if one is not None]


def _is_next_dose(first: Json, second: Json) -> bool:
    def alike(action: Json) -> Json:
        treatment = {name: value for name, value in action["treatment"].items() if name != "doseIntervals"}
        return {**action, "treatment": treatment | {"cumulativeDose": None}}

    both = all(one["treatment"].get("doseIntervals") for one in (first, second))
    return both and alike(first) == alike(second) and not second["treatment"].get("cumulativeDose")


def _aim(source: Source, taken: Taken, intent: Any = None) -> Json:
    reasons = taken.all_of("reasonCode")
    conditions = [each for given in taken.all_of("reasonReference") if (each := source.take(given)) is not None]
    concepts = [*reasons, *(each.resource.get("code") for each in conditions)]
    for one in concepts[1:]:
        taken.leave("reason", f"an action has one target; {texts_of(one)} is left out")
    ended = taken.get("statusReason")
    ended = ended[0] if isinstance(ended, list) and ended else ended
    return {
        "treatmentTarget": ontology_class(concepts[0]) if concepts else None,
        "treatmentIntent": ontology_class(intent) if intent else None,
        "treatmentTerminationReason": ontology_class(ended) if ended else None,
    }


def _intent(extensions: Iterable[Any]) -> Any:
    return next((one.get("valueCodeableConcept") for one in extensions if one.get("url") == _INTENT), None)


def _of_procedure(source: Source, procedure: Taken) -> Json | None:
    codes = {str(one.get("code")) for one in objects(mapping(procedure.resource.get("code")).get("coding"))}
    aim = _aim(source, procedure, _intent(procedure.all_of("extension")))
    if _RADIOTHERAPY in codes:
        action: Json = {"radiationTherapy": _radiation(source, procedure), **aim}
    elif _is_regimen(source, procedure):
        action = {"therapeuticRegimen": _regimen(procedure), **aim}
    else:
        made = procedure_of(procedure)
        if "code" not in made:
            words = texts_of(procedure.resource.get("code"))
            procedure.leave("code", f"'{words}' has no code that a phenopacket can name")
            return None
        action = {"procedure": made, **aim}
    _add_what_came_of_it(source, action, [procedure])
    return action


def _is_regimen(source: Source, procedure: Taken) -> bool:
    if texts_of(procedure.resource.get("category")) == "drug regimen":
        return True
    return any(_is_part_of(source, one, {procedure.name}) for one in source.of_type("MedicationStatement"))


def _regimen(procedure: Taken) -> Json:
    span = mapping(procedure.get("performedPeriod"))
    named = ontology_class(procedure.get("code"))
    names = [one for one in objects(procedure.resource.get("identifier")) if "system" not in one]
    identifier = str(names[0].get("value", "")) if names else ""
    words = texts_of(procedure.resource.get("code"))
    address = next((one for one in procedure.notes().split() if "://" in one), "").rstrip(".")
    reference = kept({"id": identifier, "reference": address, "description": words if words != identifier else ""})
    found = {
        **({"ontologyClass": named} if named else {"externalReference": reference}),
        "startTime": _end(span, "start"),
        "endTime": _end(span, "end"),
        "regimenStatus": _REGIMEN.get(str(procedure.resource.get("status")), ""),
    }
    procedure.finish()
    return kept(found)


def _end(span: Any, name: str) -> Json | None:
    if name in span:
        return {"timestamp": timestamp(str(span[name]))}
    return of_extensions(mapping(span.get(f"_{name}")))


def _radiation(source: Source, procedure: Taken) -> Json:
    code = mapping(procedure.get("code"))
    rest = [one for one in objects(code.get("coding")) if str(one.get("code")) != _RADIOTHERAPY]
    sites = procedure.all_of("bodySite")
    found: Json = {"modality": ontology_class({"coding": rest, "text": code.get("text")})}
    found["bodySite"] = ontology_class(sites[0]) if sites else None
    for extension in procedure.all_of("extension"):
        for part in objects(extension.get("extension")):
            if part.get("url") == "fractionsDelivered":
                found["fractions"] = part.get("valueUnsignedInt")
            if part.get("url") == "totalDoseDelivered":
                centigray = mapping(part.get("valueQuantity")).get("value", 0)
                found["dosage"] = int(centigray / _GRAY) if centigray % _GRAY == 0 else None
                if found["dosage"] is None:
                    procedure.leave("extension", f"a dose of {centigray} cGy is no whole number of Gray")
    for one in list(source.of_type("Observation", "BodyStructure")):
        if _is_amount_of(source, one, procedure):
            source.done.add(one.name)
    span = mapping(procedure.get("performedPeriod"))
    if "start" in span:
        procedure.leave("performedPeriod", "radiation therapy of a phenopacket has no time")
    procedure.finish()
    return kept(found)


def _is_amount_of(source: Source, one: Taken, course: Taken) -> bool:
    """Return whether a resource says of a course what its extension says too: a volume, a dose, the fractions."""
    if one.name.rpartition("/")[2].startswith(f"{course.name.rpartition('/')[2]}-volume"):
        return True
    return _is_part_of(source, one, {course.name}) and texts_of(one.resource.get("code")) not in {RESPONSE, ""}


def _is_part_of(source: Source, one: Taken, names: set[str]) -> bool:
    parts = (source.take(each) for each in objects(one.resource.get("partOf")))
    return any(each is not None and each.name in names for each in parts)


def _of_drug(source: Source, drug: Taken) -> Json | None:
    dosage = mapping(next(iter(drug.all_of("dosage")), {}))
    span = mapping(drug.get("effectivePeriod"))
    request = next((one for each in objects(drug.resource.get("basedOn")) if (one := source.take(each))), None)
    intent = _intent(request.all_of("extension")) if request is not None else None
    if request is not None:
        source.done.add(request.name)
    agent = ontology_class(drug.get("medicationCodeableConcept"))
    if agent is None:
        words = texts_of(drug.resource.get("medicationCodeableConcept"))
        drug.refuse(f"'{words}' has no code that a phenopacket can name")
        return None
    treatment: Json = {
        "agent": agent,
        "routeOfAdministration": ontology_class(dosage.get("route")),
        "doseIntervals": [interval] if (interval := _interval(drug, dosage, span)) else [],
        "drugType": _TYPES.get(texts_of(drug.resource.get("category")), ""),
        "cumulativeDose": _cumulative(source, drug),
    }
    action: Json = {"treatment": kept(treatment), **_aim(source, drug, intent)}
    drug.get("partOf")
    drug.finish()
    return action


def _interval(drug: Taken, dosage: Any, span: Any) -> Json:
    amounts = next(iter(objects(dosage.get("doseAndRate"))), {})
    dose = mapping(amounts.get("doseQuantity") or amounts.get("rateQuantity"))
    if amounts and not dose:
        drug.leave("dosage", "a dose of a phenopacket is one number")
    ends = {
        name: timestamp(str(span[name])) for name in ("start", "end") if len(str(span.get(name, ""))) > len("2020-01")
    }
    frequency = mapping(mapping(dosage.get("timing")).get("code"))
    named = ontology_class(frequency)
    if frequency and named is None:
        drug.leave("dosage", f"the frequency '{texts_of(frequency)}' has no code that a phenopacket can name")
    return kept(
        {"quantity": quantity(drug, "dosage", dose) if dose else None, "scheduleFrequency": named, "interval": ends}
    )


def _cumulative(source: Source, drug: Taken) -> Json | None:
    for one in source.of_type("Observation"):
        if texts_of(one.resource.get("code")) == "Cumulative dose" and _is_part_of(source, one, {drug.name}):
            one.get("code", "partOf", "effectivePeriod")
            amount = quantity(one, "valueQuantity", one.get("valueQuantity"))
            one.finish()
            return amount
    return None


def _add_what_came_of_it(source: Source, action: Json, treated: list[Taken]) -> None:
    names = {one.name for one in treated}
    for one in source.of_type("Observation"):
        if texts_of(one.resource.get("code")) == RESPONSE and _is_part_of(source, one, names):
            one.get("code", "partOf")
            action["responseToTreatment"] = ontology_class(one.get("valueCodeableConcept"))
            one.finish()
    for event in source.of_type("AdverseEvent"):
        suspects = [source.take(one.get("instance")) for one in event.all_of("suspectEntity")]
        if any(each and each.name in names for each in suspects):
            named = ontology_class(event.get("event"))
            for given in event.all_of("resultingCondition"):
                if (condition := source.take(given)) is not None:
                    source.done.add(condition.name)
            event.finish()
            if named is None:
                event.leave(
                    "event", f"'{texts_of(event.resource.get('event'))}' has no code that a phenopacket can name"
                )
            else:
                action.setdefault("adverseEvents", []).append(named)

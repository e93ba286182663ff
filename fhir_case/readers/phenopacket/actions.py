"""The medical actions of a phenopacket: procedures, drugs, radiation, regimens, and what came of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fhir_case.readers.phenopacket.features import add_procedure
from fhir_case.readers.phenopacket.packet import At
from fhir_case.readers.phenopacket.quantities import quantity_of
from fhir_case.readers.phenopacket.terms import concept, located_concept
from fhir_case.readers.phenopacket.times import day_of, time_of

if TYPE_CHECKING:
    from fhir_case.readers.phenopacket.draft import Draft
    from fhir_case.readers.phenopacket.packet import Part

__all__ = ["DRUG_TYPES", "RESPONSE", "add_action"]

RESPONSE = "Response to treatment"
_REGIMEN_STATUS = {"STARTED": "active", "COMPLETED": "completed", "DISCONTINUED": "stopped"}
DRUG_TYPES = {
    "PRESCRIPTION": "prescription",
    "EHR_MEDICATION_LIST": "medication list of a health record",
    "ADMINISTRATION_RELATED_TO_PROCEDURE": "administration related to a procedure",
    "UNKNOWN_DRUG_TYPE": "unknown drug type",
}


def add_action(draft: Draft, action: Part) -> None:
    """Add what was done, and entries for the response and the adverse events."""
    target, reason = action.part("treatmentTarget"), action.part("treatmentTerminationReason")
    aim: dict[str, Any] = {"intent": located_concept(action.part("treatmentIntent"))}
    if target is not None:
        condition = draft.conditions.get(target.text("id"))
        aim |= {"reasons": [condition]} if condition else {"targets": [located_concept(target)]}
        target.text("label")
    if reason is not None:
        aim |= {"stopped_for": located_concept(reason), "status": "stopped"}
    given = {name: value for name, value in aim.items() if value is not None}
    keys = _added(draft, action, given)
    if not keys:
        return
    response = action.part("responseToTreatment")
    if response is not None:
        draft.add(
            "findings",
            response,
            draft.key("response", "finding"),
            finding={"text": RESPONSE},
            value={"concept": At(response.place, concept(response))},
            category="therapy",
            follows=keys[0],
        )
    for event in action.parts("adverseEvents"):
        draft.add(
            "adverse_events",
            event,
            draft.key(event.text("id"), "event"),
            event=At(event.place, concept(event)),
            suspects=keys,
        )


def _added(draft: Draft, action: Part, aim: dict[str, Any]) -> list[str]:
    """Add the entries of the action that there is; return their keys."""
    if (procedure := action.part("procedure")) is not None:
        return [add_procedure(draft, procedure, **aim)]
    if (treatment := action.part("treatment")) is not None:
        return _treatment(draft, treatment, aim)
    if (radiation := action.part("radiationTherapy")) is not None:
        return [_radiation(draft, radiation, aim)]
    if (regimen := action.part("therapeuticRegimen")) is not None:
        return [_regimen(draft, regimen, aim)]
    return []


def _treatment(draft: Draft, treatment: Part, aim: dict[str, Any]) -> list[str]:
    """Add a drug, one entry for each of its doses."""
    agent = treatment.part("agent")
    total, drug_type = treatment.part("cumulativeDose"), treatment.text("drugType")
    name = agent.text("id") if agent else ""
    common: dict[str, Any] = {
        "drug": located_concept(agent),
        "route": located_concept(treatment.part("routeOfAdministration")),
        "category": DRUG_TYPES.get(drug_type, ""),
        "status": "unknown",
        **aim,
    }
    once = {"cumulative_dose": quantity_of(total)} if total is not None else {}
    intervals = treatment.parts("doseIntervals")
    if not intervals:
        return [draft.add("medications", treatment, draft.key(name, "drug"), **common, **once)]
    keys = []
    for one in intervals:
        keys.append(draft.add("medications", one, draft.key(name, "drug"), **common, **once, **_dose(one)))
        once = {}
    return keys


def _dose(interval: Part) -> dict[str, Any]:
    amount, times = interval.part("quantity"), interval.part("interval")
    found: dict[str, Any] = {"frequency": located_concept(interval.part("scheduleFrequency"))}
    if amount is not None:
        dose = quantity_of(amount)
        if dose["value"] > 0:
            found["dose"] = At(amount.place, {"quantity": dose})
        else:
            amount.packet.lose(amount.place, f"a dose of {dose['value']} {dose.get('unit', '')}", "it is no dose")
    if times is not None:
        found["at"], found["until"] = (
            {"day": day} if day else None for day in (day_of(times, "start"), day_of(times, "end"))
        )
    return found


def _radiation(draft: Draft, radiation: Part, aim: dict[str, Any]) -> str:
    modality, site = radiation.part("modality"), radiation.part("bodySite")
    dose, fractions = radiation.number("dosage"), radiation.number("fractions")
    return draft.add(
        "radiotherapies",
        radiation,
        draft.key(modality.text("id") if modality else "", "radiation"),
        course=located_concept(modality) or {"text": "radiation therapy"},
        sites=[located_concept(site)] if site is not None else [],
        dose=f"{dose} Gy" if dose else None,  # the schema has Gray
        fractions=int(fractions) if fractions else None,
        **aim,
    )


def _regimen(draft: Draft, regimen: Part, aim: dict[str, Any]) -> str:
    named, elsewhere = regimen.part("ontologyClass"), regimen.part("externalReference")
    identifier = elsewhere.text("id") if elsewhere is not None else ""
    description = elsewhere.text("description") if elsewhere is not None else ""
    url = elsewhere.text("reference") if elsewhere is not None else ""
    status = _REGIMEN_STATUS.get(regimen.text("regimenStatus"), "unknown")
    return draft.add(
        "regimens",
        regimen,
        draft.key(named.text("id") if named else identifier, "regimen"),
        regimen=located_concept(named) or {"text": description or identifier or url or "regimen"},
        identifier=identifier,
        at=time_of(regimen.part("startTime")),
        until=time_of(regimen.part("endTime")),
        note=f"Reference: {url}." if url else "",
        **{"status": status, **aim},
    )

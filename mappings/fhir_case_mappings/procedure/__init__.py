"""Procedures that are not radiotherapy: surgery, and what else is done, or was not done."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import model_validator
from pydantic_core import PydanticCustomError

from fhir_case.case import Concept, Event, Section, Site, When
from fhir_case.case.entry import ConditionKey, key_of
from fhir_case.case.forms import Form, Key, Text
from fhir_case.fhir.datatypes import annotation, extension, reference
from fhir_case.fhir.systems import FHIR_DEFINITION, MCODE, US_CORE
from fhir_case.mapping import (
    PATIENT,
    Codes,
    Mapping,
    dated,
    intent_extension,
    moment_words,
    period,
    resource,
    treats_cancer,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fhir_case.case import Case
    from fhir_case.fhir.wire import Resource

__all__ = ["MAPPING", "Device", "Procedure", "procedures"]

_codes = Codes.beside(__name__)

# All codes of these are in mCODE's value set of surgery; of SNOMED CT those under 387713003 are.
_SURGICAL_SYSTEMS = frozenset({
    "http://www.ama-assn.org/go/cpt",
    "http://www.cms.gov/Medicare/Coding/ICD10",
    "http://hl7.org/fhir/sid/icd-10-pcs",
})  # fmt: skip


class Device(Form):
    """
    A device that a procedure implanted, removed or used.

    Args:
        name: Its name in the report.
        type: What it is, such as ``stent``; its name, where that says it.
        manufacturer: Who makes it.
        model: Its model as printed.
        action: What was done with it.
        lot_number: Its lot as printed.
        serial_number: Its serial number as printed.
    """

    name: Text
    type: Annotated[Concept, _codes.table("devices")] | None = None
    manufacturer: Text | None = None
    model: Text | None = None
    lot_number: Text | None = None
    serial_number: Text | None = None
    action: Literal["implanted", "removed", "used"] = "implanted"


class Procedure(Event):
    """
    A procedure that is not radiotherapy; ``at`` is its begin.

    Args:
        procedure: What was done.
        kind: ``surgery`` or ``diagnostic``, where the short name of the procedure does not tell.
        until: Its end.
        status: ``completed``, unless the report says otherwise.
        stopped_for: Why it was not done, or was stopped.
        intent: What it was meant to do, such as ``curative`` or ``palliative``.
        technique: How it was done, such as ``laparoscopic``.
        sites: The places of the body at which it was done.
        reasons: The diseases that it was for.
        targets: What it was for, where that is no disease of the case.
        complications: What went wrong, in words.
        complicated_by: The diseases and adverse events of the case that are its complications.
        outcome: What came of it, in words.
        devices: What was implanted, removed or used.
    """

    procedure: Annotated[Concept, _codes.table("procedures")]
    kind: Literal["surgery", "diagnostic"] | None = None
    until: When | None = None
    status: Literal["completed", "in-progress", "stopped", "not-done", "on-hold", "planned", "unknown"] = "completed"
    stopped_for: Annotated[Concept, _codes.table("reasons")] | None = None
    intent: Annotated[Concept, _codes.table("intents")] | None = None
    technique: Annotated[Concept, _codes.table("techniques")] | None = None
    sites: tuple[Annotated[Site, _codes.table("sites")], ...] = ()
    reasons: tuple[ConditionKey, ...] = ()
    targets: tuple[Concept, ...] = ()
    complications: tuple[Annotated[Concept, _codes.table("events")], ...] = ()
    complicated_by: tuple[Annotated[Key, key_of("condition", "adverse-event")], ...] = ()
    outcome: Text | None = None
    devices: tuple[Device, ...] = ()

    @model_validator(mode="after")
    def _reason_fits(self) -> Self:
        if self.stopped_for is not None and self.status in {"completed", "in-progress", "planned"}:
            raise PydanticCustomError(
                "stopped_for",
                "this has the status {status}; write 'status: not-done' or 'stopped'",
                {"status": self.status},
            )
        return self

    @property
    def is_surgery(self) -> bool:
        """Whether it is surgery: as the case says, by the table, or by the system of its codes."""
        if self.kind is not None:
            return self.kind == "surgery"
        term = _codes.find("procedures", self.procedure)
        by_table = term is not None and not self.procedure.code and bool(term.more.get("surgical"))
        return by_table or any(one.system in _SURGICAL_SYSTEMS for one in self.procedure.code)


def procedures(case: Case) -> Iterator[Resource]:
    """
    Map procedures, for example chemoembolisation; a drug that the report does not name is not named.

    Reads: each `Procedure`.
    Returns: one Procedure each: mcode-cancer-related-surgical-procedure for the surgery of a cancer, else
    us-core-procedure; one Device for each device, us-core-implantable-device where it was implanted.
    Source: https://hl7.org/fhir/us/mcode/STU4/StructureDefinition-mcode-cancer-related-surgical-procedure.html,
    https://hl7.org/fhir/us/core/STU6.1/StructureDefinition-us-core-procedure.html
    """
    for procedure in case.entries_of(Procedure):
        yield _procedure(case, procedure)
        for number, device in enumerate(procedure.devices, 1):
            yield _device(procedure, _device_key(procedure, number), device)


def _procedure(case: Case, procedure: Procedure) -> Resource:
    code = _codes.concept("procedures", procedure.procedure, procedure)
    of_cancer = procedure.is_surgery and treats_cancer(case, procedure.reasons)
    kind = "surgery" if procedure.is_surgery else procedure.kind
    devices = {
        f"Device/{_device_key(procedure, number)}": one.action for number, one in enumerate(procedure.devices, 1)
    }
    technique = _concept("techniques", procedure.technique, procedure)
    return resource(
        "Procedure",
        procedure.key,
        procedure,
        _sentence(case, procedure),
        _result_words(procedure),
        profile=MCODE + "mcode-cancer-related-surgical-procedure" if of_cancer else US_CORE + "us-core-procedure",
        extension=[
            *intent_extension(_codes, procedure.intent, procedure),
            *([extension(FHIR_DEFINITION + "procedure-method", valueCodeableConcept=technique)] if technique else []),
        ],
        status="preparation" if procedure.status == "planned" else procedure.status,
        statusReason=_concept("reasons", procedure.stopped_for, procedure),
        category=_codes.fixed(kind) if kind else None,
        code=code,
        subject=PATIENT,
        **_performed(case, procedure),
        reasonCode=[_codes.concept("diagnoses", one, procedure) for one in procedure.targets],
        reasonReference=[reference("Condition", key) for key in procedure.reasons],
        bodySite=[_codes.site(site, procedure) for site in procedure.sites],
        outcome={"text": procedure.outcome} if procedure.outcome else None,
        complication=[_codes.concept("events", one, procedure) for one in procedure.complications],
        complicationDetail=[_complication(case, key) for key in procedure.complicated_by],
        focalDevice=[
            {"action": {"text": action}, "manipulated": {"reference": place}}
            for place, action in devices.items()
            if action != "used"
        ],
        usedReference=[{"reference": place} for place, action in devices.items() if action == "used"],
        **annotation(procedure.note),
    )


def _concept(table: str, concept: Concept | None, procedure: Procedure) -> dict[str, Any] | None:
    return _codes.concept(table, concept, procedure) if concept is not None else None


def _performed(case: Case, procedure: Procedure) -> dict[str, Any]:
    if procedure.until is None:
        return dated(case, "performedDateTime", procedure.at, procedure)
    return {"performedPeriod": period(case, procedure.at, procedure.until, procedure)}


def _complication(case: Case, key: str) -> dict[str, Any]:
    """Return the Condition of a complication; that of an adverse event stands beside it."""
    is_condition = case.section_of(key).resource == "Condition"
    return reference("Condition", key if is_condition else f"{key}-condition")


_STATUS_WORDS = {"not-done": "not done", "in-progress": "under way", "on-hold": "on hold", "unknown": "status unknown"}


def _sentence(case: Case, procedure: Procedure) -> str:
    words = _codes.words("procedures", procedure.procedure, procedure)
    technique = _codes.words("techniques", procedure.technique, procedure) if procedure.technique else ""
    ended = moment_words(case, procedure.until)
    when = moment_words(case, procedure.at) + (f", until {ended}" if ended else "")
    parts = [f"{words}{f', {technique}' if technique else ''} ({when})"]
    if procedure.status != "completed":
        parts.append(_STATUS_WORDS.get(procedure.status, procedure.status))
    if procedure.stopped_for is not None:
        parts.append(_codes.words("reasons", procedure.stopped_for, procedure))
    return "; ".join(parts) + "."


def _result_words(procedure: Procedure) -> str:
    places = ", ".join(_codes.site(one, procedure)["text"] for one in procedure.sites)
    wrong = ", ".join(_codes.words("events", one, procedure) for one in procedure.complications)
    devices = ", ".join(f"{one.name} ({one.action})" for one in procedure.devices)
    said = {"Site": places, "Complications": wrong, "Devices": devices, "Outcome": procedure.outcome or ""}
    return " ".join(f"{name}: {words.rstrip('.')}." for name, words in said.items() if words)


def _device_key(procedure: Procedure, number: int) -> str:
    return f"{procedure.key}-device" + (f"-{number}" if len(procedure.devices) > 1 else "")


def _device(procedure: Procedure, key: str, device: Device) -> Resource:
    implanted = device.action == "implanted"
    return resource(
        "Device",
        key,
        procedure.model_copy(update={"note": None}),
        f"{device.name}, {device.action}." + (f" Made by {device.manufacturer}." if device.manufacturer else ""),
        profile=US_CORE + "us-core-implantable-device" if implanted else None,
        manufacturer=device.manufacturer,
        modelNumber=device.model,
        lotNumber=device.lot_number,
        serialNumber=device.serial_number,
        deviceName=[{"name": device.name, "type": "user-friendly-name"}],
        type=_concept("devices", device.type, procedure) or {"text": device.name},
        patient=PATIENT,
    )


MAPPING = Mapping(
    "procedure",
    procedures,
    "Procedure (mCODE surgery of a cancer, else US Core) that is not radiotherapy, with its devices",
    sections=(
        Section(
            "procedures",
            Procedure,
            resource="Procedure",
            time="performedDateTime",
            time_of_period="performedPeriod.start",
            roles=("treatment",),
            example="""\
procedures:
  - key: operation
    procedure: {text: Laparoscopic sigmoidectomy}
    kind: surgery
    intent: curative
    technique: laparoscopic
    at: anchor
    sites: [{text: sigmoid colon}]
    reasons: [colon-cancer]
    source: made up
""",
        ),
    ),
)

"""The record of how a Bundle was made."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from fhir_case.fhir.datatypes import code_of, narrative, reference
from fhir_case.fhir.systems import DATA_OPERATION, PROVENANCE_PARTICIPANT

if TYPE_CHECKING:
    from fhir_case.case import Case
    from fhir_case.fhir.wire import Resource

__all__ = ["ASSEMBLER", "recorded", "software_and_provenance"]

ASSEMBLER = reference("Device", "software")
"""The software that assembled the Bundle."""


def recorded(case: Case) -> str:
    """Return the day on which the case file was written from the report, as an instant; its time is not known."""
    return f"{case.report.transcribed.isoformat()}T00:00:00Z"


@cache
def _version() -> str:
    """Return the version of this library, for which the file system is searched."""
    from importlib.metadata import version

    return version("fhir-case")


def software_and_provenance(case: Case, targets: list[str]) -> list[Resource]:
    """Return the Provenance of all resources and the software that assembled them."""
    software = _version()
    device: Resource = {
        "resourceType": "Device",
        "id": "software",
        "text": narrative(f"fhir-case {software}, the software that assembled this record."),
        "status": "active",
        "deviceName": [{"name": "fhir-case", "type": "user-friendly-name"}],
        "type": {"text": "software"},
        "version": [{"value": software}],
    }
    assembler = code_of(PROVENANCE_PARTICIPANT, "assembler", "Assembler")
    provenance: Resource = {
        "resourceType": "Provenance",
        "id": "provenance",
        "text": narrative(f"Made by fhir-case {software} from: {case.report.citation}"),
        "target": [{"reference": target} for target in sorted(targets)],
        "recorded": recorded(case),
        "activity": code_of(DATA_OPERATION, "CREATE", "create"),
        "agent": [{"type": assembler, "who": ASSEMBLER}],
        "entity": [{"role": "source", "what": reference("DocumentReference", "report")}],
    }
    return [device, provenance]

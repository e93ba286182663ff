"""Bundles to load: a clinic that many share, a patient, and a finding about her."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import NAMESPACE_URL, uuid5

from fhir_case.fhir.systems import ACT_REASON
from fhir_case.load.plan.plan import Plan
from fhir_case.load.run.bundle import BundleLoad
from fhir_case.load.survey.inputs import BundleInput
from fhir_case.load.survey.options import Options
from fhir_case.load.survey.preparation import Preparation
from fhir_case.server.capabilities import UNKNOWN, Capabilities
from fhir_case.server.client import Client

if TYPE_CHECKING:
    from pathlib import Path

    from fhir_case.load.journal.entry import Journal
    from fhir_case.server.quirks import Caps

__all__ = [
    "TEST_DATA",
    "Planned",
    "bundle",
    "by_type",
    "counts_of",
    "labelled",
    "observation",
    "patient",
    "plan",
    "sent",
    "write",
    "write_numbered",
]

TEST_DATA = {"security": [{"system": ACT_REASON, "code": "HTEST"}]}
SYSTEM = "urn:fhir-case:load"


def counts_of(text: str, group: str) -> dict[str, int]:
    """Return the counts of one group of the table in a summary."""
    found = re.search(rf"^{group} (.*\n(?: .*(?:\n|$))*)", text, flags=re.MULTILINE)
    lines = found[1].splitlines() if found else []
    return {name.strip(): int(number.replace(",", "")) for name, number in (line.rsplit(maxsplit=1) for line in lines)}


@dataclass(frozen=True)
class Planned(Plan):
    """What `upload` would send for a Bundle, and its warnings."""

    warnings: tuple[str, ...] = ()

    @property
    def repeatable(self) -> bool:
        return all(entry.repeatable for entry in self.entries)


def plan(
    bundle: dict[str, Any], capabilities: Capabilities = UNKNOWN, *, fhir: str = "R4", caps: Caps | None = None
) -> Planned:
    """Plan a Bundle as `upload` does, without a server."""
    options = Options(fhir=fhir, caps=caps, whole=True, check_references=False)
    with Preparation(
        BundleInput(bundle), lambda: Client("http://localhost/fhir"), options, capabilities=capabilities
    ) as prepared:
        found = prepared.read()
        assert found.plans is not None
        return Planned(found.plans[0].plan.jobs, found.warnings)


def sent(bundle: dict[str, Any], client: Client, capabilities: Capabilities = UNKNOWN, **options: Any) -> Journal:
    """Send a Bundle as `upload` does, without asking the server what it can do."""
    options = {"real_patient_data": True, **options}  # the base URL of these tests is made up
    with BundleLoad(bundle, lambda: client, capabilities=capabilities, close_clients=False, **options) as load:
        return load.upload()


def patient(key: str, **elements: Any) -> dict[str, Any]:
    """Return a patient with an id and an identifier."""
    identifier = [{"system": SYSTEM, "value": f"patient-{key}"}]
    return {"resourceType": "Patient", "id": f"p-{key}", "identifier": identifier, "gender": "female", **elements}


def observation(key: str, subject: str, **elements: Any) -> dict[str, Any]:
    """Return a finding with an id, and no identifier, about a subject."""
    about = {"subject": {"reference": subject}}
    return (
        {"resourceType": "Observation", "id": f"o-{key}", "status": "final", "code": {"text": "AFP"}} | about | elements
    )


def bundle(key: str, *, clinic: str = "clinic", once: bool = True) -> dict[str, Any]:
    """
    Give a transaction of three: the clinic by condition, the patient by its id, a finding as the server likes.

    Args:
        once: Whether the finding depends on an identifier, so that it is created once however often it is sent.
    """
    urns = {name: f"urn:uuid:{uuid5(NAMESPACE_URL, name)}" for name in (f"clinic-{clinic}", f"finding-{key}")}
    clinic_urn, finding_urn = urns.values()
    finding = observation(key, f"Patient/p-{key}", performer=[{"reference": clinic_urn}])
    del finding["id"]
    request = {"method": "POST", "url": "Observation"}
    if once:
        finding["identifier"] = [{"system": SYSTEM, "value": f"finding-{key}"}]
        request["ifNoneExist"] = f"identifier={SYSTEM}|finding-{key}"
    organization = {"resourceType": "Organization", "identifier": [{"system": SYSTEM, "value": clinic}], "name": clinic}
    return {
        "resourceType": "Bundle",
        "type": "transaction",
        "entry": [
            {
                "fullUrl": clinic_urn,
                "resource": organization,
                "request": {
                    "method": "POST",
                    "url": "Organization",
                    "ifNoneExist": f"identifier={SYSTEM}|{clinic}",
                },
            },
            {"resource": patient(key), "request": {"method": "PUT", "url": f"Patient/p-{key}"}},
            {"fullUrl": finding_urn, "resource": finding, "request": request},
        ],
    }


def labelled(found: dict[str, Any]) -> dict[str, Any]:
    """Return a Bundle whose resources say that they are test data."""
    entries = [{**each, "resource": {**each["resource"], "meta": TEST_DATA}} for each in found["entry"]]
    return {**found, "entry": entries}


def write_numbered(folder: Path, count: int) -> Path:
    """Write so many files; a server would create each finding as often as it is sent. Give the folder."""
    for number in range(count):
        write(folder, f"{number}.json", bundle(f"n{number}", once=False))
    return folder


def write(folder: Path, name: str, content: Any) -> Path:
    """Write JSON, or several objects as NDJSON; return the path."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = content if isinstance(content, list) else [content]
    path.write_text("".join(f"{json.dumps(each)}\n" for each in lines), encoding="utf-8")
    return path


def by_type(names: set[str]) -> dict[str, int]:
    """Count names by their type."""
    kinds = [name.partition("/")[0] for name in names]
    return {kind: kinds.count(kind) for kind in sorted(set(kinds))}

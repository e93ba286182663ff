"""What is compared of synthetic patients, read from their FHIR, and of real ones, read from the tables of TCGA-LIHC."""

from __future__ import annotations

import csv
from datetime import date
from typing import TYPE_CHECKING, Any, NamedTuple

from fhir_case.cohort.recipe import Recipe, patient_bundle, source_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

__all__ = ["CASE", "TREATMENTS", "Patient", "real_patients", "synthetic_patients"]

CASE = "hcc-tare-sorafenib"
TREATMENTS = ("operation", "radioembolisation", "chemoembolisation", "ablation", "sorafenib", "radiation")
_MONTH_DAYS = 30.4375
_SORAFENIB = {"sorafenib", "nexavar", "naxavar", "sorafinib ( nexavar)"}
_NO_RECURRENCE = {"New Primary Tumor", "No New Tumor Event"}


class Patient(NamedTuple):
    """
    What is compared of a patient; None where it is not known.

    Args:
        male: Whether a man.
        age: In years, at the diagnosis.
        afp: In ng/mL, before treatment.
        child_pugh: The class.
        treatments: Those of `TREATMENTS` that the patient had at any time.
        recurred: Months to the first recurrence.
        followed: Months to the last contact or death.
        recurred_unknown: Whether there was a recurrence of which no day is known.
    """

    male: bool
    age: float | None
    afp: float | None
    child_pugh: str | None
    treatments: frozenset[str]
    recurred: float | None
    followed: float | None
    recurred_unknown: bool = False


def synthetic_patients(patients: int, seed: int) -> Iterator[Patient]:
    """Return what is compared of each patient of a cohort, read from the FHIR that `synth` writes."""
    recipe = Recipe(source_of(CASE), patients, seed)
    for number in range(1, patients + 1):
        bundle = patient_bundle(recipe, number)
        found = {one["resource"]["identifier"][0]["value"]: one["resource"] for one in bundle["entry"] if _keyed(one)}
        yield _synthetic(found)


def _keyed(entry: dict[str, Any]) -> bool:
    kinds = ("Patient", "Condition", "Observation", "Procedure", "MedicationRequest")
    return entry["resource"]["resourceType"] in kinds and "identifier" in entry["resource"]


def _synthetic(found: dict[str, Any]) -> Patient:
    begin = date.fromisoformat(found["tare"]["performedPeriod"]["start"])
    points = found["child-pugh"]["valueInteger"]
    seen = [one for key, one in found.items() if key.startswith("response-") and one["resourceType"] == "Observation"]
    last = max(
        one["effectiveDateTime"] if "effectiveDateTime" in one else one["effectivePeriod"]["end"] for one in seen
    )
    recurrence = found.get("local-recurrence")
    keys = {"tare": "radioembolisation", "tace": "chemoembolisation", "pbt": "radiation"}
    keys |= {"sorafenib-twice-daily": "sorafenib", "sorafenib-once-daily": "sorafenib"}
    return Patient(
        found["patient"]["gender"] == "male",
        float(found["hcc"]["onsetAge"]["value"]),
        float(found["afp-baseline"]["valueQuantity"]["value"]),
        "A" if points <= 6 else "B" if points <= 9 else "C",
        frozenset(treatment for key, treatment in keys.items() if key in found),
        None if recurrence is None else _months(_asserted(recurrence), begin),
        _months(last, begin),
    )


def _asserted(condition: dict[str, Any]) -> str:
    days = (one["valueDateTime"] for one in condition["extension"] if one["url"].endswith("/condition-assertedDate"))
    return str(next(days))


def _months(day: str, begin: date) -> float:
    return (date.fromisoformat(day) - begin).days / _MONTH_DAYS


def real_patients(folder: Path) -> list[Patient]:
    """Return what the tables of TCGA-LIHC say of each patient, in the order of their barcodes; read by csv alone."""
    follow_ups = _by_patient(_rows(folder, "follow_up_v4.0"))
    events = _by_patient([*_rows(folder, "nte"), *_rows(folder, "follow_up_v4.0_nte")])
    treated: dict[str, set[str]] = {}
    for row in _rows(folder, "drug"):
        if row["pharmaceutical_therapy_drug_name"].lower() in _SORAFENIB:
            treated.setdefault(row["bcr_patient_barcode"], set()).add("sorafenib")
    for row in _rows(folder, "radiation"):
        treated.setdefault(row["bcr_patient_barcode"], set()).add("radiation")
    for row in _rows(folder, "ablation"):
        mine = treated.setdefault(row["bcr_patient_barcode"], set())
        if row["ablation_performed_indicator"] == "YES":
            mine.add("ablation")
        if row["embolization_performed_indicator"] == "YES":
            kinds = row["embolization_type"].split("|")
            mine |= {"chemoembolisation"} if "Chemoembolization" in kinds else set()
            mine |= {"radioembolisation"} if "Radioembolization" in kinds else set()
    table = sorted(_rows(folder, "patient"), key=lambda row: row["bcr_patient_barcode"])
    return [
        _real(row, follow_ups.get(key, []), events.get(key, []), treated.get(key, set()))
        for row in table
        for key in (row["bcr_patient_barcode"],)
    ]


def _real(row: dict[str, str], follow_ups: list[Any], events: list[Any], treated: set[str]) -> Patient:
    if _known(row["definitive_surgical_procedure"]):
        treated = {*treated, "operation"}
    came_back = [one for one in events if _known(one["new_tumor_event_type"])]
    came_back = [one for one in came_back if one["new_tumor_event_type"] not in _NO_RECURRENCE]
    days = [day for one in came_back if (day := _number(one["new_tumor_event_dx_days_to"])) is not None]
    seen = [_number(one[name]) for one in (row, *follow_ups) for name in ("last_contact_days_to", "death_days_to")]
    last = max((day for day in seen if day is not None), default=None)
    return Patient(
        row["gender"] == "MALE",
        _number(row["age_at_diagnosis"]),
        _number(row["alpha_fetoprotien_at_procurement"]),
        row["child_pugh_classification"] if _known(row["child_pugh_classification"]) else None,
        frozenset(treated),
        min(days) / _MONTH_DAYS if days else None,
        None if last is None else last / _MONTH_DAYS,
        bool(came_back) and not days,
    )


def _rows(folder: Path, name: str) -> list[dict[str, str]]:
    (path,) = folder.glob(f"*clinical_{name}_lihc.txt")
    with path.open(encoding="utf-8", newline="") as file:
        header, _, _, *data = csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
        return [dict(zip(header, row, strict=True)) for row in data]


def _by_patient(rows: Iterable[dict[str, str]]) -> dict[str, list[dict[str, str]]]:
    found: dict[str, list[dict[str, str]]] = {}
    for row in rows:
        found.setdefault(row["bcr_patient_barcode"], []).append(row)
    return found


def _known(value: str) -> bool:
    return bool(value) and not value.startswith("[")


def _number(value: str) -> float | None:
    try:
        return float(value)
    except ValueError:
        return None

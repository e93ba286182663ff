"""Radiotherapy: courses with volumes, devices, activities and doses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fhir_case.fhir.datatypes import absent, annotation, extension, reference
from fhir_case.fhir.systems import MCODE, US_CORE
from fhir_case.mapping import PATIENT, Codes, Mapping, dated, moment_words, observation, resource

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fhir_case.case import Case
    from fhir_case.case.model import Radiotherapy, Volume
    from fhir_case.fhir.wire import Resource

__all__ = ["MAPPING", "radiotherapies"]

_codes = Codes.beside(__name__)


def radiotherapies(case: Case) -> Iterator[Resource]:
    """
    Map courses of radiotherapy, radioembolisation included.

    mCODE's dose is an absorbed dose in cGy. An activity in GBq goes into one MedicationAdministration a volume, and an
    Observation holds the stated total; a dose in another unit is an Observation in the unit as printed.

    Reads: ``case.radiotherapies``.
    Gives: one Procedure (mcode-radiotherapy-course-summary), one BodyStructure (mcode-radiotherapy-volume) a volume, at
    most one Device, the MedicationAdministrations and Observations of what was given.
    Source: https://hl7.org/fhir/us/mcode/STU4/StructureDefinition-mcode-radiotherapy-course-summary.html
    """
    for course in case.radiotherapies:
        yield _course(case, course)
        for volume in course.volumes:
            yield _volume(volume)
            if volume.activity is not None:
                yield _activity(case, course, volume)
        if course.device is not None:
            yield _device(course)
        yield from _amounts(case, course)


def _course(case: Case, course: Radiotherapy) -> Resource:
    code = _codes.concept("treatments", course.course, course)
    sites = [{**_codes.site(volume.site, volume), "text": volume.description} for volume in course.volumes]
    return resource(
        "Procedure",
        course.key,
        course,
        f"{code['text']} ({moment_words(case, course.at)}).",
        f"Dosimetry: {course.dosimetry}." if course.dosimetry else "",
        profile=MCODE + "mcode-radiotherapy-course-summary",
        extension=[*_modality(course), *(_dose_to(volume) for volume in course.volumes)],
        status="completed",
        code={
            "coding": [*_codes.fixed("radiotherapy-course")["coding"], *code.get("coding", ())],
            "text": code["text"],
        },
        subject=PATIENT,
        performedPeriod={**dated(case, "start", course.at, course), "_end": {"extension": absent()}},
        reasonReference=[reference("Condition", key) for key in course.reasons],
        bodySite=sites,
        usedReference=[reference("Device", f"{course.key}-device")] if course.device else [],
        **annotation(course.note, f"Dosimetry: {course.dosimetry}." if course.dosimetry else None),
    )


def _modality(course: Radiotherapy) -> list[dict[str, Any]]:
    term = _codes.term("treatments", course.course, course)
    if term is None or "modality" not in term.more:
        return []
    parts = [
        extension(f"{MCODE}mcode-radiotherapy-{part}", valueCodeableConcept=term.other_concept(part))
        for part in ("modality", "technique")
    ]
    return [{"url": MCODE + "mcode-radiotherapy-modality-and-technique", "extension": parts}]


def _dose_to(volume: Volume) -> dict[str, Any]:
    # The absorbed dose is left out: no report gives it in cGy, and another unit would be false there.
    return {
        "url": MCODE + "mcode-radiotherapy-dose-delivered-to-volume",
        "extension": [extension("volume", valueReference=reference("BodyStructure", volume.key))],
    }


def _volume(volume: Volume) -> Resource:
    return resource(
        "BodyStructure",
        volume.key,
        volume,
        f"Radiotherapy volume: {volume.description}.",
        profile=MCODE + "mcode-radiotherapy-volume",
        location=_codes.site(volume.site, volume),
        description=volume.description,
        patient=PATIENT,
    )


def _activity(case: Case, course: Radiotherapy, volume: Volume) -> Resource:
    activity = volume.activity
    assert activity is not None  # noqa: S101 - the caller has looked
    given = f"{activity} to {volume.description}"
    product = course.device
    medication = _codes.concept("treatments", product.type, course) if product else {"text": "radionuclide"}
    return resource(
        "MedicationAdministration",
        f"{volume.key}-activity",
        volume,
        f"{given} ({moment_words(case, course.at)}).",
        profile=MCODE + "mcode-cancer-related-medication-administration",
        partOf=[reference("Procedure", course.key)],
        status="completed",
        medicationCodeableConcept={**medication, "text": f"{medication['text']} ({product.name})"}
        if product
        else medication,
        subject=PATIENT,
        **dated(case, "effectiveDateTime", course.at, volume),
        reasonReference=[reference("Condition", key) for key in course.reasons],
        dosage={"text": given, "dose": _codes.quantity(activity, volume)},
    )


def _device(course: Radiotherapy) -> Resource:
    device = course.device
    assert device is not None  # noqa: S101 - the caller has looked
    return resource(
        "Device",
        f"{course.key}-device",
        course,
        f"{device.name}, {device.manufacturer}." if device.manufacturer else f"{device.name}.",
        status="active",
        manufacturer=device.manufacturer,
        deviceName=[{"name": device.name, "type": "user-friendly-name"}],
        type=_codes.concept("treatments", device.type, course),
        patient=PATIENT,
    )


def _amounts(case: Case, course: Radiotherapy) -> Iterator[Resource]:
    stated = {
        "total-activity": ("Total infused radioactivity", course.total_activity),
        "dose": ("Radiation dose as printed", course.dose),
    }
    for suffix, (text, amount) in stated.items():
        if amount is not None:
            yield observation(
                case,
                course,
                key=f"{course.key}-{suffix}",
                kind="therapy",
                code={"text": text},
                value={"valueQuantity": _codes.quantity(amount, course)},
                words=str(amount),
                at=course.at,
                profile=US_CORE + "us-core-simple-observation",
                partOf=[reference("Procedure", course.key)],
            )


MAPPING = Mapping(
    "radiotherapy",
    radiotherapies,
    "Procedure (mCODE radiotherapy course summary) with volumes, activities, dose and device",
)

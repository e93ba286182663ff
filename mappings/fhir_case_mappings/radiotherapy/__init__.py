"""Radiotherapy: courses with volumes, devices, activities and doses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Self

from pydantic import model_validator

from fhir_case.case import Concept, Event, KeyedEntry, Quantity, Section, Site
from fhir_case.case.checks import refuse_negative
from fhir_case.case.entry import ConditionKey
from fhir_case.case.forms import Form, Text
from fhir_case.fhir.datatypes import absent, annotation, extension, reference
from fhir_case.fhir.systems import MCODE, US_CORE
from fhir_case.mapping import PATIENT, Codes, Mapping, dated, moment_words, observation, resource

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fhir_case.case import Case
    from fhir_case.fhir.wire import Resource

__all__ = ["MAPPING", "Device", "Radiotherapy", "Volume", "radiotherapies"]

_codes = Codes.beside(__name__)


class Device(Form):
    """A product that was used."""

    name: Text
    type: Annotated[Concept, _codes.table("products")]
    manufacturer: Text | None = None


class Volume(KeyedEntry):
    """
    A part of the body that radiation was given to.

    Args:
        description: The part in the words of the report, for example a liver segment.
        activity: The radioactivity given to it.
    """

    site: Annotated[Site, _codes.table("sites")]
    description: Text
    activity: Quantity | None = None

    @model_validator(mode="after")
    def _activity_is_not_negative(self) -> Self:
        refuse_negative(self.activity, "activity", "an activity")
        return self


class Radiotherapy(Event):
    """
    A course of radiotherapy; ``at`` is its start.

    Args:
        course: What was done; a code table gives modality and technique.
        total_activity: The radioactivity given in all.
        dose: The dose as printed.
        dosimetry: How the dose was computed.
    """

    course: Annotated[Concept, _codes.table("courses")]
    volumes: tuple[Volume, ...] = ()
    device: Device | None = None
    total_activity: Quantity | None = None
    dose: Quantity | None = None
    dosimetry: Text | None = None
    reasons: tuple[ConditionKey, ...] = ()

    @model_validator(mode="after")
    def _amounts_are_not_negative(self) -> Self:
        refuse_negative(self.total_activity, "total_activity", "an activity")
        refuse_negative(self.dose, "dose", "a dose")
        return self


def radiotherapies(case: Case) -> Iterator[Resource]:
    """
    Map courses of radiotherapy, radioembolisation included.

    mCODE's dose is an absorbed dose in cGy. An activity in GBq goes into one MedicationAdministration a volume, and an
    Observation holds the stated total; a dose in another unit is an Observation in the unit as printed.

    Reads: each `Radiotherapy`.
    Returns: one Procedure (mcode-radiotherapy-course-summary), one BodyStructure (mcode-radiotherapy-volume) a volume,
    at most one Device, the MedicationAdministrations and Observations of what was given.
    Source: https://hl7.org/fhir/us/mcode/STU4/StructureDefinition-mcode-radiotherapy-course-summary.html
    """
    for course in case.entries_of(Radiotherapy):
        yield _course(case, course)
        for volume in course.volumes:
            yield _volume(volume)
            if volume.activity is not None:
                yield _activity(case, course, volume)
        if course.device is not None:
            yield _device(course)
        yield from _amounts(case, course)


def _course(case: Case, course: Radiotherapy) -> Resource:
    code = _codes.concept("courses", course.course, course)
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
    term = _codes.term("courses", course.course, course)
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
    medication = _codes.concept("products", product.type, course) if product else {"text": "radionuclide"}
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
        dosage={"text": given, "dose": _codes.quantity(activity)},
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
        type=_codes.concept("products", device.type, course),
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
                value={"valueQuantity": _codes.quantity(amount)},
                words=str(amount),
                at=course.at,
                profile=US_CORE + "us-core-simple-observation",
                partOf=[reference("Procedure", course.key)],
            )


MAPPING = Mapping(
    "radiotherapy",
    radiotherapies,
    "Procedure (mCODE radiotherapy course summary) with volumes, activities, dose and device",
    sections=(
        Section(
            "radiotherapies",
            Radiotherapy,
            resource="Procedure",
            time="performedPeriod.start",
            roles=("treatment",),
            parts=(Section("volumes", Volume, resource="BodyStructure"),),
            example="""\
radiotherapies:
  - key: pelvic-radiotherapy
    course: external-beam
    volumes:
      - {key: pelvis, site: {text: pelvis}, description: Pelvic lymph nodes, source: made up}
    dose: 50.4 Gy  # as printed
    at: 8 wk after operation
    reasons: [colon-cancer]
    source: made up
""",
        ),
    ),
)

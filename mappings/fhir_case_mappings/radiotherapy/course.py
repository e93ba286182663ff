"""What a course of radiotherapy becomes: its Procedure, its volumes, and what was given to them."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from fhir_case.case import Quantity
from fhir_case.fhir.datatypes import absent, annotation, extension, quantity, reference
from fhir_case.fhir.systems import MCODE, US_CORE
from fhir_case.mapping import (
    PATIENT,
    dated,
    intent_extension,
    moment_words,
    named,
    observation,
    period,
    reason_of_end,
    resource,
)
from fhir_case_mappings.radiotherapy import Volume, codes, site_concept

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fhir_case.case import Case
    from fhir_case.fhir.wire import Resource
    from fhir_case_mappings.radiotherapy import Radiotherapy

__all__ = ["course_resources"]

# Absorbed doses in centigray. What weighs them biologically (Gy(RBE), cobalt gray equivalent) is none.
_CENTIGRAY = {
    "Gy": Decimal(100), "gray": Decimal(100), "cGy": Decimal(1), "mGy": Decimal("0.1"), "rad": Decimal(1),
    "rads": Decimal(1),
}  # fmt: skip


def course_resources(case: Case, course: Radiotherapy) -> Iterator[Resource]:
    """Return all resources of a course."""
    volumes = _volumes(course)
    yield _procedure(case, course, volumes)
    for volume in volumes:
        yield _volume(course, volume)
        if volume.activity is not None:
            yield _activity(case, course, volume, volume.activity)
    if course.device is not None:
        yield _device(course)
    yield from _amounts(case, course)


def _volumes(course: Radiotherapy) -> tuple[Volume, ...]:
    """Return the volumes, or one for each site; a single one has the dose and the fractions of the course."""
    volumes = course.volumes or tuple(
        Volume(
            key=f"{course.key}-volume" + (f"-{number}" if len(course.sites) > 1 else ""),
            site=site,
            description=codes.site(site, course)["text"],
            source=course.source,
        )
        for number, site in enumerate(course.sites, 1)
    )
    if len(volumes) != 1:
        return volumes
    (only,) = volumes
    own = {"dose": only.dose or course.dose, "fractions": only.fractions or course.fractions}
    return (only.model_copy(update=own),)


def _procedure(case: Case, course: Radiotherapy, volumes: tuple[Volume, ...]) -> Resource:
    code = codes.concept("courses", course.course, course)
    reason = codes.concept("reasons", course.stopped_for, course) if course.stopped_for else None
    sites = [site_concept(site, course) for site in course.sites] or [
        {**site_concept(volume.site, volume), "text": volume.description} for volume in volumes
    ]
    sessions = course.sessions
    return resource(
        "Procedure",
        course.key,
        course,
        f"{code['text']} ({moment_words(case, course.at)})"
        + (f"; {course.status.replace('-', ' ')}" if course.status != "completed" else "")
        + (f", {reason['text']}." if reason else "."),
        _given_words(course),
        f"Dosimetry: {course.dosimetry}." if course.dosimetry else "",
        profile=MCODE + "mcode-radiotherapy-course-summary",
        extension=[
            *intent_extension(codes, course.intent, course),
            *_modality(course),
            *([extension(MCODE + "mcode-radiotherapy-sessions", valueUnsignedInt=sessions)] if sessions else []),
            *(_dose_to(volume) for volume in volumes),
        ],
        status=course.status,
        statusReason=reason_of_end(reason, course.status) if reason else None,
        code={
            "coding": [*codes.fixed("radiotherapy-course")["coding"], *code.get("coding", ())],
            "text": code["text"],
        },
        subject=PATIENT,
        performedPeriod={"_end": {"extension": absent()}} | period(case, course.at, course.until, course),
        reasonCode=[codes.concept("diagnoses", one, course) for one in course.targets],
        reasonReference=[reference("Condition", key) for key in course.reasons],
        bodySite=sites,
        usedReference=[reference("Device", f"{course.key}-device")] if course.device else [],
        **annotation(course.note, f"Dosimetry: {course.dosimetry}." if course.dosimetry else None),
    )


def _given_words(course: Radiotherapy) -> str:
    fractions = course.fractions
    given = (
        f"{course.dose}" if course.dose else "",
        f"in {fractions} fraction{'s' if fractions > 1 else ''}" if fractions else "",
        f"of {course.dose_per_fraction}" if course.dose_per_fraction else "",
    )
    words = " ".join(filter(None, given))
    activity = f"{course.total_activity} in all" if course.total_activity else ""
    said = "; ".join(filter(None, (words, activity)))
    return f"Given: {said}." if said else ""


def _modality(course: Radiotherapy) -> list[dict[str, Any]]:
    term = codes.term("courses", course.course, course)
    if term is None or "modality" not in term.more:
        return []
    parts = [
        extension(f"{MCODE}mcode-radiotherapy-{part}", valueCodeableConcept=term.other_concept(part))
        for part in ("modality", "technique")
    ]
    return [{"url": MCODE + "mcode-radiotherapy-modality-and-technique", "extension": parts}]


def _dose_to(volume: Volume) -> dict[str, Any]:
    parts = [extension("volume", valueReference=reference("BodyStructure", volume.key))]
    centigray = _centigray(volume.dose)
    if centigray is not None:
        parts.append(extension("totalDoseDelivered", valueQuantity=quantity(centigray, "cGy", "cGy")))
    if volume.fractions is not None:
        parts.append(extension("fractionsDelivered", valueUnsignedInt=volume.fractions))
    return {"url": MCODE + "mcode-radiotherapy-dose-delivered-to-volume", "extension": parts}


def _centigray(dose: Quantity | None) -> Decimal | None:
    """Return an absorbed dose in cGy, exactly; None for a bound, and for what is no absorbed dose."""
    factor = _CENTIGRAY.get((dose.unit or "") if dose else "")
    if dose is None or factor is None or dose.comparator is not None:
        return None
    exact = dose.value * factor
    return Decimal(int(exact)) if exact == int(exact) else exact.normalize()


def _volume(course: Radiotherapy, volume: Volume) -> Resource:
    given = " in ".join(
        filter(None, (str(volume.dose or ""), f"{volume.fractions} fractions" if volume.fractions else ""))
    )
    return resource(
        "BodyStructure",
        volume.key,
        volume if course.volumes else course.model_copy(update={"note": None}),
        f"Radiotherapy volume of {named(course.key)}: {volume.description}." + (f" Given: {given}." if given else ""),
        profile=MCODE + "mcode-radiotherapy-volume",
        location=site_concept(volume.site, volume),
        description=volume.description,
        patient=PATIENT,
    )


def _activity(case: Case, course: Radiotherapy, volume: Volume, activity: Quantity) -> Resource:
    given = f"{activity} to {volume.description}"
    product = course.device
    medication = codes.concept("products", product.type, course) if product else {"text": "radionuclide"}
    term = codes.term("courses", course.course, course)
    route = term.other_concept("route") if term else None
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
        supportingInformation=[reference("BodyStructure", volume.key)],
        **dated(case, "effectiveDateTime", course.at, volume),
        reasonReference=[reference("Condition", key) for key in course.reasons],
        dosage={
            "text": given,
            "site": {**codes.site(volume.site, volume), "text": volume.description},
            **({"route": route} if route else {}),
            "dose": codes.quantity(activity),
        },
    )


def _device(course: Radiotherapy) -> Resource:
    device = course.device
    assert device is not None  # noqa: S101 - the caller has looked
    return resource(
        "Device",
        f"{course.key}-device",
        course.model_copy(update={"note": None}),
        f"{device.name}, {device.manufacturer}." if device.manufacturer else f"{device.name}.",
        status="active",
        manufacturer=device.manufacturer,
        deviceName=[{"name": device.name, "type": "user-friendly-name"}],
        type=codes.concept("products", device.type, course),
        patient=PATIENT,
    )


def _amounts(case: Case, course: Radiotherapy) -> Iterator[Resource]:
    stated = {
        "total-activity": (codes.fixed("administered-activity"), course.total_activity),
        "dose": ({"text": "Radiation dose as printed"}, course.dose),
        "dose-per-fraction": ({"text": "Radiation dose per fraction as printed"}, course.dose_per_fraction),
        "fractions": ({"text": "Number of fractions"}, course.fractions),
    }
    for suffix, (code, amount) in stated.items():
        if amount is None:
            continue
        yield observation(
            case,
            course.model_copy(update={"note": None}),
            key=f"{course.key}-{suffix}",
            kind="therapy",
            code=code,
            value={"valueInteger": amount} if isinstance(amount, int) else {"valueQuantity": codes.quantity(amount)},
            words=str(amount),
            at=course.at,
            profile=US_CORE + "us-core-simple-observation",
            partOf=[reference("Procedure", course.key)],
        )

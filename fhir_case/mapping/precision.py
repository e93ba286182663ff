"""
Leave out the claim of a profile that wants another date (precise to the day, or one date and no period), or no range.

Source: the constraints us-core-1 (US Core 6.1.0, mCODE 4.0.0) and vs-1 (vital signs of FHIR R4) on ``effective[x]``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fhir_case.fhir.systems import MCODE, US_CORE
from fhir_case.fhir.wire import mapping

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from fhir_case.fhir.wire import Resource
    from fhir_case.issues import Issue
    from fhir_case.mapping.running import Mapped

__all__ = ["without_unmet_profiles"]

_CORE = "http://hl7.org/fhir/StructureDefinition/"
_TO_THE_DAY = frozenset({
    *(_CORE + name for name in (
        "bmi", "bodyheight", "bodytemp", "bodyweight", "bp", "headcircum", "heartrate", "oxygensat", "resprate",
        "vitalsigns", "vitalspanel",
    )),
    *(US_CORE + name for name in (
        "head-occipital-frontal-circumference-percentile", "pediatric-bmi-for-age", "pediatric-weight-for-height",
        "us-core-blood-pressure", "us-core-bmi", "us-core-body-height", "us-core-body-temperature",
        "us-core-body-weight", "us-core-head-circumference", "us-core-heart-rate", "us-core-observation-lab",
        "us-core-observation-clinical-result", "us-core-observation-screening-assessment",
        "us-core-pulse-oximetry", "us-core-respiratory-rate", "us-core-vital-signs",
    )),
    *(MCODE + name for name in (
        "mcode-body-surface-area", "mcode-deauville-scale", "mcode-ecog-performance-status",
        "mcode-histologic-behavior-and-type", "mcode-histologic-grade", "mcode-karnofsky-performance-status",
        "mcode-lansky-play-performance-status", "mcode-tumor-marker-test",
    )),
})  # fmt: skip
_NO_PERIOD = frozenset({
    *(MCODE + name for name in (
        "mcode-cancer-disease-status", "mcode-genomic-region-studied", "mcode-genomic-variant", "mcode-genomics-report",
    )),
    *(US_CORE + name for name in (
        "us-core-observation-pregnancyintent", "us-core-observation-pregnancystatus", "us-core-smokingstatus",
    )),
})  # fmt: skip
_NO_RANGE = frozenset({MCODE + "mcode-tumor-marker-test"})


def without_unmet_profiles(mapped: Iterable[Mapped]) -> Iterator[Issue]:
    """
    Take from resources the claims of profiles that their dates do not meet.

    Returns:
        A warning for each, with the line of its entry.
    """
    for made in mapped:
        unmet = [profile for profile in _profiles(made.resource) if _is_unmet(made.resource, profile)]
        if unmet:
            meta = dict(made.resource["meta"])
            meta["profile"] = [profile for profile in meta["profile"] if profile not in unmet]
            made.resource["meta"] = {name: value for name, value in meta.items() if value}
            names = " and ".join(profile.rpartition("/")[2] for profile in unmet)
            if _has_range_for(made.resource, unmet[0]):
                reason = "which takes no range; write one number, if the report gives it"
            else:
                reason = (
                    f"which wants a day, and its time is {_time(made.resource)}; write the day, if the report gives it"
                )
            yield made.warning(f"{made.name} does not claim the profile {names}, {reason}")


def _profiles(resource: Resource) -> list[str]:
    meta = resource.get("meta")
    return [str(one) for one in meta.get("profile", ())] if isinstance(meta, dict) else []


def _has_range_for(resource: Resource, profile: str) -> bool:
    return profile in _NO_RANGE and "valueRange" in resource


def _is_unmet(resource: Resource, profile: str) -> bool:
    date = resource.get("effectiveDateTime")
    if _has_range_for(resource, profile):
        return True
    if profile in _TO_THE_DAY:
        return isinstance(date, str) and not _is_day(resource)
    return profile in _NO_PERIOD and "effectivePeriod" in resource


def _is_day(resource: Resource) -> bool:
    return len(str(resource.get("effectiveDateTime", ""))) >= len("2018-03-01")


def _time(resource: Resource) -> str:
    """Return the time of an Observation in words."""
    span = mapping(resource.get("effectivePeriod"))
    bounds = [f"{word} {span[bound]}" for word, bound in (("from", "start"), ("to", "end")) if bound in span]
    return " ".join(bounds) or str(resource.get("effectiveDateTime", "not known"))

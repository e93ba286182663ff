"""Adjust the extensions whose values speak of what has another form in R5, or of what is an element there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fhir_case.fhir.r5.table import sections
from fhir_case.fhir.systems import ELEMENT_OF_R5, MCODE, RELATIVE_DATE_TIME

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["adjusted", "kept_links", "restore"]

Json = dict[str, Any]

# mCODE wants these to lead to a BodyStructure of a profile of R4, which none of R5 can fit.
_TO_PROFILES_OF_R4 = frozenset({f"{MCODE}mcode-radiotherapy-dose-delivered-to-volume"})


def adjusted(extension: Json, identifiers: Mapping[str, Json]) -> Json:
    """
    Return an extension with its value as R5 needs it.

    Args:
        identifiers: The business identifier of what is known by ``Type/id``.

    Raises:
        ValueError: A relative time counts from an element that R5 does not have.
    """
    if extension.get("url") == RELATIVE_DATE_TIME:
        return _with_target_path(extension)
    if extension.get("url") in _TO_PROFILES_OF_R4:
        return {**extension, "extension": [_by_identifier(one, identifiers) for one in extension.get("extension", ())]}
    return extension


def kept_links(resource: Json, identifiers: Mapping[str, Json]) -> list[Json]:
    """
    Return the references of a resource of R4 that an extension of R5 only makes by identifier.

    ``Procedure.supportingInfo`` of R5 takes any resource, so that they still lead somewhere.
    """
    found = []
    for one in resource.get("extension", ()) if resource.get("resourceType") == "Procedure" else ():
        if isinstance(one, dict) and one.get("url") in _TO_PROFILES_OF_R4:
            given = [part.get("valueReference", {}) for part in one.get("extension", ())]
            found += [each for each in given if each.get("reference") in identifiers]
    return found


def restore(resource: Json) -> None:
    """
    Turn the extensions that R4 has for parts of R5 into these parts; each is one entry of a list.

    Args:
        resource: A resource of R5, which is changed.

    Source: https://hl7.org/fhir/R5/versions.html#extensions
    """
    prefix = f"{ELEMENT_OF_R5}{resource['resourceType']}."
    kept: list[Any] = []
    for one in resource.get("extension", ()):
        name = str(one.get("url", "")).removeprefix(prefix) if isinstance(one, dict) else ""
        if not name.isidentifier():
            kept.append(one)
            continue
        part: Json = {}
        for each in one.get("extension", ()):
            value = next(field for field in each if field.startswith("value"))
            part[f"{each['url']}{value.removeprefix('value')}"] = each[value]
        resource.setdefault(name, []).append(part)
    if "extension" in resource:
        del resource["extension"]
        if kept:
            resource["extension"] = kept


def _with_target_path(relative: Json) -> Json:
    """Name the element that a time counts from as R5 names it, such as ``occurrencePeriod.start`` of a Procedure."""
    parts = {one.get("url"): one for one in relative.get("extension", ())}
    path = parts.get("targetPath", {}).get("valueString")
    reference = parts.get("target", {}).get("valueReference", {}).get("reference")
    if not (isinstance(path, str) and isinstance(reference, str)):
        return relative
    kind = reference.partition("/")[0]
    first, point, rest = path.removeprefix(f"{kind}.").partition(".")
    if not first or "(" in first:  # a function, such as extension('…')
        return relative
    section = sections().get(kind)
    target = section.target(first) if section else None
    if target is None or not target.isidentifier():
        raise ValueError(f"a time counts from '{path}' of {kind}, and how R5 calls that is not known")
    moved = {**parts["targetPath"], "valueString": f"{target}{point}{rest}"}
    return {**relative, "extension": [moved if one is parts["targetPath"] else one for one in relative["extension"]]}


def _by_identifier(part: Json, identifiers: Mapping[str, Json]) -> Json:
    """Refer by the identifier instead of the place, which makes no claim about the profile of what is there."""
    given = part.get("valueReference", {})
    place = given.get("reference")
    if place not in identifiers:
        return part
    rest = {name: value for name, value in given.items() if name != "reference"}
    reference = {"type": place.partition("/")[0], "identifier": identifiers[place], **rest}
    return {**part, "valueReference": reference}

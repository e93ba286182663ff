"""Find what belongs to a patient."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .elements import local_name, references
from .kinds import KINDS

if TYPE_CHECKING:
    from .storage import Store, Version

__all__ = ["everything"]

Name = tuple[str, str]


def everything(store: Store, patient: Version, base_url: str) -> list[Version]:
    """
    Return a patient, all that refers to it, and what those refer to, but nothing of another patient.

    Source: https://hl7.org/fhir/R4/patient-operation-everything.html
    """
    own: Name = (patient.kind, patient.id)
    pointed_at = {
        (version.kind, version.id): {local_name(each, base_url) for each in references(version.resource)}
        for kind in KINDS
        for version in store.all(kind)
    }
    found = [own, *(name for name, targets in pointed_at.items() if own in targets and name[0] != "Patient")]
    for name in found:  # which grows while it is gone through
        for target in sorted(pointed_at[name] - set(found)):
            others = {each for each in pointed_at.get(target, ()) if each[0] == "Patient"} - {own}
            if target in pointed_at and target[0] != "Patient" and not others:
                found.append(target)
    return [version for name in found if (version := store.there(*name))]

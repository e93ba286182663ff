"""
The invariants that need no more than one resource.

Most need one element, and are JSON Schemas that run inside the strict one, in the same pass. Those that are written by
hand are named as in R4; where R5 has the same rule under another name, that is in its reason. The others are as the
StructureDefinitions write them, made by scripts/make-invariants.
"""

from __future__ import annotations

from importlib.resources import files
from typing import TYPE_CHECKING, Any

import orjson

from fhir_case.fhir.invariants.datatypes import TYPE_INVARIANTS
from fhir_case.fhir.invariants.invariant import Invariant
from fhir_case.fhir.invariants.resources import RESOURCE_INVARIANTS

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["GENERATED", "INVARIANTS", "NOT_CHECKED"]


def _read() -> dict[str, Any]:
    found: dict[str, Any] = orjson.loads(files(__name__).joinpath("generated.json").read_bytes())
    return found


def _generated(each: Iterable[dict[str, Any]]) -> tuple[Invariant, ...]:
    return tuple(
        Invariant(
            one["name"],
            one["where"],
            one.get("broken"),
            one["reason"],
            releases=tuple(one["releases"]),
            expression=one["expression"],
            resources=tuple(one["resources"]) if "resources" in one else None,
        )
        for one in each
    )


_READ = _read()
GENERATED: tuple[Invariant, ...] = _generated(_READ["invariants"])
NOT_CHECKED: dict[str, str] = _READ["not_checked"]
"""The invariants of severity error that are not checked, each with the reason."""

INVARIANTS: tuple[Invariant, ...] = (*TYPE_INVARIANTS, *RESOURCE_INVARIANTS, *GENERATED)

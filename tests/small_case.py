"""A case with one visit, to which a test adds a section."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fhir_case import build_bundle
from fhir_case.mapping import read_case

if TYPE_CHECKING:
    from fhir_case.fhir.wire import Resource

__all__ = ["HEAD", "built"]

HEAD = """\
case: small
title: A small case
report: {citation: made up, transcribed: 2026-01-01}
timeline: {anchor: visit, index_date: 2020-01-31}
patient: {sex: female, source: page 1}
procedures: [{key: visit, procedure: {text: visit}, at: anchor, source: page 1}]
"""


def built(section: str, *, head: str = HEAD, **options: Any) -> dict[str, Resource]:
    """Return the resources of the case with a section, by ``Type/key``."""
    bundle = build_bundle(read_case(head + section, file="small.yaml"), **options)
    return {
        f"{one['resource']['resourceType']}/{one['resource']['id'].removeprefix('small-')}": one["resource"]
        for one in bundle["entry"]
    }

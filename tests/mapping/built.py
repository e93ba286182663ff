"""A small case made of one section, for the tests of single concepts."""

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


def built(section: str, **options: Any) -> dict[str, Resource]:
    """Return the resources of the small case with some sections, from its line 7 on, by type and business key."""
    bundle = build_bundle(read_case(HEAD + section, file="small.yaml"), **options)
    return {
        f"{one['resource']['resourceType']}/{one['resource']['id'].removeprefix('small-')}": one["resource"]
        for one in bundle["entry"]
    }

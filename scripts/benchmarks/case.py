"""Measure a case file on its way to a checked transaction, beside the models of fhir.resources."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from benchmarks.results import of_medians, report
from benchmarks.timing import interleaved

if TYPE_CHECKING:
    from benchmarks.results import Row

__all__ = ["bench_build", "without"]

_SHIPPED = "hcc-tare-sorafenib"


def bench_build(runs: int, *, compare: bool) -> bool:
    """
    Time reading, building, checking (strict schema and rules) and writing, and all of them together, on one core.

    Returns:
        Whether nothing became slower.
    """
    from fhir.resources.R4B.bundle import Bundle

    from fhir_case import build_bundle, load_case, validate
    from fhir_case.cli import collect_garbage_rarely
    from fhir_case.fhir.wire import dump

    collect_garbage_rarely()  # as the command does
    case = load_case(_SHIPPED)
    bundle = build_bundle(case)
    # fhir.resources knows no extensions on the value of an extension and would stop there.
    known = without(bundle, "_valueDateTime")
    result = validate(bundle, closed=True, skip=("structure",))
    if not result.ok:
        sys.exit(f"the Bundle to measure with is not valid: {result.issues[0]}")

    def everything() -> None:
        built = build_bundle(load_case(_SHIPPED))
        validate(built, closed=True, skip=("structure",))
        dump(built)

    models, whole, reading, building, checking, writing = interleaved(
        runs or 15,
        lambda: Bundle.model_validate(known).model_dump_json() and None,
        everything,
        lambda: load_case(_SHIPPED) and None,
        lambda: build_bundle(case) and None,
        lambda: validate(bundle, closed=True, skip=("structure",)) and None,
        lambda: dump(bundle) and None,
        processor_time=True,
    )
    against = f"fhir.resources, {len(bundle['entry'])} resources: model_validate and model_dump_json"
    parts = {
        "reading the case file": reading,
        "building": building,
        "strict schema and rules": checking,
        "writing": writing,
    }
    rows: list[Row] = [of_medians("case file to checked transaction", whole, against, models, wanted=4)]
    rows += [of_medians(f"of it {name}", seconds, "the same", models) for name, seconds in parts.items()]
    return report("build", rows, compare=compare)


def without(value: Any, name: str) -> Any:
    """Return JSON without an element, wherever it is."""
    if isinstance(value, list):
        return [without(one, name) for one in value]
    if isinstance(value, dict):
        return {key: without(part, name) for key, part in value.items() if key != name}
    return value

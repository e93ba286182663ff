"""Measure how many Bundles a second are validated: in one process, and in one for each core as the command does it."""

from __future__ import annotations

import os
import re
import statistics
import sys
import time
from datetime import date, timedelta
from functools import partial
from itertools import cycle, islice
from typing import TYPE_CHECKING, Any, NamedTuple

from benchmarks.results import of_medians, report
from benchmarks.timing import interleaved, show

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from benchmarks.results import Row
    from fhir_case.documents import Document, Text
    from fhir_case.issues import ValidationResult

__all__ = ["bench_validate"]

_SHIPPED = "hcc-tare-sorafenib"
_DIFFERENT = 20  # Bundles
_ROUNDS = 3
_BUNDLES = 1500  # a round and process; of the models, which are slower, a tenth as many


def bench_validate(runs: int, *, compare: bool) -> bool:
    """
    Time the strict schema with the rules against model_validate, on the same Bundles in turn.

    Each Bundle has ids, dates, numbers and narrative of its own, so that what is kept in mind from one to the next is
    what real data repeat too: codes, units and profiles.

    Args:
        runs: How often one Bundle is validated in one process; with 0, each of them twice.
        compare: Whether to compare with the last results in place of keeping these.

    Returns:
        Whether nothing became slower.
    """
    from fhir_case import build_bundle, load_case, validate

    # fhir.resources knows no extensions on the value of an extension and would stop there.
    bundle = _without(build_bundle(load_case(_SHIPPED)), "_valueDateTime")
    bundles = [_of_another_patient(bundle, number) for number in range(1, _DIFFERENT + 1)]
    for one in bundles:  # also compiles the schemas
        result = validate(one, skip=("structure",))
        if not result.ok:
            sys.exit(f"a Bundle to measure with is not valid: {result.issues[0]}")
    print(f"{len(bundle['entry'])} resources a Bundle, {_DIFFERENT} different Bundles")
    rows = [_one_by_one(bundles, runs or 2 * _DIFFERENT), *_in_streams(bundles)]
    return report("validate", rows, compare=compare)


def _one_by_one(bundles: list[dict[str, Any]], runs: int) -> Row:
    """Return how many times as fast as the models one Bundle is checked, which was read before."""
    from fhir.resources.R4B.bundle import Bundle

    from fhir_case import validate

    for_models, for_us = cycle(bundles), cycle(bundles)
    model_seconds, our_seconds = interleaved(
        runs,
        lambda: Bundle.model_validate(next(for_models)) and None,
        lambda: validate(next(for_us), skip=("structure",)) and None,
        processor_time=True,
    )
    show("fhir.resources models", model_seconds)
    show("strict schema and rules", our_seconds)
    print(f"ratio of minima  {min(model_seconds) / min(our_seconds):.2f}")
    against = "model_validate, 1 process, read before"
    return of_medians("strict schema and rules, 1 process, read before", our_seconds, against, model_seconds, wanted=15)


def _in_streams(bundles: list[dict[str, Any]]) -> list[Row]:
    """Compare Bundles a second from NDJSON as the command checks it, the start of processes counted."""
    from fhir_case.documents import Text
    from fhir_case.fhir import wire
    from fhir_case.issues import NOT_ASKED
    from fhir_case.validation.document import check_document
    from fhir_case.validation.workers.checking import usable_cores

    cores = usable_cores()
    texts = [Text(wire.dump(bundle) + b"\n", "bench.ndjson", line) for line, bundle in enumerate(bundles, 1)]
    ours = partial(check_document, skip=NOT_ASKED)
    all_of_it = partial(check_document, check=("structure",))
    ways: dict[str, Callable[[], Taken]] = {
        "models, 1 process, read before": lambda: _models_alone(bundles, _BUNDLES // 10),
        f"models, {cores} processes": lambda: _through(_models, texts, _BUNDLES // 10 * cores, cores),
        "--check structure, 1 process": lambda: _through(all_of_it, texts, _BUNDLES // 10, 1),
        f"--check structure, {cores} processes": lambda: _through(all_of_it, texts, _BUNDLES // 10 * cores, cores),
        "validate, 1 process": lambda: _through(ours, texts, _BUNDLES, 1),
        f"validate, {cores} processes": lambda: _through(ours, texts, _BUNDLES * cores, cores),
    }
    taken: dict[str, list[Taken]] = {name: [] for name in ways}
    for _ in range(_ROUNDS):
        for name, measure in ways.items():
            taken[name].append(measure())
    rates = {name: statistics.median(one.bundles / one.seconds for one in each) for name, each in taken.items()}
    in_one, in_all, *_ = rates.values()
    print(f"\nBundles a second, median of {_ROUNDS} rounds; how many times those of model_validate in 1 process, on")
    print(f"Bundles that were read before, and in {cores} that read them (by orjson); processor time of all processes")
    for name, rate in rates.items():
        processor_ms = statistics.median(1000 * one.processor_s / one.bundles for one in taken[name])
        print(f"{name:<30} {rate:7.1f} {rate / in_one:7.2f} {rate / in_all:7.2f} {processor_ms:7.1f} ms a Bundle")
    _, models, _, everything, _, validate = ([one.processor_s / one.bundles for one in each] for each in taken.values())
    against = f"model_validate, {cores} processes, read by orjson"
    return [
        of_medians(f"`validate` of NDJSON, {cores} processes, a Bundle", validate, against, models, wanted=6),
        of_medians(f"with `--check structure`, {cores} processes", everything, against, models),
    ]


class Taken(NamedTuple):
    """What some Bundles took."""

    bundles: int
    seconds: float
    processor_s: float


def _taken(bundles: int, action: Callable[[], None]) -> Taken:
    before, begin = os.times(), time.perf_counter()
    action()
    seconds, after = time.perf_counter() - begin, os.times()
    return Taken(bundles, seconds, sum(after[:4]) - sum(before[:4]))  # without the last, which is the clock


def _through(check: Callable[[Document | Text], ValidationResult], texts: list[Text], count: int, jobs: int) -> Taken:
    """Measure what the command uses, `Checking`, from the start of its processes to their end."""

    def action() -> None:
        from fhir_case.validation.workers.checking import Checking

        with Checking(check, jobs=jobs) as checking:
            _require_all(checking.results(islice(cycle(texts), count)), count)

    return _taken(count, action)


def _require_all(results: Iterable[tuple[Document | Text, ValidationResult]], count: int) -> None:
    right = sum(result.ok for _, result in results)
    if right != count:
        sys.exit(f"{count - right} of {count} Bundles were not right")


def _models_alone(bundles: list[dict[str, Any]], count: int) -> Taken:
    from fhir.resources.R4B.bundle import Bundle

    def action() -> None:
        for bundle in islice(cycle(bundles), count):
            Bundle.model_validate(bundle)

    return _taken(count, action)


def _models(document: Document | Text) -> ValidationResult:
    """Do for `Checking` what model_validate does, reading by the fastest reader there is."""
    from fhir.resources.R4B.bundle import Bundle

    from fhir_case.documents import Text
    from fhir_case.fhir import wire
    from fhir_case.issues import ValidationResult

    if isinstance(document, Text):
        Bundle.model_validate(wire.parse_quickly(document.content))
    return ValidationResult()


def _of_another_patient(value: Any, number: int) -> Any:
    """Return JSON with other ids, dates, numbers and narrative, and the same codes."""
    if isinstance(value, list):
        return [_of_another_patient(one, number) for one in value]
    if isinstance(value, dict):
        return {
            key: part * number if key == "value" and not isinstance(part, str) else _of_another_patient(part, number)
            for key, part in value.items()
        }
    if isinstance(value, str):
        later = re.sub(r"\b\d{4}-\d\d-\d\d\b", lambda day: _later(day[0], number), value)
        return later.replace(_SHIPPED, f"patient-{number}").replace("<p>", f"<p>{number}: ")
    return value


def _later(day: str, number: int) -> str:
    return (date.fromisoformat(day) + timedelta(days=number)).isoformat()


def _without(value: Any, name: str) -> Any:
    """Return JSON without an element, wherever it is."""
    if isinstance(value, list):
        return [_without(one, name) for one in value]
    if isinstance(value, dict):
        return {key: _without(part, name) for key, part in value.items() if key != name}
    return value

"""Each check catches what is broken on purpose, and says nothing about what is right."""

from __future__ import annotations

from collections import Counter
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from fhir_case.fhir.invariants import GENERATED
from fhir_case.fhir.wire import parse
from fhir_case.validation import CHECKS, validate
from fhir_case.validation.profiles import PROFILE_CHECKS

_HERE = Path(__file__).parent
_GOOD = parse((_HERE / "good.json").read_bytes())
_BROKEN = parse((_HERE / "broken.json").read_bytes())
_VALID = parse((_HERE / "valid.json").read_bytes())
_MADE_HERE = {"text-size"}  # what breaks it is a megabyte


def _walk(document: Any, place: str) -> tuple[Any, Any]:
    """Return the holder and the last step of a place, written ``Type/id:path.to.element``."""
    name, _, path = place.partition(":")
    node = document
    if name != "Bundle":
        kind, _, own = name.partition("/")
        held = [entry["resource"] for entry in document["entry"]]
        node = next(one for one in held if (one["resourceType"], one["id"]) == (kind, own))
    steps: list[Any] = [int(step) if step.isdigit() else step for step in path.split(".")]
    for at, step in enumerate(steps[:-1]):
        if isinstance(node, dict) and step not in node:
            node[step] = [] if isinstance(steps[at + 1], int) else {}
        node = node[step]
    return node, steps[-1]


def _document(case: Any) -> Any:
    if "document" in case:
        return case["document"]
    document = deepcopy(_GOOD)
    changes = [(*_walk(document, place), value) for place, value in case.get("set", {}).items()]
    for place in case.get("remove", []):
        holder, step = _walk(document, place)
        del holder[step]
    for holder, step, value in changes:
        if isinstance(holder, list) and step == len(holder):
            holder.append(value)
        else:
            holder[step] = value
    return document


def _name(case: Any) -> str:
    what = case.get("set") or case.get("remove") or case.get("document")
    return f"{case['check']}-{str(what)[:80]}"


@pytest.mark.parametrize("case", _BROKEN, ids=_name)
def test_what_is_broken_is_caught_by_the_check_that_is_about_it(case: Any) -> None:
    tables = {tuple(name.split("|")): set(names) for name, names in case.get("code_tables", {}).items()}

    result = validate(_document(case), fhir=case.get("fhir", "R4"), code_tables=tables)

    # What the strict schema says at the same place, the models need not say again.
    caught = {"structure", "strict"} if case["check"] == "structure" else {case["check"]}
    # What `coverage` finds is never more than information; elsewhere that says what was not checked.
    assert caught & {one.check for one in result.issues if one.severity != "information" or one.check == "coverage"}


def test_the_good_bundle_has_no_finding() -> None:
    assert () == validate(_GOOD, closed=True, code_tables={}).issues


def test_the_good_bundle_has_no_finding_with_absolute_or_uuid_references() -> None:
    text = (_HERE / "good.json").read_text()
    for number, entry in enumerate(_GOOD["entry"]):
        key, uuid = (
            entry["fullUrl"].removeprefix("https://case.invalid/fhir/"),
            f"{number:08x}-0000-4000-8000-000000000000",
        )
        text = text.replace(f'"{key}"', f'"urn:uuid:{uuid}"').replace(f'"{entry["fullUrl"]}"', f'"urn:uuid:{uuid}"')

    assert () == validate(parse(text), closed=True, code_tables={}).issues


def test_each_resource_of_the_good_bundle_has_no_finding_alone() -> None:
    for entry in _GOOD["entry"]:
        assert () == validate(entry["resource"], code_tables={}).issues


def test_every_check_has_at_least_three_broken_resources() -> None:
    counted = Counter(case["check"] for case in _BROKEN)
    uncounted = {check.name for check in CHECKS if counted[check.name] < 3}

    # Those made from the StructureDefinitions are held against their expressions: test_invariants.py.
    uncounted -= {one.name for one in GENERATED}
    assert {check.name for check in PROFILE_CHECKS} | _MADE_HERE == uncounted  # these need Java: test_engines.py


def test_the_list_of_broken_resources_names_only_checks_that_exist() -> None:
    assert {case["check"] for case in _BROKEN} <= {check.name for check in CHECKS}


@pytest.mark.parametrize(
    "case", _VALID, ids=lambda case: f"{case['fhir']}-{case['reason'] or str(case['document'])[:80]}"
)
def test_what_is_unusual_and_right_has_no_error(case: Any) -> None:
    issues = validate(case["document"], fhir=case["fhir"], code_tables={}).issues

    assert [] == [issue for issue in issues if issue.severity == "error"]


@pytest.mark.parametrize(("count", "wrong"), [(1_048_576, False), (1_048_577, True)])
def test_text_has_at_most_a_mebibyte_of_characters(count: int, wrong: bool) -> None:
    result = validate({"resourceType": "Patient", "name": [{"family": "x" * count}]}, code_tables={})

    assert wrong == ("Patient.name[0].family" in {one.expression for one in result.issues if one.check == "text-size"})

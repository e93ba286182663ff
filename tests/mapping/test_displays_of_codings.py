"""Every coding that the mappings make has a display, in both releases."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from fhir_case import build_bundle
from fhir_case.mapping import load_case
from support import CASES, SHIPPED, TESTS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

GOLDENS = sorted([*CASES.glob("*/bundle*.json"), *(TESTS / "mapping" / "cases").glob("*/*.json")])


def of_the_author(file: Path) -> set[str]:
    """Return the codes that a case file has in full, whose displays are its author's."""
    case = file.with_name("case.yaml") if file.name == "bundle.json" else file.with_suffix(".yaml")
    return set(re.findall(r"""\bcode: ["']?([\w.-]+)""", case.read_text("utf-8"))) if case.exists() else set()


def without_display(node: Any) -> Iterator[tuple[str, str]]:
    """Yield each coding without a display, as system and code."""
    if isinstance(node, list):
        for one in node:
            yield from without_display(one)
    elif isinstance(node, dict):
        is_coding = "system" in node and "code" in node and not {"value", "unit"} & node.keys()
        if is_coding and "display" not in node:
            yield node["system"], node["code"]
        for one in node.values():
            yield from without_display(one)


@pytest.mark.parametrize("file", GOLDENS, ids=lambda file: str(file.relative_to(TESTS)))
def test_every_coding_of_a_golden_has_a_display(file: Path) -> None:
    authors = of_the_author(file)

    assert [] == [one for one in without_display(json.loads(file.read_text("utf-8"))) if one[1] not in authors]


def test_every_coding_of_the_shipped_case_in_r5_has_a_display() -> None:
    assert [] == list(without_display(build_bundle(load_case(SHIPPED), fhir="R5")))

"""What several tests share."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fhir_case.fhir.wire import Resource, parse

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parent.parent
CASES = ROOT / "tests" / "cases"
SHIPPED = "hcc-tare-sorafenib"


def case_source(name: str) -> str:
    """Give what names a test case to the library: its file, or the name of the shipped case."""
    file = CASES / name / "case.yaml"
    return str(file) if file.exists() else name


def golden(name: str) -> Resource:
    """Read the golden Bundle of a test case."""
    bundle: Resource = parse((CASES / name / "bundle.json").read_bytes())
    return bundle


def resources(bundle: Resource) -> dict[str, Resource]:
    """Give the resources of a Bundle by ``Type/id``."""
    return {f"{one['resource']['resourceType']}/{one['resource']['id']}": one["resource"] for one in bundle["entry"]}


def leaves(value: Any) -> Iterator[str]:
    """Give every value of a JSON tree as text."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for one in value:
            yield from leaves(one)
    else:
        yield str(value)


def fhir_case(*arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
    """Run the whole command in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "fhir_case", *arguments],
        capture_output=True,
        text=True,
        timeout=options.pop("timeout", 120),
        check=False,
        **options,
    )

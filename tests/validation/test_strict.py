"""What the strict schema says, and what it costs to have it."""

from __future__ import annotations

import subprocess
import sys

import pytest

from fhir_case.validation import validate

# Each type alone, as from a folder with a file for each; a process of its own, since validators are kept.
_EACH_TYPE_ALONE = """
import psutil, sys
from fhir_case.validation import validate
from fhir_case.fhir.definitions import definitions

def each_type(*more):
    for kind in definitions("R4")["resource-types"]["enum"]:
        if not more or kind in more:
            result = validate({"resourceType": kind, "id": "%"}, skip=("structure",), code_tables={})
            assert [one for one in result.issues if one.expression == f"{kind}.id"], kind

process = psutil.Process()
each_type("Patient")
before = process.memory_info().rss
each_type()
print((process.memory_info().rss - before) // 1_000_000)
"""


@pytest.mark.parametrize("wrong", ["text", 5, True, ["x"]])
def test_what_should_be_an_object_is_one_finding(wrong: object) -> None:
    result = validate({"resourceType": "Patient", "name": [wrong]}, skip=("structure",))

    assert ["must be an object"] == [one.message for one in result.issues if one.check == "strict"]


def test_an_id_alone_is_no_content() -> None:
    result = validate({"resourceType": "Patient", "name": [{"id": "1"}]}, skip=("structure",))

    assert ["an element without content is not allowed; leave it out"] == [
        one.message for one in result.issues if one.check == "strict"
    ]


@pytest.mark.parametrize(
    ("reference", "right"),
    [
        ("Patient/1", True),
        ("Group/1", True),
        ("https://case.invalid/Patient/1", True),
        ("urn:uuid:00000000-0000-4000-8000-000000000000", True),
        ("Patient?identifier=1", True),
        ("Practitioner/1", False),
        ("PatientX/1", True),  # of no type: that is left to other rules
        ("https://case.invalid/Practitioner/1", False),
        ("Practitioner?identifier=1", False),
        (" ", False),
    ],
)
def test_a_reference_points_to_a_type_that_is_allowed(reference: str, right: bool) -> None:
    condition = {"resourceType": "Condition", "subject": {"reference": reference}}

    issues = validate(condition, skip=("structure",)).issues

    assert right == ("Condition.subject.reference" not in {one.expression for one in issues if one.check == "strict"})


def test_all_types_one_after_another_take_no_more_memory_than_one_schema_of_all() -> None:
    done = subprocess.run(
        [sys.executable, "-c", _EACH_TYPE_ALONE], capture_output=True, text=True, timeout=120, check=True
    )

    assert int(done.stdout) < 200, "megabytes"  # 350 when each has a validator of its own

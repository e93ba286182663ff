"""A short run of the fuzz targets, the same each time; `scripts/check --fuzz` makes long ones."""

from __future__ import annotations

from random import Random

import pytest

from fhir_case.errors import FhirCaseError
from fuzz.mutation import mutated
from fuzz.targets import TARGETS, seeds

RUNS = 10


@pytest.mark.parametrize("name", TARGETS)
def test_what_is_changed_at_random_is_read_or_refused_with_an_error_of_ours(name: str) -> None:
    random = Random(name)  # noqa: S311 - the same texts each time
    for data in seeds(name):
        for text in (data, *(mutated(data, random) for _ in range(RUNS))):
            try:
                TARGETS[name](text)
            except FhirCaseError:
                continue

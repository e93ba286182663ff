"""The text of a refusal, from an OperationOutcome or a page of any shape."""

from __future__ import annotations

from typing import Any

import pytest

from fhir_case.server.outcome import outcome_text, page_text


@pytest.mark.parametrize(
    ("page", "text"),
    [
        ("<html><head><title>502</title></head><body><h1>Bad &amp; gone</h1></body></html>", "Bad & gone"),
        ("<head><title>502</title><body>Bad gateway</body>", "Bad gateway"),
        ("<script>var a = '<b>'</script>Down", "Down"),
        ("Down<script>never closed", "Down"),
        ("Down<!-- never closed", "Down"),
        ("a <!-- <b> --> b", "a b"),
        ("<header>Top</header>", "Top"),
        ("no markup at all", "no markup at all"),
    ],
)
def test_the_text_of_a_page_is_what_a_reader_would_see(page: str, text: str) -> None:
    assert text == page_text(page)


@pytest.mark.parametrize(
    "outcome",
    [
        {"issue": [{"details": {"coding": 5}}]},
        {"issue": [{"details": {"coding": {"code": "x"}}}]},
        {"issue": [{"details": {"text": ["x"]}, "expression": 5, "diagnostics": {}}]},
        {"issue": [{"severity": ["error"], "code": {}, "location": [5, None]}]},
    ],
)
def test_an_outcome_of_another_shape_gives_no_reason(outcome: dict[str, Any]) -> None:
    assert "no reason given" == outcome_text(outcome)

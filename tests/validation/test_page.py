"""docs/validation.md says what is true now: scripts/make-validation-page has written it."""

from __future__ import annotations

import json
import runpy

from fhir_case.fhir.invariants import INVARIANTS, NOT_CHECKED
from support import ROOT

_PAGE = (ROOT / "docs" / "validation.md").read_text("utf-8")


def test_the_page_is_what_the_script_writes() -> None:
    script = runpy.run_path(str(ROOT / "scripts" / "make-validation-page"))
    kept = json.loads((ROOT / "docs" / "validation.json").read_text("utf-8"))

    assert script["page"](kept) == _PAGE, "run scripts/make-validation-page"


def test_every_invariant_is_in_the_page() -> None:
    assert [] == [one.name for one in INVARIANTS if one.severity == "error" and f"| {one.name} |" not in _PAGE]
    assert [] == [name for name in NOT_CHECKED if f"* {name}: " not in _PAGE]

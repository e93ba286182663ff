"""Compare the synthetic cohort of the shipped case with real patients, and write docs/cohort-evidence.md of it."""

from __future__ import annotations

from pathlib import Path

from benchmarks.cohort.page import evidence
from benchmarks.cohort.patients import real_patients, synthetic_patients

__all__ = ["bench_cohort"]

_ROOT = Path(__file__).resolve().parent.parent.parent.parent
_PAGE = _ROOT / "docs" / "cohort-evidence.md"
_DATA = _ROOT.parent / "shared" / "data" / "tcga-lihc"


def bench_cohort(patients: int, seed: int, data: Path = _DATA, page: Path = _PAGE) -> None:
    """Make a cohort, compare it, and write the page."""
    real = real_patients(data)
    page.write_text(evidence(list(synthetic_patients(patients, seed)), real, seed), encoding="utf-8")
    print(f"{page}: {patients} synthetic patients beside {len(real)} real ones")

"""How the size of a tumour was taken decides its category."""

from __future__ import annotations

import pytest

from small_case import built

CANCER = (
    "conditions: [{key: c, kind: primary-cancer, diagnosis: {text: cancer}, status: active, "
    "verification: confirmed, source: s}]\n"
    "imaging: [{key: scan, study: {text: CT}, modalities: [ct], at: anchor, source: s}]\n"
)
SIZES = [
    ("method: pathology", ["laboratory"]),
    ("method: gross-pathology", ["laboratory"]),
    ("method: {text: pathology}", ["laboratory"]),
    ("method: {text: in the resection specimen}", ["laboratory"]),
    ("method: physical-examination", ["exam"]),
    ("method: {text: by palpation}", ["exam"]),
    ("method: ct", ["imaging"]),
    ("method: {text: mammography}", ["imaging"]),
    ("imaging: scan", ["imaging"]),
    ("method: {text: as told by a letter}", []),
    ("note: x", []),
]


@pytest.mark.parametrize(("written", "category"), SIZES)
def test_a_size_has_the_category_of_its_method(written: str, category: list[str]) -> None:
    size = built(
        f"{CANCER}tumours: [{{key: t, of: c, site: {{text: breast}}, description: mass, source: s, "
        f"sizes: [{{key: t-size, value: 2 mm, {written}, at: anchor, source: s}}]}}]"
    )["Observation/t-size"]

    assert category == [one["coding"][0]["code"] for one in size.get("category", [])]

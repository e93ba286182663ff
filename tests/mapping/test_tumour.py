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


@pytest.mark.parametrize("written", ["5.0 cm × 3.0 cm", "3.0 x 5.0 cm", "{value: 5.0, unit: cm}, others: [3.0 cm]"])
def test_dimensions_joined_by_a_cross_are_the_longest_and_the_others(written: str) -> None:
    size = built(
        f"{CANCER}tumours: [{{key: t, of: c, site: breast, description: mass, source: s, "
        f"sizes: [{{key: t-size, value: {written}, at: anchor, source: s}}]}}]"
    )["Observation/t-size"]

    assert ["5.0", "3.0"] == [str(one["valueQuantity"]["value"]) for one in size["component"]]

"""What an imaging study says of its modality and of its kind of report."""

from __future__ import annotations

from typing import Any

import pytest

from fhir_case import CaseError
from small_case import built

DCM = "http://dicom.nema.org/resources/ontology/DCM"


def imaged(modality: str, **options: Any) -> dict[str, Any]:
    section = f"imaging: [{{key: a, study: {{text: Breast}}, modalities: [{modality}], conclusion: None., "
    return built(section + "at: anchor, source: s}]", **options)


def test_a_modality_in_words_is_kept_as_a_display() -> None:
    study = imaged("{text: thermography}, us")["ImagingStudy/a"]

    assert [
        {"display": "thermography"},
        {"system": DCM, "code": "US", "display": "Ultrasound"},
    ] == study["modality"]
    assert "thermography, Ultrasound" in study["text"]["div"]


def test_a_modality_in_words_is_kept_in_r5_too() -> None:
    study = imaged("{text: thermography}", fhir="R5")["ImagingStudy/a"]

    assert [{"text": "thermography"}] == study["modality"]


@pytest.mark.parametrize(("name", "code"), [("mammography", "MG"), ("radiography", "RG"), ("nuclear-medicine", "NM")])
def test_common_modalities_have_codes(name: str, code: str) -> None:
    assert [code] == [one["code"] for one in imaged(name)["ImagingStudy/a"]["modality"]]


def test_a_report_of_imaging_has_the_category_that_us_core_asks_for() -> None:
    found = [one["coding"][0]["code"] for one in imaged("us")["DiagnosticReport/a"]["category"]]

    assert ["LP29684-5", "RAD"] == found


def test_a_wrong_modality_is_one_mistake_and_does_not_make_the_list_empty() -> None:
    with pytest.raises(CaseError) as caught:
        imaged("odd-machine")

    assert "'odd-machine' is not a known short name of modalities" in caught.value.message
    assert 1 == len(caught.value.problems)

"""Doses, fractions and volumes of radiotherapy, as mCODE wants them."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from fhir_case import build_bundle
from fhir_case.mapping import read_case
from support import resources

if TYPE_CHECKING:
    from fhir_case.fhir.wire import Resource

HEAD = """\
case: beams
title: Made up
report: {citation: Made up., transcribed: 2026-11-28}
timeline: {anchor: a, index_date: 2020-03-01}
patient: {sex: female, source: s}
conditions:
  - {key: cancer, kind: primary-cancer, diagnosis: {text: x}, status: active, verification: confirmed, source: s}
radiotherapies:
"""


def made(fields: str, fhir: Any = "R4") -> dict[str, Resource]:
    entry = f"  - {{key: a, course: external-beam, at: anchor, reasons: [cancer], {fields}, source: s}}\n"
    return resources(build_bundle(read_case(HEAD + entry), fhir=fhir))


def delivered(course: Resource) -> list[dict[str, Any]]:
    """Return what each dose extension says, by the name of its parts."""
    return [
        {part["url"]: next(value for name, value in part.items() if name != "url") for part in one["extension"]}
        for one in course.get("extension", [])
        if one["url"].endswith("dose-delivered-to-volume")
    ]


@pytest.mark.parametrize(
    ("printed", "centigray"),
    [
        ("50.4 Gy", 5040),
        ("60 Gy", 6000),
        ("1.8 Gy", 180),
        ("37.55 Gy", 3755),
        ("4500 cGy", 4500),
        ("12.345 Gy", Decimal("1234.5")),
        ("250 mGy", 25),
        ("66 Gy(RBE)", None),
        ("6.6 cobalt gray equivalent", None),
        ("<= 60 Gy", None),
        ("3 GBq", None),
    ],
)
def test_an_absorbed_dose_is_exact_in_centigray_and_another_is_none(printed: str, centigray: Any) -> None:
    found = made(f"sites: [liver], dose: {printed}, fractions: 28")
    (dose,) = delivered(found["Procedure/beams-a"])

    assert centigray == dose.get("totalDoseDelivered", {}).get("value")
    assert 28 == dose["fractionsDelivered"]
    assert "valueQuantity" in found["Observation/beams-a-dose"]


def test_a_site_without_a_volume_becomes_one_with_the_dose_of_the_course() -> None:
    found = made("sites: [liver-s8], dose: 50 Gy, fractions: 25")
    location = found["BodyStructure/beams-a-volume"]["location"]

    assert ["10200004", "277962002"] == [one["code"] for one in location["coding"]]
    assert {"reference": "BodyStructure/beams-a-volume"} == delivered(found["Procedure/beams-a"])[0]["volume"]


def test_a_dose_of_several_sites_is_not_given_to_each() -> None:
    found = made("sites: [liver, portal-vein], dose: 50 Gy, fractions: 25")

    assert [{"volume"}, {"volume"}] == [set(one) for one in delivered(found["Procedure/beams-a"])]
    assert 25 == found["Observation/beams-a-fractions"]["valueInteger"]


def test_each_volume_has_its_own_dose() -> None:
    volumes = [
        f"{{key: {key}, site: liver, description: x, dose: {dose}, fractions: {number}, source: s}}"
        for key, dose, number in (("b", "50 Gy", 25), ("c", "16 Gy", 8))
    ]
    found = made(f"volumes: [{', '.join(volumes)}], dose: 66 Gy")

    assert [(5000, 25), (1600, 8)] == [
        (one["totalDoseDelivered"]["value"], one["fractionsDelivered"]) for one in delivered(found["Procedure/beams-a"])
    ]


def test_end_sessions_intent_and_why_it_stopped_are_there() -> None:
    more = "until: +30 d, sessions: 20, intent: curative, status: stopped, stopped_for: not-tolerated"
    course = made(more)["Procedure/beams-a"]
    parts = {one["url"].rpartition("-")[2]: one for one in course["extension"]}

    assert ("2020-03-01", "2020-03-31") == (course["performedPeriod"]["start"], course["performedPeriod"]["end"])
    assert 20 == parts["sessions"]["valueUnsignedInt"]
    assert "373808002" == parts["intent"]["valueCodeableConcept"]["coding"][0]["code"]
    assert ("stopped", "407563006") == (course["status"], course["statusReason"]["coding"][0]["code"])


def test_in_r5_the_course_still_leads_to_its_volumes() -> None:
    course = made("sites: [liver, portal-vein]", "R5")["Procedure/beams-a"]

    assert [{"reference": f"BodyStructure/beams-a-volume-{number}"} for number in (1, 2)] == course["supportingInfo"]


def test_the_device_and_the_amounts_do_not_repeat_the_note_of_the_course() -> None:
    found = made("note: For local control., dose: 5 Gy, device: {name: X, type: {text: spheres}}")

    assert "For local control." in found["Procedure/beams-a"]["text"]["div"]
    for other in ("Device/beams-a-device", "Observation/beams-a-dose"):
        assert "For local control." not in found[other]["text"]["div"]

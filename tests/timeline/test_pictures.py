"""The pictures of the shipped cases, whole; `pytest --update-golden` writes them, and somebody looks at them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import pytest

from fhir_case.fhir.wire import parse
from fhir_case.timeline import draw, entries_of, read_timeline
from support import CASES, golden
from timeline.bundles import many_events, synthea_like

if TYPE_CHECKING:
    from fhir_case.fhir.wire import Resource

GOLDENS = Path(__file__).parent / "goldens"
SHIPPED = (
    "breast-cancer-metastatic",
    "burkitt-lymphoma-cardiotoxicity",
    "hcc-tare-sorafenib",
    "pneumonia-h1n1-legionella",
)
SVG = "{http://www.w3.org/2000/svg}"


def parsed(svg: str) -> ET.Element:
    return ET.fromstring(svg)  # noqa: S314 - our own


def drawn(bundle: Resource) -> str:
    return draw(read_timeline(entries_of(bundle)))


@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_case_gives_its_golden_picture(name: str, update_golden: bool) -> None:
    svg = drawn(golden(name))
    file = GOLDENS / f"{name}.svg"
    if update_golden:
        file.write_text(svg, encoding="utf-8")

    assert file.read_text(encoding="utf-8") == svg


def test_the_same_resources_give_the_same_bytes_in_whatever_order_they_come() -> None:
    bundle = golden("hcc-tare-sorafenib")
    turned = {**bundle, "entry": bundle["entry"][::-1]}

    assert drawn(bundle) == drawn(parse((CASES / "hcc-tare-sorafenib" / "bundle.json").read_bytes()))
    assert sorted(drawn(bundle).split("\n")) == sorted(drawn(turned).split("\n"))


@pytest.mark.parametrize("bundle", [golden("hcc-tare-sorafenib"), synthea_like(), many_events(300)])
def test_a_picture_needs_nothing_from_elsewhere_and_has_its_text_as_text(bundle: Resource) -> None:
    svg = drawn(bundle)
    root = parsed(svg)

    assert not re.search(r"href|url\(|@import|<script|<image|<foreignObject|\bon\w+=", svg)
    assert {"http://www.w3.org/2000/svg"} == set(re.findall(r'https?://[^"]*', re.sub(r"<title>.*?</title>", "", svg)))
    assert root.findtext(f"{SVG}title")
    assert root.findtext(f"{SVG}desc")
    assert "graphics-document document" == root.get("role")
    assert all(text.itertext() for text in root.iter(f"{SVG}text"))


def test_every_mark_has_a_name_for_those_who_do_not_see_it() -> None:
    root = parsed(drawn(golden("hcc-tare-sorafenib")))
    marks = [each for each in root.iter(f"{SVG}g") if each.get("class") == "event"]

    assert 90 == len(marks)
    assert all(mark.findtext(f"{SVG}title") and mark.get("role") for mark in marks)
    assert any(
        "sorafenib: 400 mg once daily. 2017-04-15 (after Hand-foot skin reaction, grade 2) to 2018-03-01"
        in str(title.text)
        for title in root.iter(f"{SVG}title")
    )


def test_the_figure_of_the_report_is_there() -> None:
    # Figure 4 of the report: TARE, sorafenib in two doses, PR, CR, PD, TACE, PBT and AFP, in months from TARE.
    root = parsed(drawn(golden("hcc-tare-sorafenib")))
    texts = [" ".join("".join(text.itertext()).split()) for text in root.iter(f"{SVG}text")]

    assert "Time in months from Transarterial radioembolisation with yttrium-90 microspheres (TARE)" in texts
    for words in ("sorafenib", "400 mg twice daily", "400 mg once daily", "partial response", "complete response", "0",
                  "33,996", "1290", "249", "within the normal range", "Hand-foot skin reaction, grade 2"):  # fmt: skip
        assert words in texts
    assert any(text.startswith("progressive disease") for text in texts)
    assert any(text.startswith("Consolidation proton") for text in texts)


def test_dark_is_dark_and_paper_is_white() -> None:
    timeline = read_timeline(entries_of(golden("minimal")))
    auto, dark, light = (draw(timeline, theme=theme) for theme in ("auto", "dark", "light"))

    assert "@media screen and (prefers-color-scheme:dark)" in auto  # a printer is no screen
    assert ".paper{fill:#17181b}" in dark
    assert ".paper{fill:#ffffff}" not in dark
    assert "prefers-color-scheme" not in light


def test_two_pictures_of_one_page_have_different_ids() -> None:
    timeline = read_timeline(entries_of(golden("hcc-tare-sorafenib")))
    first, second = (set(re.findall(r' id="([^"]*)"', draw(timeline, name=name))) for name in ("one", "two"))

    assert first
    assert not first & second

"""Texts that mean harm stay texts: in SVG, in the page, and in the files of cBioPortal."""

from __future__ import annotations

import re
from base64 import b64encode
from hashlib import sha256
from html.parser import HTMLParser
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import pytest

from fhir_case.timeline import draw, entries_of, read_timeline
from fhir_case.timeline.layout import lay_out
from fhir_case.timeline.words import clean, clipped
from fhir_case.timeline.writing.cbioportal import portal_files
from fhir_case.timeline.writing.page import page_of
from support import golden
from timeline.bundles import HOSTILE, bundle_of, observation, patient

if TYPE_CHECKING:
    from fhir_case.fhir.wire import Resource
    from fhir_case.timeline import Timeline

_STEERS = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def everywhere(text: str) -> Resource:
    """Return a Bundle that has a text wherever a timeline shows one."""
    about = {"subject": {"reference": "Patient/p"}, "status": text, "note": [{"text": text}]}
    concept = {"text": text, "coding": [{"code": text, "display": text}]}
    return bundle_of(
        [
            patient(name=[{"text": text}], gender=text, birthDate=text),
            observation("o", text, "2020-01-01", text),
            observation("q", text, "2020-01-02", {"value": 5, "unit": text, "comparator": text}),
            observation(
                "r",
                text,
                "2020-03-02",
                {"value": 7, "unit": text},
                referenceRange=[{"low": {"value": 1, "unit": text}}],
            ),
            observation("u", text, text, text),
            observation("v", text, "2020-01-01", text, subject={"reference": f"Patient/{text}"}),
            observation("w", text, "2020-01-01", text, _effectiveDateTime=relative("after-start", text)),
            {
                "resourceType": "Procedure",
                "id": text,
                **about,
                "code": concept,
                "performedDateTime": "2020-02-02",
                "bodySite": [concept],
            },
            {"resourceType": text, "id": "s", **about, "code": concept},
            {
                "resourceType": "MedicationStatement",
                "id": "m",
                **about,
                "medicationCodeableConcept": concept,
                "effectivePeriod": {"start": "2020-01-01"},
                "dosage": [{"text": text}],
            },
            {
                "resourceType": "Encounter",
                "id": "e",
                **about,
                "type": [concept],
                "class": {"display": text},
                "period": {"start": "2020-01-03"},
            },
        ]
    )


def page(timeline: Timeline, title: str = "") -> str:
    return page_of(timeline, lay_out(timeline, title=title))


def relative(relationship: str, text: str) -> Resource:
    """Return the extension of a time that counts from a resource that is not there."""
    target = {"url": "target", "valueReference": {"reference": text}}
    parts = [
        target,
        {"url": "relationship", "valueCode": relationship},
        {"url": "offset", "valueDuration": {"unit": text}},
    ]
    url = "http://hl7.org/fhir/StructureDefinition/cqf-relativeDateTime"
    return {"extension": [{"url": url, "extension": parts}]}


class Elements(HTMLParser):
    """The elements of a page, as a browser sees them."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


PLAIN = {tag for tag, _ in Elements(page(read_timeline(entries_of(golden("hcc-tare-sorafenib"))))).found} | {"rect"}


@pytest.mark.parametrize("text", HOSTILE)
def test_no_text_becomes_an_element_or_an_instruction(text: str) -> None:
    timeline = read_timeline(entries_of(everywhere(text)), "p")
    written = page(timeline, text)
    elements = Elements(written).found
    svg = draw(timeline, title=text)
    written.encode()

    ET.fromstring(svg.encode())  # noqa: S314 - what is tested is that it can be read
    assert not _STEERS.search(svg)
    assert not _STEERS.search(re.sub(r"<script>.*</script>|<style>.*?</style>|\n\t*", "", written, flags=re.DOTALL))
    assert {tag for tag, _ in elements} <= PLAIN
    assert 1 == sum(tag == "script" for tag, _ in elements)
    assert not [
        name for _, attributes in elements for name in attributes if name.startswith("on") or name in ("src", "href")
    ]
    assert "49" not in re.findall(r"<h2[^>]*>([^<]*)", written)


def test_only_the_script_of_the_page_is_allowed_and_no_request() -> None:
    written = page(read_timeline(entries_of(golden("hcc-tare-sorafenib"))))
    (script,) = re.findall(r"<script>(.*?)</script>", written, flags=re.DOTALL)
    (policy,) = re.findall(r'Content-Security-Policy" content="([^"]*)"', written)

    digest = b64encode(sha256(script.encode()).digest()).decode()
    assert f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'" == policy
    assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)", re.sub(r"<title>.*?</title>|<td.*?</td>", "", written))
    assert 130 > script.count("\n")


def test_the_page_is_whole_without_its_script() -> None:
    timeline = read_timeline(entries_of(golden("hcc-tare-sorafenib")))
    written = page(timeline)

    assert len(timeline.events) + len(timeline.untimed) == written.count("<tr>") - 1
    assert 2 == written.count('class="tools"') == written.count(" hidden>")  # what only the script can do is not shown
    assert "<td>entecavir</td><td>0.5 mg</td>" in written


@pytest.mark.parametrize("text", [*HOSTILE, "[link](javascript:alert(1))"])
def test_no_text_becomes_a_column_a_line_or_a_link_of_the_portal(text: str) -> None:
    timeline = read_timeline(entries_of(everywhere(text)), "p")
    for name, content in portal_files(timeline, "study").files.items():
        lines = content.split("\n")
        assert not _STEERS.search(content.replace("\t", ""))
        assert "](" not in content
        if name.startswith("data_"):
            assert {lines[0].count("\t")} == {line.count("\t") for line in lines if line}


def test_a_long_text_is_cut_and_says_by_how_much() -> None:
    assert "aaa… (7 more characters)" == clipped("a" * 10, 3)
    assert "a b \\u202e" == clean(" a\n\tb \u202e")

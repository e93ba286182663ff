"""Labels have room, and nothing is dropped in silence: with five events and with five hundred."""

from __future__ import annotations

from collections import Counter
from functools import cache
from itertools import combinations
from typing import TYPE_CHECKING

import pytest

from fhir_case.timeline import entries_of, read_timeline
from fhir_case.timeline.layout import lay_out
from fhir_case.timeline.layout.measure import is_cut, text_width, wrapped
from fhir_case.timeline.layout.picture import Bar, Point
from fhir_case.timeline.writing.table import table_of
from support import golden
from timeline.bundles import HOSTILE, bundle_of, many_events, observation, patient, synthea_like

if TYPE_CHECKING:
    from fhir_case.timeline import Timeline
    from fhir_case.timeline.layout.picture import Box, Picture

BUNDLES = {
    "none": bundle_of([patient()]),
    "one": bundle_of([patient(), observation("o", "CRP", "2020-01-01", {"value": 5, "unit": "mg/L"})]),
    "same day": bundle_of(
        [patient(), *(observation(f"o{n}", "culture", "2020-01-01", f"germ {n}") for n in range(60))]
    ),
    "hostile": bundle_of(
        [patient(), *(observation(f"o{n}", text, "2020-01-01", text) for n, text in enumerate(HOSTILE))]
    ),
    "far apart": bundle_of(
        [patient(), *(observation(f"o{y}", "CRP", y, {"value": 5}) for y in ("0001", "1900", "9999-12-31"))]
    ),
    "one night": bundle_of(
        [
            patient(),
            *(
                observation(f"o{n}", "lactate", f"2020-01-0{1 + n // 6}T{n % 6 * 4:02}:30:00Z", {"value": n})
                for n in range(12)
            ),
        ]
    ),
    "synthea": synthea_like(),
    **{
        name: golden(name)
        for name in ("hcc-tare-sorafenib", "pneumonia-h1n1-legionella", "burkitt-lymphoma-cardiotoxicity")
    },
    **{
        f"{count} events, {seed}": many_events(count, seed)
        for count, seed in ((5, 0), (5, 1), (50, 2), (500, 3), (500, 4))
    },
}


@cache
def picture_of(name: str) -> tuple[Timeline, Picture]:
    timeline = read_timeline(entries_of(BUNDLES[name]))
    anchor = (timeline.anchor.at, timeline.anchor_name) if timeline.anchor else None
    return timeline, lay_out(timeline, counts_from=anchor)


def meeting(boxes: list[Box]) -> list[tuple[Box, Box]]:
    """Return the boxes that overlap; sorted, so that only near ones are compared."""
    near: Counter[int] = Counter()
    bands: dict[int, list[Box]] = {}
    for box in boxes:
        for band in range(int(box.y0) // 50, int(box.y1) // 50 + 1):
            bands.setdefault(band, []).append(box)
            near[band] += 1
    return [pair for band in bands.values() for pair in combinations(band, 2) if pair[0].meets(pair[1])]


@pytest.mark.parametrize("name", BUNDLES)
def test_no_two_texts_meet_and_none_leaves_the_picture(name: str) -> None:
    _, picture = picture_of(name)
    boxes = [box for _, box in picture.all_texts()]

    assert [] == meeting(boxes)
    assert [] == [box for box in boxes if box.x0 < 0 or box.y0 < 0 or box.x1 > picture.width or box.y1 > picture.height]


@pytest.mark.parametrize("width", [640.0, 2400.0])
@pytest.mark.parametrize("name", ["one night", "hcc-tare-sorafenib", "50 events, 2"])
def test_no_two_texts_meet_on_a_narrow_or_wide_picture_with_dates(name: str, width: float) -> None:
    picture = lay_out(picture_of(name)[0], width=width)
    boxes = [box for _, box in picture.all_texts()]

    assert [] == meeting(boxes)
    assert [] == [box for box in boxes if box.x0 < 0 or box.x1 > width]


@pytest.mark.parametrize("name", BUNDLES)
def test_every_event_has_a_mark_and_its_whole_label_stands_at_it_or_in_the_notes(name: str) -> None:
    timeline, picture = picture_of(name)
    rows = [row for lane in picture.lanes for row in lane.rows]
    marked = Counter(
        (*sign.event.resources, sign.event.label) for row in rows for sign in row.signs if isinstance(sign, Point | Bar)
    )
    notes = {"".join(text.lines).replace(" ", "") for text in picture.texts}
    written = {"".join(text.lines).replace(" ", "") for row in rows for text in row.texts} | notes

    assert Counter((*event.resources, event.label) for event in timeline.events) == marked
    for row in rows:
        for event in row.events:
            label = event.label.removesuffix(event.value.unit if event.value and row.is_chart else "").replace(" ", "")
            shown = not label or label in written or any(text.startswith(f"{label}×") for text in written)
            name, value = (each.replace(" ", "")[:300] for each in (event.name, event.label))
            in_notes = any(name in note and value in note for note in notes)
            assert shown or in_notes, event
    for event in timeline.untimed:
        assert any(event.name.replace(" ", "")[:300] in note for note in notes)


@pytest.mark.parametrize("name", BUNDLES)
def test_the_table_has_every_event(name: str) -> None:
    timeline, picture = picture_of(name)
    rows = Counter((row.name[:100], row.label[:100]) for row in table_of(timeline, picture.axis))

    assert Counter((event.name[:100], event.label[:100]) for event in (*timeline.events, *timeline.untimed)) == rows


def test_what_is_not_drawn_is_said() -> None:
    timeline = read_timeline(entries_of(golden("hcc-tare-sorafenib")))
    picture = lay_out(timeline, lanes=["procedures", "medications"])
    notes = " ".join(" ".join(text.lines) for text in picture.texts)

    assert {"procedures", "medications"} == {lane.lane for lane in picture.lanes}
    assert "Without a time (1) Medications and regimens: entecavir: 0.5 mg – the source gives none" in notes
    assert "Conditions (6), Imaging (15), Laboratory (9), Findings and scores (42)" in notes
    assert "no event of a course: BodyStructure (7), Device (2), DocumentReference (1), Provenance (1)" in notes


def test_the_height_of_a_bar_is_the_dose_of_a_day() -> None:
    _, picture = picture_of("hcc-tare-sorafenib")
    bars = {
        sign.event.label: sign.height
        for lane in picture.lanes
        for row in lane.rows
        for sign in row.signs
        if isinstance(sign, Bar) and sign.event.name == "sorafenib"
    }

    assert bars["400 mg once daily"] < bars["400 mg twice daily"]


def test_procedures_have_a_shape_each() -> None:
    _, picture = picture_of("hcc-tare-sorafenib")
    rows = next(lane for lane in picture.lanes if lane.lane == "procedures").rows
    shapes = [{sign.shape for sign in row.signs if isinstance(sign, Point)} for row in rows]

    assert 3 == len(set.union(*shapes)) == len(shapes)


def test_lines_are_no_wider_than_they_may_be_and_no_word_is_lost() -> None:
    text = "a word " * 20 + "x" * 500 + " des-gamma-carboxyprothrombin 日本語"
    lines = wrapped(text, 100, 12, most=1000)

    assert all(text_width(line, 12) <= 100 for line in lines)
    assert text.replace(" ", "") == "".join(lines).replace(" ", "")
    assert not is_cut(lines, text)
    assert is_cut(wrapped(text, 100, 12, most=3), text)
    assert 3 == len(wrapped(text, 100, 12, most=3))

"""The axis: months from an anchor, dates, and long times without an event."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from fhir_case.timeline.axis import axis_of, duration_words
from fhir_case.timeline.event import Event
from fhir_case.timeline.moment import parse_date

if TYPE_CHECKING:
    from fhir_case.timeline.axis import Axis


def axis(*dates: str, anchor: str = "") -> Axis:
    events = [Event("findings", "x", start=parse_date(each)) for each in dates]
    day = parse_date(anchor)
    return axis_of(events, 0, 600, anchor=day.at if day else None, anchor_name="the operation")


def labels(found: Axis) -> list[str]:
    return [tick.label for tick in found.ticks]


def test_months_are_those_of_the_calendar() -> None:
    found = axis("2017-03-01", "2018-03-01", anchor="2017-03-01")

    assert "Months from the operation" == found.title
    assert ["0", "+2", "+4", "+6", "+8", "+10", "+12"] == labels(found)
    day = parse_date("2017-09-01")
    assert day
    assert pytest.approx(found.x(day.at)) == found.ticks[3].x
    assert "month +6" == found.words(day.at)


@pytest.mark.parametrize(
    ("first", "last", "anchor", "expected"),
    [
        (
            "2020-01-01",
            "2020-01-21",
            "2020-01-03",
            ["-2", "0", "+2", "+4", "+6", "+8", "+10", "+12", "+14", "+16", "+18"],
        ),
        (
            "2020-01-01T00:00:00Z",
            "2020-01-02T00:00:00Z",
            "2020-01-01",
            ["0", "+3", "+6", "+9", "+12", "+15", "+18", "+21", "+24"],
        ),
        ("1980-01-01", "2020-01-01", "1990-01-01", ["-10", "-5", "0", "+5", "+10", "+15", "+20", "+25", "+30"]),
        ("2020-01-01", "2020-02-01", "", ["2020-01-01", "01-06", "01-11", "01-16", "01-21", "01-26", "01-31"]),
        (
            "2020-01-15",
            "2020-12-01",
            "",
            [
                "2020-02",
                "2020-03",
                "2020-04",
                "2020-05",
                "2020-06",
                "2020-07",
                "2020-08",
                "2020-09",
                "2020-10",
                "2020-11",
                "2020-12",
            ],
        ),
        ("1980-01-01", "2020-01-01", "", ["1980", "1985", "1990", "1995", "2000", "2005", "2010", "2015", "2020"]),
    ],
)
def test_the_marks_fit_the_time_that_is_shown(first: str, last: str, anchor: str, expected: list[str]) -> None:
    assert expected == labels(axis(first, last, anchor=anchor))


def test_a_time_three_times_as_long_as_all_the_rest_is_drawn_shorter_and_said() -> None:
    found = axis("1997-03-01", "2017-03-01", "2017-06-01", "2018-03-01", "2019-12-01", anchor="2017-03-01")
    (gap,) = [each for each in found.gaps if each.broken]

    assert "20 years, not to scale" == gap.words
    assert gap.x1 - gap.x0 < 60
    assert "-240" == found.ticks[0].label
    assert "0" in labels(found)


def test_a_long_time_that_is_drawn_as_it_is_is_said() -> None:
    assert ["11 months without event"] == [gap.words for gap in axis("2020-01-01", "2020-02-01", "2021-01-01").gaps]


@pytest.mark.parametrize(
    "dates", [(), ("2020-01-01",), ("0001-01-01", "9999-12-31"), ("2020-01-01T00:00:00Z", "2020-01-01T00:00:01Z")]
)
def test_places_rise_with_time_whatever_there_is(dates: tuple[str, ...]) -> None:
    found = axis(*dates, anchor=dates[0] if dates else "")
    places = [found.x(day) for day in range(1, 3_652_059, 10_000)]

    assert sorted(places) == places
    assert 0 <= places[0] <= places[-1] <= 600
    assert all(0 <= tick.x <= 600 for tick in found.ticks)


@pytest.mark.parametrize(
    "text",
    ["", "2018-13", "2018-02-30", "0000", "20180101", "2018-1-1", "2018-01-01T25:00:00Z", "٢٠١٨", None, 2018, ["2018"]],
)
def test_what_is_no_date_is_none(text: object) -> None:
    assert parse_date(text) is None


def test_a_time_zone_counts() -> None:
    first, second = parse_date("2020-01-01T23:30:00-05:00"), parse_date("2020-01-02T04:30:00Z")

    assert first
    assert second
    assert first.at == second.at


def test_durations_have_the_unit_that_fits_them() -> None:
    assert ["3 hours", "5 days", "4 weeks", "3 months", "10 years"] == [
        duration_words(each) for each in (0.125, 5, 28, 91, 3653)
    ]

"""Which requests are hit is decided the same way in every run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from faultproxy.choice import Chooser

if TYPE_CHECKING:
    from collections.abc import Iterable

BODIES = [b"%d" % number for number in range(300)]


def chooser(**options: Any) -> Chooser:
    usual: dict[str, Any] = {
        "rate": 0.3,
        "seed": 7,
        "methods": ("POST",),
        "most_in_a_row": 2,
        "schedule": None,
        "burst_s": 1,
    }
    return Chooser(options.pop("faults", ("503", "html")), **(usual | options))


def choices(by: Chooser, bodies: Iterable[bytes]) -> dict[bytes, str]:
    return {body: by.choose("POST", "/fhir", body, compressed=False, now=0) for body in bodies}


def test_a_seed_hits_the_same_requests_in_whatever_order_they_come() -> None:
    first = choices(chooser(), BODIES)

    assert first == choices(chooser(), reversed(BODIES))
    assert first != choices(chooser(seed=8), BODIES)


def test_chance_uses_every_fault_and_keeps_to_the_rate() -> None:
    found = list(choices(chooser(), BODIES).values())

    assert {"", "503", "html"} == set(found)
    assert 60 < len(found) - found.count("") < 120


def test_a_second_try_has_a_chance_of_its_own() -> None:
    by = chooser(most_in_a_row=1000)

    assert choices(by, BODIES) != choices(by, BODIES)


def test_a_burst_by_chance_keeps_to_the_hits_in_a_row_too() -> None:
    by = chooser(faults=["503-burst"], rate=1)
    hits = [by.choose("POST", "/fhir", b"1", compressed=False, now=second / 10) for second in range(4)]

    assert ["503-burst", "503-burst", "", "503-burst"] == hits


def test_what_says_it_is_compressed_and_is_not_is_told_apart_all_the_same() -> None:
    by = chooser(rate=1, most_in_a_row=1)

    hits = [bool(by.choose("POST", "/fhir", body, compressed=True, now=0)) for body in (b"1", b"1", b"2")]

    assert [True, False, True] == hits


@pytest.mark.parametrize("options", [{"faults": ["599"]}, {"schedule": ["598"]}, {"rate": 1.1}, {"most_in_a_row": 0}])
def test_what_makes_no_sense_is_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"no fault is named 59|the rate is"):
        chooser(**options)

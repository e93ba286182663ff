"""Narrative that needs no parser is narrative that a parser accepts."""

from __future__ import annotations

from random import Random

import pytest

from fhir_case import validate
from fhir_case.validation.rules import narrative

_PIECES = (
    *("<p>", "</p>", "<b>", "</b>", "<h1>", "</h1>", "<br/>", "<br />", "<script>", '<p style="x">', "<div>", "</div>"),
    *("text", " ", "\n", "\xa0", "&", "&lt;", ">", "]]>", "\x01", "\x1f", "\ufffe", "\ud800", "é", "𝄞"),
)


def _findings(div: str) -> list[str]:
    patient = {"resourceType": "Patient", "id": "a", "text": {"status": "generated", "div": div}}
    return [issue.message for issue in validate(patient, skip=("structure",)).issues if issue.check == "narrative"]


def test_what_is_accepted_without_a_parser_is_accepted_by_the_parser() -> None:
    random, without_parser = Random(1), 0  # noqa: S311 - the same texts each time
    for _ in range(20_000):
        inside = "".join(random.choices(_PIECES, k=random.randrange(1, 7)))
        div = f'<div xmlns="http://www.w3.org/1999/xhtml">{inside}</div>'
        if narrative.needs_no_parser(div):
            without_parser += 1
            assert [] == narrative.problems(div), div
    assert 100 < without_parser


@pytest.mark.parametrize("inside", ["plain \x01 text", "<p>a \x01 text</p>"])
def test_a_control_character_is_not_well_formed_in_plain_text_and_in_a_paragraph(inside: str) -> None:
    assert ["this is not well-formed XHTML"] == [
        message.partition(":")[0] for message in _findings(f'<div xmlns="http://www.w3.org/1999/xhtml">{inside}</div>')
    ]


@pytest.mark.parametrize("inside", ["", " ", "<p></p>", "<p> \n</p><br/>"])
def test_paragraphs_without_text_are_a_finding(inside: str) -> None:
    assert ["there is no text in it"] == _findings(f'<div xmlns="http://www.w3.org/1999/xhtml">{inside}</div>')


@pytest.mark.parametrize(
    "style",
    [
        "background: url(http://example.org/x)",
        "background: url ( ' http://example.org/x')",
        "background: \\75\\72 l(//example.org/x)",
        "background: u\\rl(//example.org/x)",
        "background: url(/* x */ //example.org/x)",
        "width: expression (alert(1))",
        "@imp\\6f rt 'x'",
    ],
)
def test_a_style_that_loads_something_is_found_however_it_is_written(style: str) -> None:
    assert ["the style of <div> loads something from elsewhere"] == _findings(
        f'<div xmlns="http://www.w3.org/1999/xhtml" style="{style}">x</div>'
    )


@pytest.mark.parametrize("style", ["color: red", "background: url(#a)", "content: '\\110000'", "/* never closed"])
def test_a_style_that_loads_nothing_is_right(style: str) -> None:
    assert [] == _findings(f'<div xmlns="http://www.w3.org/1999/xhtml" style="{style}">x</div>')


@pytest.mark.parametrize("link", ["javascript:x()", " JavaScript:x()", "java&#10;script:x()", "&#1;javascript:x()"])
def test_a_link_that_runs_a_script_is_found_also_with_white_space_inside(link: str) -> None:
    found = _findings(f'<div xmlns="http://www.w3.org/1999/xhtml"><a href="{link}">x</a></div>')

    assert 1 == len(found)

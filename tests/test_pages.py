"""The pages of commands: all of it is there, and nothing in it runs that is not ours."""

from __future__ import annotations

import re
from base64 import b64encode
from hashlib import sha256
from html.parser import HTMLParser
from typing import TYPE_CHECKING

from fhir_case.report.page.expression import Expression
from smallserver import SmallServer
from support import SHIPPED, SHIPPED_COUNT, run_command

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(2)>\u202e"
CASE = f"""
case: small
title: '{HOSTILE}'
report: {{citation: '{HOSTILE}', transcribed: 2024-05-01}}
timeline: {{anchor: operation, index_date: 2020-01-15}}
patient: {{sex: female, age: 61 a, at: operation, source: page 1}}
procedures:
  - key: operation
    procedure: {{text: '{HOSTILE}'}}
    at: anchor
    note: '{HOSTILE}'
    source: page 2
"""


class _Page(HTMLParser):
    """What a browser would make of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[str] = []
        self._in_script = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._in_script = tag == "script"

    def handle_data(self, data: str) -> None:
        if self._in_script:
            self.scripts.append(data)
            self._in_script = False


def written(tmp_path: Path, case: str | Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    with SmallServer.like() as server:
        done = run_command("run", case, "--server", server.url, "--out", tmp_path / "out", "--engine", "none")
    assert 0 == done.exit_code, done.stderr
    assert f"{tmp_path / 'out' / 'report.html'}" in done.stdout.splitlines()[-2]
    return (tmp_path / "out" / "report.html").read_text(encoding="utf-8")


def test_the_page_has_every_resource_with_its_place_and_what_was_not_checked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = written(tmp_path, SHIPPED, monkeypatch)
    page = _Page(text)

    links = [dict(attributes).get("href") or "" for tag, attributes in page.tags if tag == "a"]
    assert SHIPPED_COUNT == len([link for link in links if re.match(r"http://127\.0\.0\.1:\d+/\w+/", link)])
    assert re.search(rf"<p>{SHIPPED_COUNT} resources of \d+ types\.</p>", text)
    assert "<b>profiles</b>: " in text
    assert f"Read back: {SHIPPED_COUNT} server-added." in text
    assert '<th scope="row">Observation.valueCodeableConcept</th><td>BCLC stage C</td>' in text
    assert 'aria-label="The course"' in text
    assert "Hand-foot skin reaction" in text


def test_no_text_of_a_case_becomes_markup_and_only_our_script_may_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "small.yaml").write_text(CASE, encoding="utf-8")

    text = written(tmp_path, tmp_path / "small.yaml", monkeypatch)
    page = _Page(text)

    assert 1 == len(page.scripts)
    (policy,) = [one["content"] for tag, one in page.tags if tag == "meta" and "http-equiv" in one]
    hashed = b64encode(sha256(page.scripts[0].encode()).digest()).decode()
    assert f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{hashed}'" == policy
    assert [] == [tag for tag, attributes in page.tags if tag == "img" or any(name[:2] == "on" for name in attributes)]
    assert "\u202e" not in text
    assert "&lt;script&gt;alert(1)" in text
    assert [] == [one for tag, one in page.tags if tag in {"link", "iframe", "object"} or "src" in one]


def test_words_are_told_apart_from_codes() -> None:
    found = Expression()
    condition = {
        "resourceType": "Condition",
        "code": {"coding": [{"code": "1"}], "text": "one"},
        "bodySite": [{"text": "liver"}, {"text": "lung"}],
        "note": [{"text": "a note is words by nature"}],
    }
    found.add(condition, "Condition/c")
    found.add({"resourceType": "Condition", "bodySite": [{"text": "liver"}]}, "Condition/d")
    found.add({"resourceType": "Patient", "name": [{"text": "A Name"}], "gender": {"coding": "odd"}}, "Patient/p")

    assert (1, 3) == (found.coded, found.in_words)
    assert [
        ("Condition.bodySite", "liver", "Condition/c, Condition/d"),
        ("Condition.bodySite", "lung", "Condition/c"),
    ] == [(one.element, one.text, str(one.resources)) for one in found.words]


def test_open_shows_the_page_in_a_browser(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.setattr("click.launch", opened.append)
    (tmp_path / "small.yaml").write_text(CASE, encoding="utf-8")
    with SmallServer.like() as server:
        call = ("run", tmp_path / "small.yaml", "--server", server.url, "--out", tmp_path, "--engine", "none", "--open")
        assert 0 == run_command(*call).exit_code

    assert [str((tmp_path / "report.html").resolve())] == opened

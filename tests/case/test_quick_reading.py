"""libyaml and ruamel.yaml read a case file alike, or only the second reads it."""

from __future__ import annotations

import random
import sys
from dataclasses import fields
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fhir_case.case.events import events_of
from fhir_case.case.node import LocatedDict, Node
from fhir_case.case.shipped import shipped_case_names, shipped_case_text
from fhir_case.case.tree import Tree, _quick_tree, _tree, read_tree
from fhir_case.errors import CaseError
from support import CASES, TESTS

if TYPE_CHECKING:
    from pathlib import Path

_FILES = sorted(
    {*CASES.glob("*/case.yaml"), *TESTS.glob("mapping/cases/*/*.yaml"), *TESTS.glob("case/broken/**/*.yaml")}
)

_SMALL = r"""case: a
title: B c
patient:
  sex: male  # c
  born: {at: 2018, note: "x y", k: [a, b, {c: d}]}
list:
- a: 1
  b: >
    folded
     text

    more
- c: |
    literal
  d: 'q''q'
- - &x x
  - y: http://e.org/a?b#c
    z: *x
text: several words
  going on
other: "d\n\u00e4 \
  x"
"""

_PIECES = (
    ":", ": ", "\n", " :", "-", "- ", "?", "? ", "[", "]", "{", "}", ",", ", ", "#", " #", "&a ", "*a", "!", "!x ",
    "|", ">", "|\n", ">-\n", "|2\n", "'", '"', "%", "@", "`", " ", "  ", "\t", "\r", "\r\n", "---\n", "--- ",
    "...\n", "\\", "a", "1", "~", "null", "é", "😀", "\u2003", "\ufeff", "\x7f", "<<: ", "a:b", "{a:b}", "[a:b]",
    "{a: b:c}", "[a, ]", "{a, b}", "{a: }", "[: a]", "{: a}", "[a: b]", "{?a: b}", "{a:,b}", "[a:,b]", '{"a":b}',
    '["a":b]', "''", '""', '"\\/"', '"\\ud83d\\ude00"', '"\\x07"', '"\\e"', "? a\n: b\n", "%YAML 1.1\n", "1.50",
    "+1", "1e3", ".inf", "0x1F", "true", "No", " \n", "\n   \n", "!!str 1", "1_000",
)  # fmt: skip


def _said(tree: Tree) -> list[Any]:
    """Return all that a tree holds, without recursion."""
    found: list[Any] = [(one.place, one.loc, one.what, one.hint) for one in tree.problems]
    waiting = [tree.root]
    while waiting:
        node = waiting.pop()
        plain = [getattr(node, one.name) for one in fields(Node) if one.name not in {"data", "pairs", "items"}]
        data = node.data if not isinstance(node.data, dict | list) else list(node.data)[: 0 if node.items else None]
        place = node.data.place if isinstance(node.data, LocatedDict) else None
        found.append((plain, type(node.data), data, place, [(name, at) for name, (at, _) in node.pairs.items()]))
        waiting += [*node.items, *(value for _, value in node.pairs.values())]
    return found


def _exactly(text: str) -> list[Any] | str:
    """Return what ruamel.yaml reads, or why it cannot."""
    try:
        return _said(_tree(events_of(text, "f"), text, "f"))
    except CaseError as error:
        return str(error)


@pytest.mark.parametrize("file", _FILES, ids=lambda file: "/".join(file.parts[-3:]))
def test_what_libyaml_reads_of_a_file_is_what_ruamel_reads(file: Path) -> None:
    text = file.read_text(errors="replace")
    quick = _quick_tree(text, "f")

    assert quick is None or _exactly(text) == _said(quick)


@pytest.mark.parametrize("name", shipped_case_names())
def test_libyaml_reads_the_shipped_cases(name: str) -> None:
    assert _quick_tree(shipped_case_text(name).decode(), "f") is not None


@settings(max_examples=120, deadline=None)
@given(st.integers(min_value=0, max_value=2**32))
def test_whatever_becomes_of_a_file_libyaml_reads_it_as_ruamel_does_or_leaves_it(seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311 - not for secrets
    text = _SMALL
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(len(text) + 1)
        after = at + chance.randint(1, 4) if chance.random() < 0.3 else at
        text = text[:at] + ("" if after > at else chance.choice(_PIECES)) + text[after:]
    quick = _quick_tree(text, "f")

    assert quick is None or _exactly(text) == _said(quick)


@pytest.mark.parametrize(
    "text",
    [
        "a: >\n \n   b\n",  # of an indentation that a blank line has, libyaml says nothing
        "a:\tb\n",
        "%YAML 1.1\n---\na: b\n",
        "a: 1\na: 2\n",
        "a: !x b\n",
        "a: *b\n",
        'a: "\\ud83d\\ude00"\n',
        'a: "\\x07"\n',
        "a: .nan\n",
        "a: [\n",
        "- " * 60,
        "a: b\n---\na: b\n",
    ],
)
def test_what_libyaml_may_read_otherwise_or_is_wrong_is_left_to_ruamel(text: str) -> None:
    assert _quick_tree(text, "f") is None


def test_without_libyaml_a_case_is_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    text = shipped_case_text("breast-cancer-metastatic").decode()
    expected = _said(read_tree(text, "f"))
    monkeypatch.setitem(sys.modules, "yaml.cyaml", None)

    assert _quick_tree(text, "f") is None
    assert expected == _said(read_tree(text, "f"))

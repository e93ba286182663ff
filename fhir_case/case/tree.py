"""
Read YAML into plain values of which each keeps its place in the file.

The tree is built from parser events without recursion, so that nothing a file holds (deep nesting, aliases that
multiply, a key written twice) can hang the reader or slip through it. Numbers keep their digits, dates stay text.

libyaml reads nearly every file, ten times as fast as Python does. It knows YAML 1.1: what it refuses, and what turns
out to have a problem, is read again by ruamel.yaml, which knows 1.2 and whose errors are put into words.

Source: https://yaml.org/spec/1.2.2/ (core schema)
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from fhir_case.case.events import events_of, quick_events
from fhir_case.case.node import LocatedDict, Node, Place, Problem
from fhir_case.errors import CaseError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fhir_case.case.node import Loc

__all__ = ["Tree", "read_tree"]

MAX_DEPTH = 50
MAX_VALUES = 20_000

_INTEGER = re.compile(r"[-+]?[0-9]{1,40}", re.ASCII)
_DECIMAL = re.compile(r"[-+]?(\.[0-9]{1,40}|[0-9]{1,40}(\.[0-9]{0,40})?)([eE][-+]?[0-9]{1,2})?")
_LONG_NUMBER = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_NO_NUMBER = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_WORDS = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_BEGINS_NO_TEXT = frozenset(("", *"0123456789+-."))
_NO_PAIRS: dict[str, tuple[Place, Node]] = {}
_NO_ITEMS: list[Node] = []
_LONG_TAG = 2000
_WORD = re.compile(r"[^\s\"]+")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Tree:
    """What a file says, with the problems that do not keep it from being read on."""

    root: Node
    problems: tuple[Problem, ...]


def read_tree(text: str, file: str) -> Tree:
    """
    Read one YAML document.

    Args:
        text: The text, at most a megabyte (see `fhir_case.case.text`): ruamel.yaml takes about 4 seconds for one.
        file: The name of the file for messages.

    Raises:
        CaseError: The text is not YAML, holds nothing, or is nested or multiplied beyond all use.
    """
    _refuse_endless_tags(text, file)
    return _quick_tree(text, file) or _tree(events_of(text, file), text, file)


def _quick_tree(text: str, file: str) -> Tree | None:
    """Return what libyaml reads; nothing where it is not there, or something is wrong with the file."""
    events = quick_events(text)
    if events is None:
        return None
    try:
        tree = _tree(events, text, file)
    except (CaseError, ValueError):
        return None
    return None if tree.problems else tree


def _tree(events: Iterable[Any], text: str, file: str) -> Tree:
    builder = _Builder(file, text)
    take = builder.take
    for event in events:
        take(event)
    if builder.root is None:
        what = "the file holds only comments" if text.strip() else "the file is empty"
        raise CaseError(what, where=file, hint="'fhir-case new FILE' writes a starter file")
    return Tree(builder.root, tuple(builder.problems))


def _refuse_endless_tags(text: str, file: str) -> None:
    # The scanner takes quadratic time for one long tag.
    if max(map(len, text.split()), default=0) <= _LONG_TAG:
        return
    for found in _WORD.finditer(text):
        if len(found[0]) > _LONG_TAG and "!" in found[0][:-_LONG_TAG]:
            line = text.count("\n", 0, found.start()) + 1
            what = f"more than {_LONG_TAG} characters without a blank after a '!'"
            raise CaseError(what, where=f"{file}:{line}:1", hint="put text in quotes")


@dataclass(slots=True)
class _Open:
    """A mapping or a list that is not closed yet, and the key that waits for its value."""

    node: Node
    anchor: str | None
    is_mapping: bool
    key: Node | None = None


class _Builder:
    """Take the events of one document and build its tree."""

    def __init__(self, file: str, text: str) -> None:
        self.root: Node | None = None
        self._plain_text = not _CONTROL.search(text)
        self.problems: list[Problem] = []
        self._file = file
        self._open: list[_Open] = []
        self._anchors: dict[str, Node] = {}
        self._documents = 0

    def take(self, event: Any) -> None:
        """Take the next event."""
        kind = event.__class__.__name__
        if kind == "ScalarEvent":
            node = self._scalar(event)
            if event.anchor is not None:
                self._anchors[event.anchor] = node
            self._add(node)
        elif kind in {"MappingStartEvent", "SequenceStartEvent"}:
            self._begin(event, is_mapping=kind == "MappingStartEvent")
        elif kind in {"MappingEndEvent", "SequenceEndEvent"}:
            self._end()
        elif kind == "AliasEvent":
            self._add(self._alias(event))
        elif kind == "DocumentStartEvent":
            self._documents += 1
            if self._documents > 1:
                what, hint = "a second document begins here", "give each case a file of its own"
                raise CaseError(what, where=str(self._place(event)), hint=hint)

    def _place(self, event: Any) -> Place:
        mark = event.start_mark
        return Place(self._file, mark.line + 1, mark.column + 1)

    def _loc(self) -> Loc:
        steps: list[str | int] = []
        for opened in self._open:
            if not opened.is_mapping:
                steps.append(len(opened.node.items))
            elif opened.key is not None:
                steps.append(str(opened.key.data))
        return tuple(steps)

    def _report(self, node: Node, what: str, hint: str = "") -> None:
        node.spoiled = True
        for opened in self._open:
            opened.node.doubtful = True
        self.problems.append(Problem(node.place, self._loc(), what, hint))

    def _scalar(self, event: Any) -> Node:
        text: str = event.value
        style = event.style
        node = Node(self._place(event), text, _NO_PAIRS, _NO_ITEMS)
        if event.tag is not None:
            self._refuse_tag(node, event.tag)
        # libyaml has the style "" for what ruamel has None for.
        if not style:
            if not text and self._open and (key := self._open[-1].key) is not None:
                node.place = key.place  # nothing is written: the mark is on whatever comes next
            if text[:1] in _BEGINS_NO_TEXT or text in _WORDS:
                self._plain(node, text)
        if not (self._plain_text and style != '"') and isinstance(node.data, str):
            self._check_characters(node)
        return node

    def _plain(self, node: Node, text: str) -> None:
        if text in _WORDS:
            node.data = _WORDS[text]
        elif _INTEGER.fullmatch(text):
            node.data = int(text)
        elif _DECIMAL.fullmatch(text):
            node.data = Decimal(text)
        elif _NO_NUMBER.fullmatch(text):
            self._report(node, f"'{text}' is not a number", "write the number, or leave the entry out")
        elif _LONG_NUMBER.fullmatch(text):
            shown = f"{text[:20]}…" if len(text) > 20 else text
            self._report(node, f"'{shown}' is a number of too many digits", "write the number as printed")
        else:
            node.data = text

    def _check_characters(self, node: Node) -> None:
        if not _CONTROL.search(node.data):
            return
        # JSON writes characters beyond the first 65,536 as two escapes.
        joined = node.data.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")
        node.data = joined
        if found := _CONTROL.search(joined):
            node.data = None
            kind = "half of a character," if found[0] >= "\ud800" else "the control character"
            self._report(node, f"the text holds {kind} U+{ord(found[0]):04X}", "leave it out")

    def _refuse_tag(self, node: Node, tag: str) -> None:
        shown = tag.replace("tag:yaml.org,2002:", "!!")[:40]
        self._report(node, f"the tag '{shown}' is of no use here", "leave it out; put text in quotes")

    def _alias(self, event: Any) -> Node:
        node = self._anchors.get(event.anchor, Node(self._place(event)))
        name = event.anchor[:40]
        if any(opened.anchor == event.anchor for opened in self._open):
            node = Node(self._place(event))
            self._report(node, f"'*{name}' holds itself", "write the value out")
        elif event.anchor not in self._anchors:
            self._report(node, f"no value before this is marked '&{name}'", "write the value out")
        if len(self._open) + node.height > MAX_DEPTH:
            raise self._too_deep(event)
        return replace(node, place=self._place(event))

    def _begin(self, event: Any, *, is_mapping: bool) -> None:
        if len(self._open) >= MAX_DEPTH:
            raise self._too_deep(event)
        place = self._place(event)
        node = Node(place, LocatedDict() if is_mapping else [])
        if event.tag is not None:
            self._refuse_tag(node, event.tag)
        if is_mapping:
            node.data.place = place
        self._open.append(_Open(node, event.anchor, is_mapping))

    def _end(self) -> None:
        opened = self._open.pop()
        if opened.anchor is not None:
            self._anchors[opened.anchor] = opened.node
        self._add(opened.node)

    def _add(self, node: Node) -> None:
        if not self._open:
            self.root = node
            return
        parent = self._open[-1]
        inside = parent.node
        inside.size += node.size
        if node.height >= inside.height:
            inside.height = node.height + 1
        if inside.size > MAX_VALUES:
            what = f"the file holds more than {MAX_VALUES} values, aliases (*name) written out"
            raise CaseError(what, where=str(node.place), hint="a case of one patient has some thousand")
        if not parent.is_mapping:
            inside.items.append(node)
            inside.data.append(node.data)
        elif parent.key is None:
            parent.key = node
        else:
            self._pair(parent, parent.key, node)
            parent.key = None

    def _pair(self, parent: _Open, key: Node, value: Node) -> None:
        name = key.data
        first = parent.node.pairs.get(name) if isinstance(name, str) else None
        if not isinstance(name, str):
            self._report_key(parent, key, "a key is text", "put it in quotes")
        elif name == "<<":
            parent.node.spoiled = True
            self._report_key(parent, key, "'<<' does not merge mappings here", "write the keys out")
        elif first is not None:
            parent.node.spoiled = parent.node is self._open[0].node  # keys of entries are missing now
            self._report_key(parent, key, f"'{name[:60]}' is written twice, first at {first[0]}", "keep one of them")
        else:
            parent.node.pairs[name] = (key.place, value)
            parent.node.data[name] = value.data

    def _report_key(self, parent: _Open, key: Node, what: str, hint: str) -> None:
        parent.key = None
        if not key.spoiled:
            self._report(key, what, hint)

    def _too_deep(self, event: Any) -> CaseError:
        what = f"values are nested more than {MAX_DEPTH} levels deep"
        return CaseError(what, where=str(self._place(event)), hint="a case has ten levels at most; look for brackets")

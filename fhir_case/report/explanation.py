"""The explanation of a case as text, JSON and CSV."""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from fhir_case.report.spreadsheet import cell

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fhir_case.explain import Element, Explanation, Fact

__all__ = ["as_csv", "as_json", "as_json_text", "as_text", "bookkeeping", "chosen", "clipped"]

_COLUMNS = ("section", "entry", "field", "said", "place", "source", "state", "resource", "path", "shown")


def as_text(explanation: Explanation, only: str | None = None) -> str:
    """Return an entry a paragraph, with a line for each of its facts, and the totals at the end."""
    lines: list[str] = []
    heading = ("", "")
    for fact in chosen(explanation, only):
        if heading != (fact.section, fact.entry):
            heading = (fact.section, fact.entry)
            lines += ["", f"{fact.section} {fact.entry}".rstrip() + f"  ({fact.source}; {fact.place})"]
        lines.append(f"  {fact.field}: {clipped(fact.said)}")
        lines += [f"    -> {_words_of(one)}" for one in fact.elements] or ["    -> nowhere"]
    if explanation.not_carried_over and only in (None, "nowhere"):
        lines += ["", "Not carried over into the case:", *(f"  {one}" for one in explanation.not_carried_over)]
    if only is None:
        lines += ["", "Without evidence in the case, said by the mappings themselves:"]
        lines += [f"  {name}: {number}" for name, number in bookkeeping(explanation)]
    return "\n".join([*lines, "", explanation.summary()]).lstrip("\n") + "\n"


def as_json(explanation: Explanation, only: str | None = None) -> dict[str, Any]:
    """Return the facts with their elements, the totals, and what has no evidence."""
    return {
        "case": explanation.case,
        "entries": explanation.entries,
        "facts": explanation.counts,
        "found": [{**asdict(fact), "state": fact.state} for fact in chosen(explanation, only)],
        "without_evidence": [asdict(one) for one in explanation.without_evidence],
        "not_carried_over": [
            {"place": str(one.place), "what": one.what, "why": one.why, "deliberate": one.deliberate}
            for one in explanation.not_carried_over
        ],
    }


def as_json_text(explanation: Explanation, only: str | None = None) -> str:
    """Return the same as text."""
    return json.dumps(as_json(explanation, only), indent=2, ensure_ascii=False) + "\n"


def as_csv(explanation: Explanation, only: str | None = None) -> str:
    """Return a line for each fact and element that expresses it."""
    written = io.StringIO()
    rows = csv.writer(written, lineterminator="\n")
    rows.writerow(_COLUMNS)
    for fact in chosen(explanation, only):
        begin = (fact.section, fact.entry, fact.field, fact.said, fact.place, fact.source)
        for one in fact.elements:
            rows.writerow([cell(text) for text in (*begin, one.state, one.resource, one.path, one.shown)])
        if not fact.elements:
            rows.writerow([cell(text) for text in (*begin, "nowhere", "", "", "")])
    for lost in explanation.not_carried_over if only in (None, "nowhere") else ():
        state = "left out" if lost.deliberate else "nowhere"
        rows.writerow([cell(text) for text in ("", "", "", lost.what, str(lost.place), "", state, "", "", lost.why)])
    return written.getvalue()


def chosen(explanation: Explanation, only: str | None) -> Iterator[Fact]:
    """Return the facts in a state; all of them where none is named."""
    return (fact for fact in explanation.facts if only in (None, fact.state))


def _words_of(element: Element) -> str:
    said = {"coded": "", "value": "", "words": "words only, "}[element.state]
    return f"{element.resource} {element.path}: {said}{clipped(element.shown)}"


def clipped(text: str) -> str:
    """Return a text, of a long one the beginning: the JSON and the CSV have all of it."""
    return text if len(text) <= 160 else f"{text[:159]}…"


def bookkeeping(explanation: Explanation) -> list[tuple[str, int]]:
    """Return how often each element has no evidence in the case, by its type and name."""
    found = Counter(
        f"{one.resource.partition('/')[0]}.{one.path.partition('[')[0]}" for one in explanation.without_evidence
    )
    return sorted(found.items())

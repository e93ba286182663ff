"""Report what a server stored."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fhir_case.load.readback import Comparison, Verification

__all__ = ["verification_text"]

_LABEL = 70
_CELL = 60
_MOST_RESOURCES = 20


def verification_text(verification: Verification) -> str:
    """
    Give a verification as text: how many in each state, then every resource that is not as it was sent.

    A label names its columns; a long value is cut. `Verification.to_dict` is the same as JSON.
    """
    counts = verification.counts
    label = f"Resources  [{', '.join(counts)}]"
    lines = [
        f"Read back from {verification.server}",
        f"{label:<{_LABEL}}  {', '.join(str(count) for count in counts.values())}",
    ]
    wrong = [each for each in verification.comparisons if each.state in ("altered", "lost", "not checked")]
    if wrong:
        lines += ["", "Not as sent  [resource, state; element, kind, sent, stored]"]
    for each in wrong[:_MOST_RESOURCES]:
        lines += _lines(each)
    if len(wrong) > _MOST_RESOURCES:
        lines.append(f"  and {len(wrong) - _MOST_RESOURCES} more; the JSON report lists all")
    return "\n".join(lines)


def _lines(comparison: Comparison) -> list[str]:
    elsewhere = comparison.stored_as not in ("", comparison.resource)
    document = f"{comparison.source}: " if comparison.source else ""
    place = f" (stored as {comparison.stored_as})" if elsewhere else ""
    head = f"  {document}{comparison.resource}{place}: {comparison.state}"
    lines = [f"{head}: {comparison.reason}" if comparison.reason else head]
    told = [each for each in comparison.differences if each.kind not in ("added", "rewritten")]
    wide = max((len(each.path) for each in told), default=0)
    return lines + [
        f"    {each.path:<{wide}}  {each.kind:<10}  {_cell(each.sent)}  ->  {_cell(each.stored)}" for each in told
    ]


def _cell(value: Any) -> str:
    from fhir_case.fhir import wire

    text = "nothing" if value is None else wire.dump(value).decode()
    return text if len(text) <= _CELL else text[: _CELL - 1] + "…"

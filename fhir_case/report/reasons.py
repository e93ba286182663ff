"""Report what failed, grouped by the reason: what fails alike is one line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fhir_case.report.characters import behind_margin, printable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fhir_case.wording import CountedReasons

__all__ = ["reasons_json", "reasons_text"]

_MAX_REASONS = 20


def reasons_json(reasons: CountedReasons) -> list[dict[str, Any]]:
    """Return each reason, how many failed for it, and the first of them."""
    return [{"reason": reason, "count": names.count, "first": names.names} for reason, names in reasons]


def reasons_text(reasons: Sequence[dict[str, Any]], total: int, *, rest: str) -> list[str]:
    """
    Return a line for each reason; of many the first ones.

    Args:
        reasons: What `reasons_json` returns.
        total: How many failed.
        rest: Where those are that are not shown.
    """
    shown = reasons[:_MAX_REASONS]
    lines = []
    for each in shown:
        more = each["count"] - len(each["first"])
        names = ", ".join(each["first"]) + (f" and {more:,} more" if more else "")
        lines.append(f"  {printable(names)}: {behind_margin(each['reason'])}")
    left = total - sum(each["count"] for each in shown)
    return [*lines, f"  and {left:,} more; {rest}"] if left > 0 else lines

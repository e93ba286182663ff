"""Report an upload."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fhir_case.load.journal import Journal

__all__ = ["upload_text"]

_LABEL = 48


def upload_text(journal: Journal) -> str:
    """
    Give a journal as text: where, how many in each state, how long, and what failed.

    A label names its columns. `Journal.to_dict` is the same as JSON.
    """
    counts = journal.counts
    named = ["created", "updated", "unchanged", "failed"]
    if counts["updated or unchanged"]:
        named.insert(3, "updated or unchanged")
    label = f"Resources  [{', '.join(named)}]"
    numbers = ", ".join(str(count) for state, count in counts.items() if state in named)
    lines = [
        f"Upload to {journal.server}",
        f"{label:<{_LABEL}}  {numbers}",
        f"{'Duration   [seconds]':<{_LABEL}}  {journal.seconds:.1f}",
    ]
    lines += [f"Warning: {warning}" for warning in journal.warnings]
    failed = [entry for entry in journal.entries if entry.state == "failed"]
    if failed:
        wide = max(len(entry.resource) for entry in failed)
        lines += ["", "Failed     [resource, reason]"]
        lines += [f"  {entry.resource:<{wide}}  {entry.reason}" for entry in failed]
    return "\n".join(lines)

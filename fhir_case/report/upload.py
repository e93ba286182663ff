"""Report an upload."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fhir_case.load.run.loader import Result
    from fhir_case.load.run.placeholders import Placeholders
    from fhir_case.load.send.tally import Tally

__all__ = ["summary", "summary_text"]

_LABEL = 48
_MOST_FAILURES = 20


def summary(
    server: str,
    result: Result,
    tally: Tally,
    warnings: Sequence[str],
    journal: str,
    *,
    placeholders: Placeholders | None = None,
) -> dict[str, Any]:
    """Return what became of an upload as JSON; `summary_text` is the same for people."""
    counts = tally.to_dict()
    stored = sum(counts["resources"].values()) - counts["resources"]["failed"] - counts["resources"]["unknown"]
    return {
        "server": server,
        **counts,
        "resources_of_an_earlier_run": result.earlier,
        "resources_not_sent": result.resources - result.earlier - sum(counts["resources"].values()),
        "placeholders": {
            "made": placeholders.made if placeholders else 0,
            "missing": placeholders.missing.count if placeholders else 0,
        },
        "seconds": round(result.seconds, 3),
        "resources_a_second": round(stored / result.seconds, 1) if result.seconds else None,
        "error": str(result.error) if result.error else None,
        "warnings": list(warnings),
        "failures": [asdict(entry) for entry in result.failures],
        "journal": journal,
    }


def summary_text(value: dict[str, Any]) -> str:
    """
    Return a summary as text: where, how many in each state, requests, latencies, how fast, and what failed.

    A label names its columns.
    """
    resources = {name: number for name, number in value["resources"].items() if number or name in _ALWAYS}
    if value["resources_of_an_earlier_run"]:
        resources["of an earlier run"] = value["resources_of_an_earlier_run"]
    if value["resources_not_sent"]:
        resources["not sent"] = value["resources_not_sent"]
    left_open = value["resources_with_open_references"]
    latencies = {f"{name} s": _seconds(number) for name, number in value["latency_s"].items()}
    sent = {"bytes": value["bytes_sent"], "seconds": _seconds(value["seconds"])}
    sent["resources a second"] = value["resources_a_second"] or "-"
    lines = [
        f"Upload to {value['server']}",
        _row("Resources", resources),
        *([_row("References", {"left open in resources": left_open})] if left_open else []),
        *([_row("Placeholders", value["placeholders"])] if any(value["placeholders"].values()) else []),
        _row("Requests", value["requests"] or {"none": 0}),
        *([_row("Retries", value["retries"])] if value["retries"] else []),
        *([_row("Latency", latencies)] if value["requests"] else []),
        _row("Sent", sent),
        f"{'Journal':<{_LABEL}}  {value['journal']}" if value["journal"] else "",
        *(f"Warning: {warning}" for warning in value["warnings"]),
    ]
    lines = [line for line in lines if line]
    failures = value["failures"]
    if failures:
        lines += ["", "Failed     [document, resource, reason]"]
        lines += [f"  {_place(entry)}  {entry['reason']}" for entry in failures[:_MOST_FAILURES]]
        total = value["resources"]["failed"] + value["resources"]["unknown"] + left_open
        if total > _MOST_FAILURES:
            lines.append(f"  and {total - _MOST_FAILURES:,} more; the journal lists all")
    return "\n".join(lines)


_ALWAYS = ("created", "updated", "unchanged", "failed")


def _row(name: str, columns: dict[str, Any]) -> str:
    label = f"{name:<10} [{', '.join(columns)}]"
    numbers = ", ".join(f"{number:,}" if isinstance(number, int) else str(number) for number in columns.values())
    return f"{label:<{_LABEL}}  {numbers}"


def _seconds(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}" if value < 10 else f"{value:.1f}"


def _place(entry: dict[str, Any]) -> str:
    source = f"{entry['source']}: " if entry["source"] else ""
    return f"{source}{entry['resource']}"

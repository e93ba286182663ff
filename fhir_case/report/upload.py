"""Report an upload."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from fhir_case.report.characters import behind_margin, printable
from fhir_case.report.counts import counts_table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fhir_case.load.run.loader import Result
    from fhir_case.load.run.placeholders import Placeholders
    from fhir_case.load.send.tally import Tally

__all__ = ["summary", "summary_text"]

_ALWAYS_SHOWN = ("created", "updated", "unchanged", "failed")
_MAX_FAILURES = 20


def summary(
    server: str,
    result: Result,
    tally: Tally,
    warnings: Sequence[str],
    journal: str,
    *,
    placeholders: Placeholders | None = None,
) -> dict[str, Any]:
    """Return the result of an upload as JSON; `summary_text` is the same for people."""
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
    """Return a summary as text: the server, a table of counts and times, then what failed."""
    resources = {name: number for name, number in value["resources"].items() if number or name in _ALWAYS_SHOWN}
    more = {"of an earlier run": value["resources_of_an_earlier_run"], "not sent": value["resources_not_sent"]}
    unresolved = value["resources_with_open_references"]
    requests = {f"HTTP {status}" if status.isdigit() else status: count for status, count in value["requests"].items()}
    table = counts_table(
        {
            "Resources": resources | {name: number for name, number in more.items() if number},
            "References": {"unresolved in resources": unresolved} if unresolved else {},
            "Placeholders": value["placeholders"] if any(value["placeholders"].values()) else {},
            "Requests": requests or {"none": 0},
            "Retries": value["retries"],
            "Latency": {name: _seconds(number) for name, number in value["latency_s"].items()} if requests else {},
            "Total": {
                "bytes sent": value["bytes_sent"],
                "time": _seconds(value["seconds"]),
                "resources per second": str(value["resources_a_second"] or "-"),
            },
        }
    )
    lines = [
        printable(f"Upload to {value['server']}"),
        *table,
        *([printable(f"Journal  {value['journal']}")] if value["journal"] else []),
        *(printable(f"Warning: {warning}") for warning in value["warnings"]),
    ]
    failures = value["failures"]
    if failures:
        lines += ["", "Failed:"]
        lines += [
            f"  {printable(_located(entry))}: {behind_margin(entry['reason'])}" for entry in failures[:_MAX_FAILURES]
        ]
        total = value["resources"]["failed"] + value["resources"]["unknown"] + unresolved
        if total > _MAX_FAILURES:
            lines.append(f"  and {total - _MAX_FAILURES:,} more; the journal lists all")
    return "\n".join(lines)


def _seconds(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f} s" if value < 10 else f"{value:.1f} s"


def _located(entry: dict[str, Any]) -> str:
    source = f"{entry['source']}: " if entry["source"] else ""
    return f"{source}{entry['resource']}"

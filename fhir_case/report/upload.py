"""Report an upload."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from fhir_case.report.characters import behind_margin, printable
from fhir_case.report.counts import counts_table
from fhir_case.report.reasons import reasons_json, reasons_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fhir_case.load.run.placeholders import Placeholders
    from fhir_case.load.run.result import Result
    from fhir_case.load.send.tally import Tally

__all__ = ["summary", "summary_text"]

_ALWAYS_SHOWN = ("created", "updated", "unchanged", "failed")


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
    first = result.first or next(iter(result.failures), None)
    return {
        "server": server,
        "first_failure": {"place": first.place, "reason": first.reason} if first else None,
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
        "reasons": reasons_json(result.reasons),
        "failures": [asdict(entry) for entry in result.failures],
        "journal": journal,
    }


def summary_text(value: dict[str, Any]) -> str:
    """Return a summary as text: why the first failed, the server, a table of counts and times, then what failed."""
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
    first = value["first_failure"]
    lines = [
        *([f"First failure: {printable(first['place'])}: {behind_margin(first['reason'])}"] if first else []),
        printable(f"Upload to {value['server']}"),
        *table,
        *([printable(f"Journal  {value['journal']}")] if value["journal"] else []),
    ]
    if value["reasons"]:
        total = value["resources"]["failed"] + value["resources"]["unknown"] + unresolved
        lines += ["", "Failed:", *reasons_text(value["reasons"], total, rest="the journal lists all")]
    return "\n".join(lines)


def _seconds(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f} s" if value < 10 else f"{value:.1f} s"

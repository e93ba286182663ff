"""Report a whole run: ``case-report.json``, and the results of its stages."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from fhir_case.report.counts import counted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fhir_case.case import Case
    from fhir_case.fhir.wire import Resource
    from fhir_case.issues import ValidationResult
    from fhir_case.load import Journal, Verification

__all__ = ["bundle_words", "run_report", "validation_words"]


def bundle_words(bundle: Resource) -> str:
    """Return the size of a Bundle, for example ``5 resources of 4 types, transaction``."""
    types = {entry["resource"]["resourceType"] for entry in bundle["entry"]}
    return f"{counted(len(bundle['entry']), 'resource')} of {counted(len(types), 'type')}, {bundle['type']}"


def validation_words(result: ValidationResult) -> str:
    """Return the result of a validation in one line, what was not checked included."""
    found = Counter(issue.severity for issue in result.issues)
    counts = f"{counted(found['error'], 'error')}, {counted(found['warning'], 'warning')}"
    ran = sum(check.state == "ran" for check in result.checks)
    not_checked = [check.name for check in result.checks if check.state == "could not run"]
    return f"{counts}; {counted(ran, 'check')} ran" + (
        f"; not checked: {', '.join(not_checked)}" if not_checked else ""
    )


def run_report(
    case: Case,
    bundle: Resource,
    result: ValidationResult,
    journal: Journal | None,
    verification: Verification | None,
    *,
    software: str,
    options: Mapping[str, Any],
    seconds: Mapping[str, float],
    files: Mapping[str, str],
) -> dict[str, Any]:
    """
    Return everything about a run as JSON.

    Args:
        software: The name and version of this program.
        options: The options of the command.
        seconds: How long each stage took.
        files: Name and SHA-256 of each file that was written.
    """
    types = Counter(entry["resource"]["resourceType"] for entry in bundle["entry"])
    return {
        "software": software,
        "case": {"id": case.case, "title": case.title, "source": case.report.citation},
        "options": dict(options),
        "bundle": {"id": bundle["id"], "type": bundle["type"], "resources": dict(sorted(types.items()))},
        "validation": {
            "ok": result.ok,
            "counts": dict(Counter(issue.severity for issue in result.issues)),
            "issues": [str(issue) for issue in result.issues],
            "checks": [{"name": one.name, "state": one.state, "reason": one.reason} for one in result.checks],
        },
        "upload": journal.to_dict() if journal else None,
        "verification": verification.to_dict() if verification else None,
        "seconds": {stage: round(spent, 2) for stage, spent in seconds.items()},
        "files": dict(files),
    }

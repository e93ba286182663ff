"""What the page of each command reports."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, Any

from fhir_case.fhir.wire import mapping
from fhir_case.issues import SEVERITIES
from fhir_case.load.verification.readback import GOOD
from fhir_case.report.counts import counted
from fhir_case.report.page.gathering import Gathered
from fhir_case.report.page.report import Findings, Loaded, Report
from fhir_case.report.validation.kinds import Kinds
from fhir_case.report.validation.summary import Summary
from fhir_case.report.verification import state_word

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from fhir_case.case import Case
    from fhir_case.documents import Document
    from fhir_case.fhir.wire import Resource
    from fhir_case.issues import Issue, ValidationResult
    from fhir_case.load import Journal, Verification
    from fhir_case.load.journal.entry import JournalEntry
    from fhir_case.load.journal.record import RequestRecord
    from fhir_case.load.plan.bundle import BundleEntry
    from fhir_case.load.verification.readback import Comparison

__all__ = ["CheckedPage", "note_compared", "run_on_page", "upload_on_page"]

_ENTRY = re.compile(r"Bundle\.entry\[(\d+)\]")


def run_on_page(
    case: Case, bundle: Resource, result: ValidationResult, journal: Journal, verification: Verification, *,
    software: str, seconds: Mapping[str, float],
) -> Report:  # fmt: skip
    """
    Return what the page of a run reports.

    Args:
        software: The name and version of this program.
        seconds: How long each stage took.
    """
    summary, kinds, gathered = Summary(), Kinds(SEVERITIES), Gathered(journal.server)
    summary.add(result, "")
    kinds.add("", result.issues)
    for entry in bundle["entry"]:
        name = f"{entry['resource']['resourceType']}/{entry['resource']['id']}"
        gathered.add(("", name), entry["resource"], name, full_url=entry["fullUrl"])
    for comparison in verification.comparisons:
        _note(gathered, comparison)
    return Report(
        case.title, case.report.citation, software, gathered, server=journal.server, seconds=seconds,
        findings=Findings(summary, kinds), loaded=Loaded.of_journal(journal), verification=verification,
    )  # fmt: skip


class CheckedPage:
    """The documents of a check, and what was found in each, as a page shows them."""

    def __init__(self) -> None:
        self.gathered = Gathered()
        self.kinds = Kinds(SEVERITIES)

    def add(self, document: Document, issues: Sequence[Issue]) -> None:
        """Add a document and its findings."""
        self.kinds.add(document.name, issues)
        found = Counter((number, issue.severity) for issue in issues for number in [_number_of(issue, document)])
        for number, (full_url, resource, name) in enumerate(_resources(document.content)):
            if not resource:  # an entry may ask for something without one
                continue
            counts = [counted(found[number, kind], kind) for kind in SEVERITIES[:2] if found[number, kind]]
            key, good = (document.name, number), not found[number, "error"]
            self.gathered.add(key, resource, name, full_url=full_url, source=document.name, good=good)
            self.gathered.note(key, ", ".join(counts) or "none", good=good)

    def report(self, title: str, summary: Summary, *, software: str) -> Report:
        """Return what the page reports."""
        findings = Findings(summary, self.kinds)
        return Report(title, "", software, self.gathered, outcome="Findings", findings=findings)


def upload_on_page(
    value: Mapping[str, Any], originals: Iterable[BundleEntry], journal: Iterable[RequestRecord], *,
    failures: Iterable[JournalEntry], software: str, about: str,
) -> Report:  # fmt: skip
    """
    Return what the page of an upload reports.

    Args:
        value: Its summary, see `fhir_case.report.upload.summary`.
        originals: What was to be loaded.
        journal: What became of it.
        failures: Some of what failed; it has a row in any case.
        software: The name and version of this program.
        about: The inputs.
    """
    gathered, failed = Gathered(value["server"]), {each.key for each in failures}
    for each in originals:
        key, good = (each.source, each.position), (each.source, each.position) not in failed
        gathered.add(key, each.resource, each.name, full_url=each.full_url, source=each.source, good=good)
        gathered.note(key, "not sent", good=False)
    for record in journal:
        for entry in record.entries:
            if not (entry.retold and entry.ok):  # a second request updates what the first one created
                gathered.note(entry.key, _state_of(entry), stored_as=entry.stored_as, good=entry.ok)
    loaded = Loaded.of_summary(value)
    return Report(f"Upload to {value['server']}", about, software, gathered, server=value["server"], loaded=loaded)


def note_compared(gathered: Gathered, original: BundleEntry, comparison: Comparison) -> None:
    """Add a resource that was read back, and what is stored of it."""
    good = comparison.state in GOOD
    key = comparison.source, comparison.resource
    gathered.add(key, original.resource, original.name, full_url=original.full_url, source=original.source, good=good)
    _note(gathered, comparison)


def _note(gathered: Gathered, comparison: Comparison) -> None:
    key, good = (comparison.source, comparison.resource), comparison.state in GOOD
    gathered.note(key, state_word(comparison.state), stored_as=comparison.stored_as, good=good)


def _state_of(entry: JournalEntry) -> str:
    return f"{entry.state}, with unresolved references" if entry.references == "open" else entry.state


def _resources(content: Resource | None) -> Iterator[tuple[str, Resource, str]]:
    """Return each resource of a document with its fullUrl, and with a name where it has no id."""
    if content is None:
        return
    if content.get("resourceType") != "Bundle":
        yield "", content, ""
        return
    entries = content.get("entry")
    for number, entry in enumerate(entries if isinstance(entries, list) else ()):
        resource, full_url = mapping(mapping(entry).get("resource")), mapping(entry).get("fullUrl")
        name = "" if resource.get("id") else f"Bundle.entry[{number}]"
        yield full_url if isinstance(full_url, str) else "", resource, name


def _number_of(issue: Issue, document: Document) -> int:
    """Return which resource of a document a finding is about; -1 for the Bundle itself."""
    if (document.content or {}).get("resourceType") != "Bundle":
        return 0
    found = _ENTRY.match(issue.place)
    return int(found[1]) if found else -1

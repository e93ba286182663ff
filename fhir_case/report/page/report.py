"""
Report what a command did as one web page: findings, what was not checked, the course, loading, and every resource.

It loads nothing and sends nothing; its one script searches the table of resources, and all is there without it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from fhir_case.issues import SEVERITIES
from fhir_case.load.verification.readback import GOOD
from fhir_case.report.characters import printable_lines, value_text
from fhir_case.report.page.tables import TablesRead
from fhir_case.report.page.templates import page
from fhir_case.report.reasons import reasons_json
from fhir_case.report.validation.text import not_checked
from fhir_case.report.verification import state_word

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fhir_case.load import Journal, Verification
    from fhir_case.load.verification.summary import VerificationSummary
    from fhir_case.readers.table.losses import Losses
    from fhir_case.report.page.gathering import Gathered
    from fhir_case.report.validation.kinds import Kinds
    from fhir_case.report.validation.summary import Summary

__all__ = ["Findings", "Loaded", "Report", "report_page"]

_MOST_SHOWN = 100
_LONGEST_VALUE = 300


class Findings(NamedTuple):
    """
    What the checks found.

    Args:
        summary: The counts, and what became of each check.
        kinds: The findings, by kind.
    """

    summary: Summary
    kinds: Kinds


class Loaded(NamedTuple):
    """
    What became of an upload.

    Args:
        ok: Whether every resource is on the server, and each reference in it leads somewhere.
        counts: How many resources are in each state; none for a state in which none is.
        reasons: What failed, grouped by the reason, as `reasons_json` returns it.
        warnings: What has to be known beside that.
        error: What ended it before all was sent; empty when all was.
        journal: The file of the journal; empty where it was not named.
    """

    ok: bool
    counts: Mapping[str, int]
    reasons: list[dict[str, Any]]
    warnings: tuple[str, ...] = ()
    error: str = ""
    journal: str = ""

    @classmethod
    def of_journal(cls, journal: Journal) -> Loaded:
        """Return what a journal in memory says."""
        from fhir_case.wording import CountedReasons

        reasons = CountedReasons()
        for each in journal.entries:
            if not each.ok:
                reasons.note(each.reason, each.place, each.resource)
        return cls(journal.ok, _present(journal.counts), reasons_json(reasons), journal.warnings)

    @classmethod
    def of_summary(cls, value: Mapping[str, Any]) -> Loaded:
        """Return what the summary of an upload says (`fhir_case.report.upload.summary`)."""
        unresolved, missing = value["resources_with_open_references"], value["placeholders"]["missing"]
        not_sent = value["resources_not_sent"]
        counts = {
            **value["resources"],
            "of an earlier run": value["resources_of_an_earlier_run"],
            "not sent": not_sent,
            "with unresolved references": unresolved,
        }
        wrong = value["resources"]["failed"] or value["resources"]["unknown"] or unresolved or missing or not_sent
        return cls(
            not wrong and not value["error"],
            _present(counts),
            value["reasons"],
            tuple(value["warnings"]),
            value["error"] or "",
            value["journal"],
        )


@dataclass(frozen=True)
class Report:
    """
    What a page reports; each part is there where the command has it.

    Args:
        title: What was done, and with what.
        about: A line under the title, such as the citation of a case.
        software: The name and version of this program.
        gathered: The resources.
        outcome: The heading of what became of each resource.
        server: The base URL of the server; empty where there is none.
        seconds: How long each stage took.
        findings: What the checks found.
        loaded: What became of an upload.
        verification: What was read back.
        skipped: What was left out of it, such as documents that the upload had skipped.
        tables: What became of the tables that the resources are from.
    """

    title: str
    about: str
    software: str
    gathered: Gathered
    outcome: str = "On the server"
    server: str = ""
    seconds: Mapping[str, float] = field(default_factory=dict)
    findings: Findings | None = None
    loaded: Loaded | None = None
    verification: Verification | VerificationSummary | None = None
    skipped: tuple[str, ...] = ()
    tables: tuple[Losses, ...] = ()

    @property
    def marks(self) -> list[tuple[bool, str]]:
        """Return the results in a word each, and whether they are good."""
        return [*self._of_findings(), *self._of_server()]

    def _of_findings(self) -> list[tuple[bool, str]]:
        from fhir_case.report.counts import counted

        if self.findings is None:
            return []
        summary = self.findings.summary
        if summary.nothing_checked:
            return [(False, "nothing could be checked")]
        errors = summary.found["error"]
        return [(False, counted(errors, "error"))] if errors else [(True, "no errors")]

    def _of_server(self) -> list[tuple[bool, str]]:
        marks = []
        if self.loaded is not None:
            marks.append((self.loaded.ok, "loaded" if self.loaded.ok else "not all loaded"))
        if self.verification is not None:
            ok = self.verification.ok
            marks.append((ok, "as sent" if ok else "not all as sent"))
        return marks


def report_page(report: Report) -> str:
    """Return the whole page; whatever an input or a server says is text in it, never markup."""
    from markupsafe import Markup

    picture, no_course = report.gathered.course()
    found = report.verification
    different = [each for each in found.wrong if each.differences][:_MOST_SHOWN] if found is not None else []
    reasons = reasons_json(found.reasons)[:_MOST_SHOWN] if found is not None else []
    return page(
        "page/report.html.jinja",
        filters={"body": printable_lines, "value": _value, "not_checked": not_checked},
        script="search.js",
        report=report,
        tables_read=[TablesRead(each) for each in report.tables],
        gathered=report.gathered,
        picture=Markup(picture),  # noqa: S704 - it is written by us, and escaped there
        no_course=no_course,
        severities=SEVERITIES,
        different=different,
        reasons=reasons,
        more_wrong=_number_wrong(found) - len(different) - sum(each["count"] for each in reasons),
        compared=_present({state_word(state): number for state, number in found.counts.items()}) if found else {},
    )


def _number_wrong(found: Verification | VerificationSummary | None) -> int:
    return sum(number for state, number in found.counts.items() if state not in GOOD) if found is not None else 0


def _value(value: Any) -> str:
    return value_text(value, _LONGEST_VALUE)


def _present(counts: Mapping[Any, int]) -> dict[str, int]:
    return {str(name): number for name, number in counts.items() if number}

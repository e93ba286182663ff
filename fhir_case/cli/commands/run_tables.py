"""``fhir-case run`` for a recipe: the same stages for the cases of all patients, one after the other."""

from __future__ import annotations

from collections import Counter
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

from fhir_case.cli.options.building import built, say_unused
from fhir_case.cli.options.files import lines_to
from fhir_case.cli.options.pages import write_report
from fhir_case.cli.options.recipes import say_losses
from fhir_case.cli.output import echo_error, echo_json, echo_notice, echo_warning
from fhir_case.errors import ExitCode, FhirCaseError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path
    from typing import Protocol

    from fhir_case.fhir.models import FhirVersion
    from fhir_case.issues import Issue
    from fhir_case.load.plan.entry import PlannedEntry
    from fhir_case.load.verification.readback import Comparison
    from fhir_case.readers import Reader
    from fhir_case.report.page import Gathered
    from fhir_case.report.page.report import Findings
    from fhir_case.validation.profiles import ProfileEngine

    class Stages(Protocol):
        """The stages of a run."""

        seconds: dict[str, float]

        def stage(self, name: str) -> AbstractContextManager[None]:
            """Time a stage."""
            ...

        def report(self, result: str) -> None:
            """Set the result that its line shows."""


__all__ = ["kept", "run_all"]


def run_all(
    stages: Stages,
    path: Path,
    reader: Reader,
    folder: Path,
    *,
    checked_by: Callable[[], AbstractContextManager[tuple[ProfileEngine, ...]]],
    served_by: Callable[[], AbstractContextManager[str]],
    opens_page: bool,
    **options: Any,
) -> ExitCode:
    """
    Build, check, load and read back all cases of a file.

    Args:
        stages: Shows each stage.
        path: The file.
        reader: The reader that knows its format.
        folder: The folder for the Bundles and the journal.
        checked_by: Returns the engines for profiles.
        served_by: Returns the base URL of the server to load into.
        opens_page: Whether to open the page at the end.
        options: How Bundles are built.
    """
    from fhir_case import __version__
    from fhir_case.report.page.report import Report

    fhir: FhirVersion = options["fhir"]
    bundles = folder / "bundles.ndjson"
    code = _build(stages, path, reader, bundles, **options)
    if code:
        return code
    with checked_by() as validators:
        findings = _validate(stages, bundles, fhir, validators)
    if findings.summary.found["error"]:
        echo_error("Bundles have errors, so nothing was sent.")
        return ExitCode.FINDINGS
    with kept(bundles), served_by() as base:
        code, gathered, parts = _load(stages, bundles, base, fhir, folder / "journal.jsonl")
    report = Report(
        f"Run of {path}", "", f"fhir-case {__version__}", gathered, server=base, seconds=stages.seconds,
        findings=findings, **parts,
    )  # fmt: skip
    write_report(folder / "report.html", report, opens_page=opens_page)
    return code


@contextmanager
def kept(file: Path) -> Iterator[None]:
    """Say where what was built is, when it cannot be loaded."""
    try:
        yield
    except FhirCaseError:
        echo_notice(f"What was built and checked is kept: {file}; 'fhir-case upload' loads it later")
        raise


def _build(stages: Stages, path: Path, reader: Reader, bundles: Path, **options: Any) -> ExitCode:
    """Write the Bundles of all cases as NDJSON; what is wrong with one is said, and keeps all from being sent."""
    from fhir_case.fhir.wire import dump
    from fhir_case.readers import read_cases

    cases = resources = wrong = 0
    warnings: list[Issue] = []
    with stages.stage("build"), lines_to(bundles) as write:
        for read in read_cases(path, reader, mapping_files=options["mapping_files"]):
            for one in read.unused:
                say_unused(one)
            if read.case is None:
                wrong += 1
                for problem in read.error.problems if read.error else ():
                    echo_error(problem)
                continue
            bundle = built(read.case, form="transaction", of_several=True, warn=warnings.append, **options)
            cases += 1
            resources += len(bundle["entry"])
            write(dump(bundle) + b"\n")
        stages.report(f"{cases} cases, {resources} resources")
    say_losses()
    for message, number in Counter(issue.message.partition(": ")[2] for issue in warnings).items():
        echo_warning(f"{message} ({number} times)")
    if wrong:
        echo_error("Something is wrong with the tables, so nothing was sent.")
    return ExitCode.CASE if wrong else ExitCode.DONE


def _validate(stages: Stages, bundles: Path, fhir: FhirVersion, validators: tuple[ProfileEngine, ...]) -> Findings:
    """Check every Bundle, and return what was found."""
    from fhir_case.documents import find_texts
    from fhir_case.issues import SEVERITIES
    from fhir_case.report.page.report import Findings
    from fhir_case.report.validation.kinds import Kinds
    from fhir_case.report.validation.summary import Summary
    from fhir_case.validation.document import check_document, check_document_profiles
    from fhir_case.validation.workers.checking import Checking
    from fhir_case.validation.workers.profiles import with_profiles

    check = partial(check_document, fhir=fhir, closed=True)
    profiles = partial(check_document_profiles, fhir=fhir, engines=validators)
    summary, kinds = Summary(), Kinds(SEVERITIES)
    with stages.stage("validate"), Checking(check) as checking:
        for document, result in with_profiles(checking.results(find_texts(bundles)), profiles, engines=validators):
            name = f"{document.source}:{document.line}"
            summary.add(result, name)
            kinds.add(name, result.issues)
            for issue in result.issues:
                if issue.severity == "error":
                    echo_error(f"{name}: {issue}")
        errors, warnings = (summary.found[kind] or "no" for kind in SEVERITIES[:2])
        stages.report(f"{summary.documents} Bundles: {errors} errors, {warnings} warnings")
    return Findings(summary, kinds)


def _load(
    stages: Stages, bundles: Path, base: str, fhir: FhirVersion, journal: Path
) -> tuple[ExitCode, Gathered, dict[str, Any]]:
    """Load every Bundle, read every resource back, and compare; return what a page shows of it, too."""
    from fhir_case.load.journal.reader import read_records
    from fhir_case.load.run.load import Load, Options
    from fhir_case.load.survey.inputs import FileInputs
    from fhir_case.load.verification.files import read_back_inputs
    from fhir_case.load.verification.summary import VerificationSummary
    from fhir_case.report.page import Gathered, note_compared
    from fhir_case.report.page.report import Loaded
    from fhir_case.report.upload import summary
    from fhir_case.server.client import Client
    from fhir_case.server.redaction import redacted

    gathered = Gathered(base)

    def note(entry: PlannedEntry, comparison: Comparison) -> None:
        note_compared(gathered, entry.original, redacted(comparison))

    found = VerificationSummary(base)
    with Load(FileInputs([bundles]), lambda: Client(base), Options(fhir=fhir)) as load:
        with stages.stage("upload"):
            load.read()
            load.open_journal(journal, fresh="always")
            result = load.run()
            counts = {state: number for state, number in load.tally.states.items() if number}
            stages.report(", ".join(f"{number} {state}" for state, number in counts.items()) or "nothing")
        if result.error is not None:
            raise result.error
        with stages.stage("verify"):
            for piece in read_back_inputs(load, read_records(journal), on_compared=note):
                found.add(piece.comparisons)
            stages.report(", ".join(f"{number} {state}" for state, number in found.counts.items() if number))
        told = summary(
            base, result, load.tally, load.read().warnings, str(journal), placeholders=load.placeholders
        )  # fmt: skip
    for comparison in found.wrong:
        echo_error(f"{comparison.resource}: {comparison.state}")
    echo_notice(f"Files     {bundles}, {journal}")
    echo_json({"folder": str(bundles.parent), "server": base, "upload": counts, "verification": dict(found.counts)})
    code = ExitCode.DONE if found.ok else ExitCode.FINDINGS
    if load.tally.states["failed"] or load.tally.states["unknown"]:
        code = ExitCode.REJECTED
    return code, gathered, {"loaded": Loaded.of_summary(redacted(told)), "verification": found}

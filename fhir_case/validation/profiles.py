"""Check claimed profiles, by a validator in Java or on a server; without one, report that they are not checked."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol

from fhir_case.errors import CheckerError
from fhir_case.issues import Issue
from fhir_case.validation.check import Check, always

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from fhir_case.fhir.models import FhirVersion
    from fhir_case.validation.engine.answers import Answer, Finding
    from fhir_case.validation.located import Located
    from fhir_case.validation.subject import Subject

__all__ = ["PROFILE_CHECKS", "ProfileEngine", "with_engines"]

_SOURCE = "https://hl7.org/fhir/R4/profiling.html"
_TERMINOLOGIES = "https://hl7.org/fhir/R4/terminologies.html"
_VALIDATE = "https://hl7.org/fhir/R4/resource-operation-validate.html"
_COMMENT = re.compile(r"/\*.*?(?:\*/|$)")
_OF_TYPE = re.compile(r"\.ofType\((\w)(\w*)\)")
_ENTRY = re.compile(r"Bundle\.entry\[(\d{1,9})\]\.resource\b(.*)")


class ProfileEngine(Protocol):
    """A validator that knows the definitions of a release and of profiles."""

    name: str
    """The name of its check."""

    def check(self, document: Mapping[str, Any], fhir: FhirVersion, claimed: Collection[str]) -> Answer:
        """Return findings and what could not be checked, or raise `fhir_case.errors.CheckerError`."""
        ...


def _claimed(subject: Subject) -> set[str]:
    return {profile for _, profile in subject.claims}


def _without_engine(subject: Subject) -> Iterator[Issue]:
    count = len(_claimed(subject))
    names = "1 profile is" if count == 1 else f"{count} profiles are"
    raise CheckerError(f"{names} claimed, and no validator for profiles was chosen", hint="--engine hl7 checks them")


def _unless_claimed(subject: Subject) -> str:
    return "" if subject.claims else "no profile is claimed"


def with_engines(engines: Collection[ProfileEngine]) -> tuple[Check, ...]:
    """Return the checks of profiles, with these engines where they have one."""
    if not engines:
        return PROFILE_CHECKS
    chosen = {check.name: check for engine in engines for check in _checks_of(engine)}
    return tuple(chosen.get(check.name) or replace(check, unless=_not_chosen) for check in PROFILE_CHECKS)


def _checks_of(engine: ProfileEngine) -> tuple[Check, Check]:
    """Return the checks by an engine: one for its findings, one for what it could not check."""

    def answer_of(subject: Subject) -> Answer:
        if subject.too_deep:
            raise CheckerError("the document is nested too deeply for the validator")
        try:
            return engine.check(subject.document, subject.fhir, _claimed(subject))
        except (TypeError, ValueError, RecursionError) as error:
            raise CheckerError(f"the document cannot be written as JSON: {error}") from error

    def found(subject: Subject) -> Iterator[Issue]:
        answer = subject.once(answer_of)
        located = {id(one.entry): one for one in subject.entries}
        for finding in answer.findings:
            yield _issue(finding, subject, located, engine.name)

    def unchecked(subject: Subject) -> Iterator[Issue]:
        names = sorted(
            {url.rpartition("/")[2] if "/ValueSet/" in url else url for url in subject.once(answer_of).unchecked}
        )
        if names:
            raise CheckerError(f"there is no terminology server for {', '.join(names)}")
        return iter(())

    def unless_answered(subject: Subject) -> str:
        try:
            subject.once(answer_of)
        except CheckerError:
            return f"{engine.name} could not run"
        return ""

    return (
        Check(engine.name, "", "", found, always),
        Check(f"{engine.name}-terminology", "", "", unchecked, unless_answered),
    )


def _issue(finding: Finding, subject: Subject, entries: Mapping[int, Located], check: str) -> Issue:
    """Return a finding with resource and expression as the other checks have them."""
    expression = _OF_TYPE.sub(lambda match: match[1].upper() + match[2], _COMMENT.sub("", finding.expression))
    if expression.startswith("."):
        expression = f"{subject.resources[0].path}{expression}"
    finding_place = expression
    match = _ENTRY.fullmatch(expression)
    listed = subject.document.get("entry")
    label = "" if subject.is_bundle else subject.resources[0].label
    if match and isinstance(listed, list) and int(match[1]) < len(listed):
        located = entries.get(id(listed[int(match[1])]))
        if located:
            label, expression = located.label, located.path + match[2]
    place = finding_place if finding_place != expression else ""
    return Issue(finding.severity, check, finding.text, label, expression, finding.code, place)


def _not_chosen(_: Subject) -> str:
    return "it was not chosen"


def _nothing(_: Subject) -> Iterator[Issue]:
    return iter(())


_FITS = "Resources fit the profiles that they claim in meta.profile"
_CODES = "Codes are of the value sets that only a terminology server can expand"
PROFILE_CHECKS = (
    Check("profiles", f"{_FITS}; by the HL7 validation engine.", _SOURCE, _without_engine, _unless_claimed),
    Check("profiles-terminology", f"{_CODES}; the HL7 engine without one.", _TERMINOLOGIES, _nothing, _not_chosen),
    Check("profiles-server", f"{_FITS}; by $validate of a HAPI server.", _VALIDATE, _nothing, _not_chosen),
    Check("profiles-server-terminology", f"{_CODES}; a server without them.", _TERMINOLOGIES, _nothing, _not_chosen),
)
"""The checks of profiles without an engine."""

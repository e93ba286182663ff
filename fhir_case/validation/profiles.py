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
    claimed_only: bool
    """Whether it checks only documents that claim profiles."""

    @property
    def started(self) -> bool:
        """Whether it has begun to check, so that threads may check side by side."""
        ...

    def check(self, document: Mapping[str, Any], fhir: FhirVersion, claimed: Collection[str]) -> Answer:
        """Return findings and what could not be checked, or raise `fhir_case.errors.CheckerError`."""
        ...


def _claimed(subject: Subject) -> set[str]:
    return {profile for _, profile in subject.claims}


def _without_engine(_: Subject) -> Iterator[Issue]:
    raise CheckerError("profiles are claimed, and no validator for them was chosen", hint="--engine hl7 checks them")


def _unless_claimed(subject: Subject) -> str:
    return "" if subject.claims else "no profile is claimed"


def with_engines(engines: Collection[ProfileEngine]) -> tuple[Check, ...]:
    """Return the checks of profiles, with these engines where they have one."""
    if not engines:
        return PROFILE_CHECKS
    chosen = {check.name: check for engine in engines for check in _Checks(engine)}
    return tuple(chosen.get(check.name) or replace(check, unless=_not_chosen) for check in PROFILE_CHECKS)


class _Checks:
    """The checks by an engine: one for its findings, one for what it could not check."""

    def __init__(self, engine: ProfileEngine) -> None:
        self._engine = engine
        self._unless = _unless_claimed if engine.claimed_only else always

    def __iter__(self) -> Iterator[Check]:
        name = self._engine.name
        yield Check(name, "", "", self._found, self._unless)
        yield Check(f"{name}-terminology", "", "", self._unchecked, self._unless_answered)

    def _asked(self, subject: Subject) -> Answer | CheckerError:
        """Ask the engine; an error is kept, so that a document that ends it is sent once."""
        if subject.too_deep:
            return CheckerError("the document is nested too deeply for the validator")
        try:
            return self._engine.check(subject.document, subject.fhir, _claimed(subject))
        except CheckerError as error:
            return error
        except (TypeError, ValueError, RecursionError) as error:
            return CheckerError(f"the document cannot be written as JSON: {error}")

    def _answer(self, subject: Subject) -> Answer:
        answer = subject.once(self._asked)
        if isinstance(answer, CheckerError):
            raise answer
        return answer

    def _found(self, subject: Subject) -> Iterator[Issue]:
        located = {id(one.entry): one for one in subject.entries}
        for finding in self._answer(subject).findings:
            yield _issue(finding, subject, located, self._engine.name)

    def _unchecked(self, subject: Subject) -> Iterator[Issue]:
        urls = self._answer(subject).unchecked
        names = sorted({url.rpartition("/")[2] if "/ValueSet/" in url else url for url in urls})
        if names:
            raise CheckerError(f"there is no terminology server for {', '.join(names)}")
        return iter(())

    def _unless_answered(self, subject: Subject) -> str:
        failed = not self._unless(subject) and isinstance(subject.once(self._asked), CheckerError)
        return f"{self._engine.name} could not run" if failed else self._unless(subject)


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

"""
Ask a terminology server about codes that no code table knows.

Only systems and codes are sent, nothing else of a document. What the server says of a code is a check; that it says
nothing is none: it may not have the code system, or only a part of it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from itertools import islice
from time import monotonic
from typing import TYPE_CHECKING, Any, Self

from requests import RequestException

from fhir_case.errors import FhirCaseError
from fhir_case.fhir.wire import mapping, objects, parse_foreign
from fhir_case.http.address import is_plain_address
from fhir_case.http.errors import ResponseTooLargeError
from fhir_case.http.limits import Limits
from fhir_case.http.session import Session

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["Answer", "TerminologyServer"]

_LIMITS = Limits(bytes=5_000_000)
_ACCEPTED = {"Accept": "application/fhir+json"}
_MOST_CODES = 1_000  # of one command: a server is asked once or twice for each
_GIVE_UP_AFTER = 3  # failures in a row
_MOST_BYTES = 20_000_000  # of all responses
_MOST_SECONDS = 60.0  # of waiting for all of them
_LONGEST_NAME = 300  # characters; long names of LOINC and of SNOMED CT have at most 255
_MOST_NAMES = 200  # of a code
# What a document calls a code may be anything: only what has the form of one is sent.
# Source: https://hl7.org/fhir/R4/datatypes.html#code
_CODE = re.compile(r"[^\s\x00-\x1f\x7f]+(?: [^\s\x00-\x1f\x7f]+)*")
_LONGEST_CODE = 100
_SYSTEM = re.compile(r"(?:https?://|urn:)[^\s\x00-\x1f\x7f?#@]+", re.IGNORECASE)
_LONGEST_SYSTEM = 250
_WHOLE = {"complete", "supplement"}
_GONE = {"retired", "deprecated", "inactive", "withdrawn"}


@dataclass(frozen=True, slots=True)
class Answer:
    """
    What a terminology server says about a code.

    Args:
        names: Its displays; None where the server does not know it.
        wrong: Why it is no code of its system; empty where the server does not say so.
        inactive: Whether the code is known and no longer to be used.
        reason: Why it was not checked; empty where it was.
    """

    names: frozenset[str] | None = None
    wrong: str = ""
    inactive: bool = False
    reason: str = ""


@dataclass
class TerminologyServer:
    """
    A FHIR server with ``$lookup`` and ``$validate-code``.

    Args:
        base_url: Its base URL.
        timeout_s: How long to wait for each response.

    Source: https://hl7.org/fhir/R4/terminology-service.html
    """

    base_url: str
    timeout_s: float = 20.0
    _session: Session = field(default_factory=lambda: Session(_LIMITS), repr=False)
    _answers: dict[tuple[str, str], Answer] = field(default_factory=dict, repr=False)
    _whole: dict[str, bool] = field(default_factory=dict, repr=False)
    _listed: set[str] | None = field(default=None, repr=False)
    _failures: int = field(default=0, repr=False)
    _received: int = field(default=0, repr=False)
    _waited: float = field(default=0.0, repr=False)

    def __post_init__(self) -> None:
        if not is_plain_address(self.base_url):  # which may hold a secret, so that it is not repeated
            hint = "write its base URL without user, query and fragment, as https://terminology.example.org/fhir"
            raise FhirCaseError("this is not the address of a terminology server", hint=hint)
        self.base_url = self.base_url.rstrip("/")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._session.close()

    def ask(self, system: str, code: str) -> Answer:
        """Return what the server says about a code; it is asked once for each."""
        known = self._answers.get((system, code))
        if known is None:
            known = self._answers[system, code] = self._asked(system, code)
        return known

    def _asked(self, system: str, code: str) -> Answer:
        if not (_is_sendable(_SYSTEM, system, _LONGEST_SYSTEM) and _is_sendable(_CODE, code, _LONGEST_CODE)):
            return Answer(reason=f"{self.base_url} is asked about what has the form of a system and a code only")
        if self._failures >= _GIVE_UP_AFTER:
            return Answer(reason=f"{self.base_url} failed {_GIVE_UP_AFTER} times in a row")
        if len(self._answers) >= _MOST_CODES:
            return Answer(reason=f"{self.base_url} was asked for {_MOST_CODES:,} codes already")
        try:
            found = self._parameters("CodeSystem/$lookup", system=system, code=code)
            if found is None:
                return self._validated(system, code)
        except _FailedError as error:
            return Answer(reason=str(error))
        return Answer(frozenset(islice(_names(found), _MOST_NAMES)), inactive=_is_inactive(found))

    def _validated(self, system: str, code: str) -> Answer:
        """Return what the server says where it cannot look the code up: that may be for want of the operation."""
        found = self._parameters("CodeSystem/$validate-code", url=system, code=code)
        if found is None:
            return Answer(reason=f"{self.base_url} does not know it")
        if any(one.get("name") == "result" and one.get("valueBoolean") is True for one in found):
            return Answer(frozenset(islice(_names(found), _MOST_NAMES)), inactive=_is_inactive(found))
        if self._has_whole(system):
            return Answer(wrong=f"{self.base_url} has {system}, and no code '{code}' in it")
        return Answer(reason=f"{self.base_url} has not the whole of {system}")

    def _parameters(self, path: str, **query: str) -> list[Mapping[str, Any]] | None:
        """Return the parameters of a response; None where the server says that it does not know."""
        document = self._get(path, query)
        if document is None:
            return None
        if document.get("resourceType") != "Parameters":
            raise _FailedError(f"{self.base_url}/{path} did not return Parameters")
        found: list[Mapping[str, Any]] = [*objects(document.get("parameter"))]
        if not all(isinstance(each.get("name"), str) for one in found for each in (one, *objects(one.get("part")))):
            raise _FailedError(f"{self.base_url}/{path} returned Parameters without names")
        return found

    def _has_whole(self, system: str) -> bool:
        """Whether the server has all codes of a system, so that one it does not know is none."""
        if system not in self._whole:
            bundle = self._get("CodeSystem", {"url": system, "_elements": "url,content"}) or {}
            entries = [mapping(one.get("resource")) for one in objects(bundle.get("entry"))]
            contents = {str(one.get("content")) for one in entries if one.get("url") == system}
            self._whole[system] = bool(contents & _WHOLE) if contents else system in self._supported()
        return self._whole[system]

    def _supported(self) -> set[str]:
        if self._listed is None:
            document = self._get("metadata", {"mode": "terminology"}) or {}
            self._listed = {str(one.get("uri")) for one in objects(document.get("codeSystem"))}
        return self._listed

    def _get(self, path: str, query: Mapping[str, str]) -> Mapping[str, Any] | None:
        """Return the JSON of a response; None where the server refuses the request as one about nothing that it has."""
        url = f"{self.base_url}/{path}"
        if self._waited >= _MOST_SECONDS:
            raise _FailedError(f"{self.base_url} was waited for {_MOST_SECONDS:.0f} seconds in all")
        if self._received >= _MOST_BYTES:
            raise _FailedError(f"{self.base_url} sent {_MOST_BYTES // 1_000_000} MB in all")
        timeout_s = min(self.timeout_s, _MOST_SECONDS - self._waited)
        began = monotonic()
        try:
            response = self._session.get(
                url, params=dict(query), headers=_ACCEPTED, timeout=timeout_s, allow_redirects=False
            )
            self._received += len(response.content)
        except RequestException as error:
            self._failures += 1
            self._received += _LIMITS.bytes if isinstance(error, ResponseTooLargeError) else 0
            raise _FailedError(f"{self.base_url} was not reached: {type(error).__name__}") from None
        finally:
            self._waited += monotonic() - began
        if response.status_code in (400, 404, 410, 422):
            self._failures = 0
            return None
        if response.status_code != 200:
            self._failures += 1
            raise _FailedError(f"{self.base_url} answered with status {response.status_code}")
        try:
            document = mapping(parse_foreign(response.content))
        except (FhirCaseError, ValueError, RecursionError):
            self._failures += 1
            raise _FailedError(f"{self.base_url} did not answer in JSON") from None
        self._failures = 0
        return document


class _FailedError(Exception):
    """A request without an answer that can be used."""


def _is_sendable(form: re.Pattern[str], text: str, longest: int) -> bool:
    return len(text) <= longest and bool(form.fullmatch(text))


def _names(parameters: list[Mapping[str, Any]]) -> Iterator[str]:
    """Return the display and the designations of a code."""
    for one in parameters:
        name, value = one.get("name"), one.get("valueString")
        if name == "display" and isinstance(value, str):
            yield value[:_LONGEST_NAME]
        elif name == "designation":
            for part in objects(one.get("part")):
                if part.get("name") == "value" and isinstance(part.get("valueString"), str):
                    yield str(part["valueString"])[:_LONGEST_NAME]


def _is_inactive(parameters: list[Mapping[str, Any]]) -> bool:
    """Whether a property of a code says that it is no longer to be used."""
    for one in parameters:
        if one.get("name") == "inactive" and one.get("valueBoolean") is True:
            return True
        if one.get("name") != "property":
            continue
        parts = {part.get("name"): part for part in objects(one.get("part"))}
        value = mapping(parts.get("value"))
        named = mapping(parts.get("code")).get("valueCode")
        said = str(value.get("valueBoolean", value.get("valueCode", value.get("valueString", "")))).lower()
        if (named == "inactive" and said == "true") or (named == "status" and said in _GONE):
            return True
    return False

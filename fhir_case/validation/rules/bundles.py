"""Rules about Bundles: unique entries, and requests that a server can carry out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fhir_case.fhir.definitions import resource_types
from fhir_case.fhir.references import RESTFUL
from fhir_case.fhir.systems import MCODE
from fhir_case.fhir.wire import mapping
from fhir_case.validation.check import Finding, in_bundles, rule
from fhir_case.validation.rules.primitives import UPPER_URN, URN

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fhir_case.issues import Severity
    from fhir_case.validation.located import Located
    from fhir_case.validation.subject import Subject

__all__ = ["BUNDLE_RULES"]

_BUNDLE = "https://hl7.org/fhir/R4/bundle.html#invs"
_FULL_URL = "https://hl7.org/fhir/R4/bundle-definitions.html#Bundle.entry.fullUrl"
# The results of operations, and of requests, may be resources that have no identity.
_RESULTS = frozenset({"batch-response", "transaction-response"})
_WITHOUT_IDENTITY = frozenset({"OperationOutcome", "Parameters"})
_TRANSACTION = "https://hl7.org/fhir/R4/http.html#trules"
_MCODE_BUNDLE = f"{MCODE}mcode-patient-bundle"
_PROFILE_PAGE = "https://hl7.org/fhir/us/mcode/STU4/StructureDefinition-mcode-patient-bundle.html"


def _unless_mcode(subject: Subject) -> str:
    claimed = [profile.split("|")[0] for profile in subject.resources[0].profiles]
    return "" if subject.is_bundle and _MCODE_BUNDLE in claimed else "the mCODE patient bundle is not claimed"


def _unless_history(subject: Subject) -> str:
    return in_bundles()(subject) or ("a history repeats its resources" if subject.bundle_type == "history" else "")


_CHANGES = in_bundles("transaction", "batch")


@rule("bdl-7", "A fullUrl is in one entry only, unless the versions differ.", _BUNDLE, _unless_history)
def _full_urls(subject: Subject) -> Iterator[Finding]:
    named = [(located.full_url, located) for located in subject.entries if located.full_url]
    for located, first in _repeated(named):
        message = f"the fullUrl '{located.full_url}' is in two entries, the other one being {first.label}"
        yield Finding(located, message, code="duplicate")


@rule("unique-id", "A resource is in one entry only.", _BUNDLE, _unless_history)
def _ids(subject: Subject) -> Iterator[Finding]:
    # Two servers may have the same Type/id: then the fullUrls differ.
    named = [(_identity(located), located) for located in subject.entries if located.id]
    for located, _ in _repeated(named):
        yield Finding(located, f"'{located.label}' is in two entries", tail=".id", code="duplicate")


def _repeated(named: list[tuple[str, Located]]) -> Iterator[tuple[Located, Located]]:
    """Return each resource whose name and version an earlier one has, with that one."""
    if len({name for name, _ in named}) == len(named):  # as in most Bundles
        return
    first: dict[tuple[str, str], Located] = {}
    for name, located in named:
        key = name, str(mapping(located.resource.get("meta")).get("versionId", ""))
        if key in first:
            yield located, first[key]
        first.setdefault(key, located)


def _identity(located: Located) -> str:
    return located.full_url if located.full_url.endswith(f"/{located.label}") else f"/{located.label}"


@rule(
    "full-url",
    "An entry with a resource has a fullUrl, except on POST; it is absolute, and that of a server names type and id.",
    _FULL_URL,
    in_bundles(),
)
def _full_url_fits(subject: Subject) -> Iterator[Finding]:
    types = resource_types(subject.fhir)
    for located in subject.entries:
        url = located.full_url
        if not url:
            if _needs_full_url(located, subject.bundle_type):
                yield Finding(located, "the entry has no fullUrl, and only one with a POST needs none", code="required")
            continue
        absolute = "://" in url
        if absolute and url.endswith(f"/{located.type}/{located.id}"):  # as nearly all do
            continue
        restful = RESTFUL.fullmatch(url) if absolute else None
        if restful and restful[1] in types:
            message = _other_identity(url, restful[1], restful[2], located)
            if message:
                yield Finding(located, message, tail=".id")
        elif ":" not in url:
            yield Finding(located, f"the fullUrl '{url}' is not absolute", code="value")
        elif url.startswith("urn:"):
            form = "a UUID" if url.startswith("urn:uuid:") else "an OID" if url.startswith("urn:oid:") else ""
            if form and not (URN.fullmatch(url) or UPPER_URN.fullmatch(url)):
                yield Finding(located, f"the fullUrl '{url}' is not {form}", code="value")


def _needs_full_url(located: Located, bundle_type: str) -> bool:
    if bundle_type in _RESULTS or located.type in _WITHOUT_IDENTITY:
        return False
    return mapping(mapping(located.entry).get("request")).get("method") != "POST"


def _other_identity(url: str, kind: str, key: str, located: Located) -> str:
    """Return in what a fullUrl that names type and id disagrees with its resource; empty when it agrees."""
    if not located.id:
        return f"the fullUrl '{url}' names the id '{key}', and the resource has no id"
    if key != located.id:
        return f"the fullUrl '{url}' does not end in the id '{located.id}'"
    return f"the fullUrl '{url}' is of a {kind}, and the resource is a {located.type}" if kind != located.type else ""


def _requests(subject: Subject) -> Iterator[tuple[int, dict[str, Any], Any]]:
    entries = subject.document.get("entry")
    for number, entry in enumerate(entries if isinstance(entries, list) else []):
        request = mapping(entry).get("request")
        if isinstance(request, dict):
            yield number, request, entry.get("resource")


@rule("transaction-collision", "No two entries change the same resource.", _TRANSACTION, _CHANGES)
def _collide(subject: Subject) -> Iterator[Finding]:
    seen: dict[tuple[str, str], int] = {}
    root = subject.resources[0]
    for number, request, resource in _requests(subject):
        method, url = request.get("method"), request.get("url")
        if method in ("PUT", "PATCH", "DELETE"):
            key = ("", str(url).removeprefix("/"))
        elif method == "POST" and isinstance(request.get("ifNoneExist"), str):
            key = (str(mapping(resource).get("resourceType", url)), request["ifNoneExist"])
        else:
            continue
        if key in seen:
            message = (
                f"entries {seen[key]} and {number} change the same resource, '{'?'.join(part for part in key if part)}'"
            )
            tail = f".entry[{number}].request.url"
            # In a batch each request stands alone: it is carried out, and the last one wins.
            severity: Severity = "warning" if subject.bundle_type == "batch" else "error"
            yield Finding(root, message, tail=tail, severity=severity, code="conflict")
        seen.setdefault(key, number)


@rule("transaction-request", "A request matches the resource of its entry.", _TRANSACTION, _CHANGES)
def _request_fits(subject: Subject) -> Iterator[Finding]:
    root = subject.resources[0]
    for number, request, resource in _requests(subject):
        tail = f".entry[{number}].request.url"
        url = request.get("url")
        if isinstance(url, str) and url.startswith("/"):
            message = f"the url '{url}' begins with a slash; servers that take it read it from their base"
            yield Finding(root, message, tail=tail, severity="warning", code="value")
            url = url.removeprefix("/")
        message = _mismatch(request.get("method"), url, resource)
        if message:
            yield Finding(root, message, tail=tail)


def _mismatch(method: object, url: object, resource: object) -> str:
    """Return how a request does not match its resource. Operations and absolute URLs are left to the server."""
    if not isinstance(url, str) or method not in ("PUT", "POST") or "$" in url or url.startswith("http"):
        return ""
    if not isinstance(resource, dict):
        return f"a {method} needs a resource" if resource is None else ""
    kind, own = resource.get("resourceType"), resource.get("id")
    path, _, query = url.partition("?")
    if not isinstance(kind, str) or not kind:
        return f"the resource of this {method} has no resourceType"
    if method == "PUT" and not query and (own is None or own == ""):
        state = "no id" if own is None else "an empty id"
        return f"the resource of this PUT has {state}, and its url '{path}' needs the same one"
    if not path:
        return f"the url of this {method} is empty, not '{kind if method == 'POST' else f'{kind}/{own}'}'"
    wanted = kind if method == "POST" or query else f"{kind}/{own}"
    return "" if path == wanted else f"the url of this {method} is '{wanted}', not '{path}'"


@rule("mcode-bundle-id", "An mCODE patient bundle has the id of its Patient.", _PROFILE_PAGE, _unless_mcode)
def _named_after_patient(subject: Subject) -> Iterator[Finding]:
    ids = [located.id for located in subject.entries if located.type == "Patient"]
    own = subject.document.get("id")
    if len(ids) == 1 and own != ids[0]:
        message = f"the Bundle has the id '{own}', and the profile requires that of the Patient, '{ids[0]}'"
        yield Finding(subject.resources[0], message, tail=".id")


BUNDLE_RULES = (
    _full_urls,
    _ids,
    _full_url_fits,
    _collide,
    _request_fits,
    _named_after_patient,
)

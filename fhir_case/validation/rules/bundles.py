"""Rules about Bundles: unique entries, and requests that a server can carry out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fhir_case.fhir.systems import MCODE
from fhir_case.fhir.wire import mapping
from fhir_case.validation.check import Check, finding, in_bundles

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fhir_case.issues import Issue
    from fhir_case.validation.located import Located
    from fhir_case.validation.subject import Subject

__all__ = ["BUNDLE_RULES"]

_BUNDLE = "https://hl7.org/fhir/R4/bundle.html#invs"
_TRANSACTION = "https://hl7.org/fhir/R4/http.html#trules"
_MCODE_BUNDLE = f"{MCODE}mcode-patient-bundle"
_PROFILE_PAGE = "https://hl7.org/fhir/us/mcode/STU4/StructureDefinition-mcode-patient-bundle.html"


def _full_urls(subject: Subject) -> Iterator[Issue]:
    named = [(located.full_url, located) for located in subject.entries if located.full_url]
    for located, first in _repeated(named):
        message = f"the fullUrl '{located.full_url}' is in two entries, the other one being {first.label}"
        yield finding(located, message, check="bdl-7", code="duplicate")


def _ids(subject: Subject) -> Iterator[Issue]:
    # Two servers may have the same Type/id: then the fullUrls differ.
    named = [(_identity(located), located) for located in subject.entries if located.id]
    for located, _ in _repeated(named):
        yield finding(located, f"'{located.label}' is in two entries", check="unique-id", tail=".id", code="duplicate")


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


def _full_url_fits(subject: Subject) -> Iterator[Issue]:
    for located in subject.entries:
        url = located.full_url
        if "://" in url and located.id and not url.endswith(f"/{located.id}"):
            message = f"the fullUrl '{url}' does not end in the id '{located.id}'"
            yield finding(located, message, check="full-url", tail=".id")
        elif url and ":" not in url:
            yield finding(located, f"the fullUrl '{url}' is not absolute", check="full-url", code="value")


def _requests(subject: Subject) -> Iterator[tuple[int, dict[str, Any], Any]]:
    entries = subject.document.get("entry")
    for number, entry in enumerate(entries if isinstance(entries, list) else []):
        request = mapping(entry).get("request")
        if isinstance(request, dict):
            yield number, request, entry.get("resource")


def _collide(subject: Subject) -> Iterator[Issue]:
    seen: dict[tuple[str, str], int] = {}
    root = subject.resources[0]
    for number, request, resource in _requests(subject):
        method, url = request.get("method"), request.get("url")
        if method in ("PUT", "PATCH", "DELETE"):
            key = ("", str(url))
        elif method == "POST" and isinstance(request.get("ifNoneExist"), str):
            key = (str(mapping(resource).get("resourceType", url)), request["ifNoneExist"])
        else:
            continue
        if key in seen:
            message = (
                f"entries {seen[key]} and {number} change the same resource, '{'?'.join(part for part in key if part)}'"
            )
            tail = f".entry[{number}].request.url"
            yield finding(root, message, check="transaction-collision", tail=tail, code="conflict")
        seen.setdefault(key, number)


def _request_fits(subject: Subject) -> Iterator[Issue]:
    root = subject.resources[0]
    for number, request, resource in _requests(subject):
        message = _mismatch(request.get("method"), request.get("url"), resource)
        if message:
            yield finding(root, message, check="transaction-request", tail=f".entry[{number}].request.url")


def _mismatch(method: object, url: object, resource: object) -> str:
    """Return how a request does not match its resource. Operations and absolute URLs are left to the server."""
    if not isinstance(url, str) or method not in ("PUT", "POST") or "$" in url or url.startswith("http"):
        return ""
    if not isinstance(resource, dict):
        return f"a {method} needs a resource" if resource is None else ""
    kind, own = resource.get("resourceType"), resource.get("id")
    path, _, query = url.partition("?")
    wanted = kind if method == "POST" or query else f"{kind}/{own}"
    return "" if path == wanted else f"the url of this {method} is '{wanted}', not '{path}'"


def _named_after_patient(subject: Subject) -> Iterator[Issue]:
    ids = [located.id for located in subject.entries if located.type == "Patient"]
    own = subject.document.get("id")
    if len(ids) == 1 and own != ids[0]:
        message = f"the Bundle has the id '{own}', and the profile requires that of the Patient, '{ids[0]}'"
        yield finding(subject.resources[0], message, check="mcode-bundle-id", tail=".id")


def _unless_mcode(subject: Subject) -> str:
    claimed = [profile.split("|")[0] for profile in subject.resources[0].profiles]
    return "" if subject.is_bundle and _MCODE_BUNDLE in claimed else "the mCODE patient bundle is not claimed"


def _unless_history(subject: Subject) -> str:
    return in_bundles()(subject) or ("a history repeats its resources" if subject.bundle_type == "history" else "")


_CHANGES = in_bundles("transaction", "batch")

BUNDLE_RULES = (
    Check("bdl-7", "A fullUrl is in one entry only, unless the versions differ.", _BUNDLE, _full_urls, _unless_history),
    Check("unique-id", "A resource is in one entry only.", _BUNDLE, _ids, _unless_history),
    Check(
        "full-url",
        "A fullUrl is absolute, and ends in the id of its resource when it is a URL.",
        "https://hl7.org/fhir/R4/bundle-definitions.html#Bundle.entry.fullUrl",
        _full_url_fits,
        in_bundles(),
    ),
    Check("transaction-collision", "No two entries change the same resource.", _TRANSACTION, _collide, _CHANGES),
    Check("transaction-request", "A request matches the resource of its entry.", _TRANSACTION, _request_fits, _CHANGES),
    Check(
        "mcode-bundle-id",
        "An mCODE patient bundle has the id of its Patient.",
        _PROFILE_PAGE,
        _named_after_patient,
        _unless_mcode,
    ),
)

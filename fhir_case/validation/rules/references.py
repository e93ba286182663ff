"""Rules about references: what they point to, and whether everything is connected to the Patient."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fhir_case.validation.check import Finding, in_bundles, rule
from fhir_case.validation.definitions import allowed_targets
from fhir_case.validation.resolving import connected

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fhir_case.issues import Severity
    from fhir_case.validation.located import Located, Path
    from fhir_case.validation.resolving import Link
    from fhir_case.validation.subject import Subject

__all__ = ["REFERENCE_RULES"]

_REFERENCES = "https://hl7.org/fhir/R4/references.html"
_BUNDLE = "https://hl7.org/fhir/R4/bundle.html#references"

# Answers of a server: what they refer to is on it.
_OF_SERVERS = frozenset({"searchset", "history", "batch-response", "transaction-response", "subscription-notification"})


def _unless_one_patient(subject: Subject) -> str:
    reason = in_bundles("collection", "transaction", "batch", "document", "message")(subject)
    if reason:
        return reason
    return "" if any(located.type == "Patient" for located in subject.entries) else "the Bundle has no Patient"


@rule("ref-1", "A reference that begins with # points to a resource that is contained.", _REFERENCES + "#contained")
def _contained_resolves(subject: Subject) -> Iterator[Finding]:
    for link in subject.links.unresolved:
        if link.target.kind == "contained":
            message = f"'{link.reference}' points into this resource, which contains no resource with that id"
            yield _about(link, message, code="not-found")


@rule(
    "reference-resolves",
    "A urn: reference resolves in its Bundle; a relative one does, or the server must have the resource.",
    _BUNDLE,
    in_bundles(),
)
def _resolves(subject: Subject) -> Iterator[Finding]:
    by_text: dict[tuple[str, Severity], list[Link]] = {}
    for link in subject.links.unresolved:
        severity = _severity(link.target.kind, subject)
        if severity is not None:
            by_text.setdefault((link.reference, severity), []).append(link)
    for (reference, severity), links in by_text.items():
        what = "is not in this Bundle" if severity == "error" else "is not in this Bundle: the server must have it"
        more = f" ({len(links)} references)" if len(links) > 1 else ""
        yield _about(links[0], f"'{reference}' {what}{more}", severity=severity, code="not-found")


def _about(
    link: Link,
    message: str,
    *,
    tail: str = ".reference",
    severity: Severity = "error",
    code: str = "invariant",
) -> Finding:
    return Finding(link.located, message, node=link.node, tail=tail, severity=severity, code=code)


def _severity(kind: str, subject: Subject) -> Severity | None:
    if kind == "urn":
        return "error"
    if kind == "relative" and subject.bundle_type not in _OF_SERVERS:
        return "error" if subject.closed else "warning"
    return "error" if subject.closed and kind == "absolute" else None


@rule(
    "reference-form",
    "A reference is relative (Type/id), absolute, urn:uuid, urn:oid, conditional or #id.",
    _REFERENCES + "#literal",
)
def _well_formed(subject: Subject) -> Iterator[Finding]:
    for link in subject.links.unresolved:
        if link.target.kind == "malformed":
            message = f"'{link.reference}' is not a reference; Type/id, an absolute URL, urn:uuid:… or #id is expected"
            yield _about(link, message, code="value")


@rule(
    "reference-type",
    "Reference.type names the type of the resource that the reference resolves to.",
    _REFERENCES + "#Reference.type",
)
def _has_its_type(subject: Subject) -> Iterator[Finding]:
    for link in subject.links.typed:
        stated, target = link.node.get("type"), link.target.located
        if isinstance(stated, str) and target is not None and target.type != stated.rsplit("/", 1)[-1]:
            message = f"the type is '{stated}', but '{link.reference}' is a {target.type}"
            yield _about(link, message, tail=".type")


@rule("reference-target", "A reference resolves to a resource of a type that is allowed there.", _BUNDLE)
def _allowed_type(subject: Subject) -> Iterator[Finding]:
    tops: dict[int, dict[int, Path]] = {}
    for link in subject.links.opaque:  # other forms show their type, and the strict schema checks it
        located, target = link.located, link.target.located
        if target is None:
            continue
        top = tops.get(id(located))
        if top is None:
            top = tops[id(located)] = _top_level(located)
        path = top.get(id(link.node)) or located.path_to(link.node) or ()
        allowed = allowed_targets(located.type, path, subject.fhir)
        if allowed and target.type not in allowed:
            message = f"'{link.reference}' is a {target.type}; allowed here: {', '.join(allowed)}"
            yield _about(link, message)


def _top_level(located: Located) -> dict[int, Path]:
    """Return the paths to the elements of a resource: most references are among them, and need no search."""
    found: dict[int, Path] = {}
    for name, value in located.resource.items():
        found[id(value)] = (name,)
        if isinstance(value, list):
            found.update({id(item): (name,) for item in value})
    return found


@rule(
    "reachable",
    "Every resource is connected with a Patient: one that is not mostly lacks a reference.",
    _BUNDLE,
    _unless_one_patient,
)
def _reachable(subject: Subject) -> Iterator[Finding]:
    reached = connected(subject.entries, subject.links)
    # Parameters are the input of an operation, not about a patient.
    loose = [located for located in subject.entries if located not in reached and located.type != "Parameters"]
    # An attachment names its Binary by a URL, not by a reference.
    urls = subject.urls if loose else set()
    for located in loose:
        if not urls & {located.full_url, located.label}:
            yield Finding(
                located,
                "nothing connects this resource with a Patient of the Bundle, in either direction",
                severity="warning",
                code="business-rule",
            )


REFERENCE_RULES = (
    _contained_resolves,
    _well_formed,
    _resolves,
    _has_its_type,
    _allowed_type,
    _reachable,
)

"""Rules about references: what they point to, and whether everything is connected to the Patient."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from fhir_case.fhir.definitions import allowed_targets, resource_types, unknown_type
from fhir_case.fhir.references import named_type
from fhir_case.validation.check import Finding, in_bundles, rule
from fhir_case.validation.resolving import connected
from fhir_case.wording import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from fhir_case.issues import Severity
    from fhir_case.validation.located import Located, Path
    from fhir_case.validation.resolving import Link
    from fhir_case.validation.subject import Subject

__all__ = ["REFERENCE_RULES"]

_REFERENCES = "https://hl7.org/fhir/R4/references.html"
_BUNDLE = "https://hl7.org/fhir/R4/bundle.html#references"

# What a Composition names directly is in its document, where it can be read without a server.
_IN_DOCUMENTS = re.compile(
    r"subject|encounter|author|attester\.party|custodian|event\.detail|(?:section\.)+(?:author|focus|entry)"
)

_SIGNS = {"_": "the underscore", " ": "a space", "/": "a slash"}
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
        elif _is_about_nobody_here(link, subject):
            by_text.setdefault((link.reference, "warning"), []).append(link)
    for (reference, severity), links in by_text.items():
        what = "is not in this Bundle" if severity == "error" else "is not in this Bundle: the server must have it"
        more = f" ({len(links)} references)" if len(links) > 1 else ""
        yield _about(links[0], f"'{reference}' {what}{more}", severity=severity, code="not-found")


def _is_about_nobody_here(link: Link, subject: Subject) -> bool:
    """Whether an answer of a server has Patients, and a resource about another one, who is not in it."""
    return (
        link.target.kind == "relative"
        and subject.bundle_type in _OF_SERVERS
        and link.reference.startswith("Patient/")
        and "Patient" in subject.by_type
    )


@rule(
    "document-complete",
    "What a Composition refers to directly is in its document.",
    "https://hl7.org/fhir/R4/documents.html#content",
    in_bundles("document"),
)
def _in_document(subject: Subject) -> Iterator[Finding]:
    composition = next((located for located in subject.entries if located.type == "Composition"), None)
    if composition is None:
        return
    for link in (*subject.links.unresolved, *subject.links.guessed):
        if link.located is not composition or link.target.kind in ("contained", "malformed", "urn"):
            continue
        path = composition.path_to(link.node) or ()
        if _IN_DOCUMENTS.fullmatch(".".join(step for step in path if isinstance(step, str))):
            message = f"'{link.reference}' is not in this document, which has to have what its Composition refers to"
            severity: Severity = "warning" if link.target.kind == "absolute" else "error"
            yield _about(link, message, severity=severity, code="not-found")


@rule(
    "reference-base",
    "A relative reference means the server that the fullUrl of its own entry names, and no entry with another one.",
    _BUNDLE,
    in_bundles("collection", "document", "message"),
)
def _has_a_base(subject: Subject) -> Iterator[Finding]:
    by_text: dict[str, list[Link]] = {}
    for link in subject.links.guessed:
        by_text.setdefault(link.reference, []).append(link)
    for reference, links in by_text.items():
        target = links[0].target.located
        url = target.full_url if target is not None else ""
        message = f"'{reference}' does not lead to the entry of that type and id, whose fullUrl is '{url}'"
        more = f" ({len(links)} references)" if len(links) > 1 else ""
        yield _about(links[0], message + more, severity="warning", code="not-found")


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
    "A reference is relative (Type/id), absolute, urn:uuid, urn:oid, #id, or conditional in a transaction.",
    _REFERENCES + "#literal",
)
def _well_formed(subject: Subject) -> Iterator[Finding]:
    types = resource_types(subject.fhir)
    for link in subject.links.unresolved:
        kind = link.target.kind
        if kind == "malformed":
            if link.reference:  # that it is empty, the schema finds
                yield _about(link, _malformed(link.reference, types), code="value")
        elif kind in ("relative", "conditional"):
            named = re.split(r"[/?]", link.reference, maxsplit=1)[0]
            if named not in types:
                yield _about(link, unknown_type(named, subject.fhir), code="value")
            elif kind == "conditional" and subject.bundle_type != "transaction":
                message = f"'{link.reference}' is a conditional reference, which only a transaction may have"
                yield _about(link, message, code="value")


def _malformed(reference: str, types: Collection[str]) -> str:
    """Say what is wrong with what should be ``Type/id``; else, what a reference can be."""
    kind, slash, rest = reference.partition("/")
    key, history, version = rest.partition("/_history/")
    message = f"'{reference}' is not a reference"
    if kind not in types or not slash:
        hint = did_you_mean(kind, sorted(types), before="; ") if slash and kind.isalpha() else ""
        return f"{message}; Type/id, an absolute URL, urn:uuid:… or #id is expected{hint}"
    for name, text in (("id", key), ("version", version)) if history else (("id", key),):
        wrong = list(dict.fromkeys(re.findall(r"[^A-Za-z0-9\-.]", text)))[:3]
        if wrong:
            signs = " and ".join(_SIGNS.get(sign, f"'{sign}'") for sign in wrong)
            return f"{message}: {signs} must not be in the {name}, only letters, digits, '-' and '.'"
        if not text:
            return f"{message}: the {name} is missing"
        if len(text) > 64:
            return f"{message}: the {name} has {len(text)} characters, at most 64 are allowed"
    return message


@rule(
    "reference-type",
    "Reference.type names the type of the resource that the reference points to.",
    _REFERENCES + "#Reference.type",
)
def _has_its_type(subject: Subject) -> Iterator[Finding]:
    for link in subject.links.typed:
        stated, target = link.node.get("type"), link.target.located
        if isinstance(stated, str) and target is not None and target.type != stated.rsplit("/", 1)[-1]:
            message = f"the type is '{stated}', but '{link.reference}' is a {target.type}"
            yield _about(link, message, tail=".type")
    types = resource_types(subject.fhir)
    for link in subject.links.unresolved:
        stated = link.node.get("type")
        if isinstance(stated, str):
            named = named_type(link.reference)
            if named in types and named != stated.rsplit("/", 1)[-1]:
                message = f"the type is '{stated}', but '{link.reference}' is a {named}"
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
    _in_document,
    _has_a_base,
    _has_its_type,
    _allowed_type,
    _reachable,
)

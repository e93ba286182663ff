"""Does the server state what it does, and answer as HTTP and FHIR require?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fhir_case.interop.probe import ProbeGroup
from fhir_case.interop.verdict import NotApplicableError, check

if TYPE_CHECKING:
    from collections.abc import Callable

    from fhir_case.interop.recorder import Reply
    from fhir_case.interop.sandbox import Sandbox

__all__ = ["GROUP"]

GROUP = ProbeGroup("Conformance")
_PATCH = "application/json-patch+json"
_RELEASES = {"R4": "4.0", "R5": "5.0"}
_OPERATIONS = (("validate", "Patient"), ("everything", "Patient"))


@GROUP.probe(
    "states what it does", level="SHALL", page="http.html#capabilities",
    expected="GET metadata returns a CapabilityStatement of the server's release, with a rest element for the server",
)  # fmt: skip
def capability_statement(sandbox: Sandbox) -> str:
    reply = sandbox.ask("GET", "metadata")
    body = reply.body or {}
    check(reply.status == 200, f"GET metadata answers HTTP {reply.status}")
    check(body.get("resourceType") == "CapabilityStatement", f"metadata is a {body.get('resourceType') or 'something'}")
    version = str(body.get("fhirVersion") or "")
    check(version.startswith(_RELEASES[sandbox.fhir]), f"fhirVersion is '{version}'")
    missing = [name for name in ("status", "date", "kind", "format", "rest") if name not in body]
    check(not missing, f"required elements are missing: {', '.join(missing)}")
    check(sandbox.claims.known, "no rest element has mode 'server'")
    return f"a CapabilityStatement of FHIR {version}"


@GROUP.probe(
    "does what it claims", level="SHALL", page="http.html#capabilities",
    expected="no interaction or operation that the CapabilityStatement claims for Patient is answered as unsupported",
)  # fmt: skip
def capability_true(sandbox: Sandbox) -> str:
    if not sandbox.claims.known:
        raise NotApplicableError("the server claims nothing")
    location = sandbox.stored(sandbox.patient("claims"))
    asked, broken = 0, []
    for claim, reply in _claimed(sandbox, location):
        asked += 1
        if reply.unsupported:
            broken.append(f"{claim} (HTTP {reply.status})")
    check(not broken, f"claimed, and answered as unsupported: {', '.join(broken)}")
    return f"{asked} claims were put to the test"


def _claimed(sandbox: Sandbox, location: str) -> list[tuple[str, Reply]]:
    claims, ask = sandbox.claims, sandbox.ask
    body = {**sandbox.patient("claims"), "id": location.partition("/")[2]}
    patch = [{"op": "replace", "path": "/gender", "value": "male"}]
    calls: dict[str, Callable[[], Reply]] = {
        "read": lambda: ask("GET", location),
        "search-type": lambda: ask("GET", "Patient", parameters={"_count": "1"}),
        "update": lambda: ask("PUT", location, body),
        "history-instance": lambda: ask("GET", f"{location}/_history"),
        "vread": lambda: ask("GET", f"{location}/_history/{_version(ask('GET', location))}"),
        "history-type": lambda: ask("GET", "Patient/_history", parameters={"_count": "1"}),
        "patch": lambda: ask("PATCH", location, patch, content_type=_PATCH),
    }
    if not claims.patch_format(_PATCH):
        del calls["patch"]
    found = [(name, call()) for name, call in calls.items() if claims.interaction("Patient", name)]
    for name, kind in _OPERATIONS:
        if claims.operation(name, kind):
            reply = ask("POST", f"{kind}/${name}", body) if name == "validate" else ask("GET", f"{location}/${name}")
            found.append((f"${name}", reply))
    return found


def _version(reply: Reply) -> str:
    return reply.version() or str(((reply.body or {}).get("meta") or {}).get("versionId") or "1")


@GROUP.probe(
    "an unknown id is 404", level="SHALL", page="http.html#read",
    expected="reading an id that never was returns 404, with an OperationOutcome",
)  # fmt: skip
def unknown_id(sandbox: Sandbox) -> str:
    reply = sandbox.ask("GET", f"Patient/{sandbox.id('nobody')}")
    check(reply.status == 404, f"it answers HTTP {reply.status}")
    return "404"


@GROUP.probe(
    "an unknown type is 404", level="SHALL", page="http.html#read",
    expected="a resource type that FHIR does not have returns 404",
)  # fmt: skip
def unknown_type(sandbox: Sandbox) -> str:
    reply = sandbox.ask("GET", "Neverland/1")
    check(reply.status == 404, f"it answers HTTP {reply.status}")
    return "404"


@GROUP.probe(
    "says what is wrong", level="SHOULD", page="http.html#create",
    expected="JSON that ends too early returns 400 with an OperationOutcome that has an error",
)  # fmt: skip
def error_outcome(sandbox: Sandbox) -> str:
    reply = sandbox.ask("POST", "Patient", b'{"resourceType": "Patient", "name": [')
    sandbox.track_created(reply)
    check(400 <= reply.status < 500, f"it answers HTTP {reply.status}")
    body = reply.body or {}
    check(body.get("resourceType") == "OperationOutcome", f"HTTP {reply.status} without an OperationOutcome")
    grave = [each for each in body.get("issue") or [] if each.get("severity") in ("error", "fatal")]
    check(bool(grave), "an OperationOutcome without an error")
    return f"HTTP {reply.status} with an OperationOutcome"


@GROUP.probe(
    "answers as FHIR JSON", level="SHALL", page="http.html#mime-type",
    expected="an answer to Accept: application/fhir+json has this content type",
)  # fmt: skip
def content_type(sandbox: Sandbox) -> str:
    location = sandbox.stored(sandbox.patient("mime"))
    given = sandbox.ask("GET", location).headers.get("Content-Type", "")
    check(given.partition(";")[0].strip() == "application/fhir+json", f"the content type is '{given}'")
    return given

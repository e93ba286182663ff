"""Do the operations do what they are for?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fhir_case.interop.probe import ProbeGroup
from fhir_case.interop.probes.search_data import search_data
from fhir_case.interop.verdict import check, need

if TYPE_CHECKING:
    from fhir_case.interop.recorder import Reply
    from fhir_case.interop.sandbox import Sandbox

__all__ = ["GROUP"]

GROUP = ProbeGroup("Operations")


@GROUP.probe(
    "$everything returns everything", level="SHALL", page="patient-operation-everything.html",
    expected="the patient and all observations of this patient, over all pages, and nothing of another patient",
)  # fmt: skip
def everything(sandbox: Sandbox) -> str:
    need(sandbox.claims.operation("everything", "Patient"), "the operation $everything of Patient")
    data = search_data(sandbox)
    wanted = data.of("one", "jan", "feb", "mar", "mar-other", "apr", "may")

    def all_pages() -> set[str]:
        first = sandbox.ask("GET", f"{data.locations['one']}/$everything")
        return {each.name for each in sandbox.pages(first, "$everything")}

    found = sandbox.eventually(all_pages, wanted.issubset)
    check(wanted <= found, f"{len(wanted - found)} of {len(wanted)} are missing")
    check(not found & data.of("two", "two-mar"), "it holds something of another patient")
    return f"{len(wanted)} of {len(wanted)}"


@GROUP.probe(
    "$validate finds a planted error", level="SHALL", page="resource-operation-validate.html",
    expected="an Observation without its status is said to be invalid",
)  # fmt: skip
def validate_error(sandbox: Sandbox) -> str:
    need(sandbox.claims.operation("validate", "Observation"), "the operation $validate of Observation")
    wrong = sandbox.observation("invalid")
    del wrong["status"]
    reply = sandbox.ask("POST", "Observation/$validate", wrong)
    issues = _issues(sandbox, reply)
    if not issues and 400 <= reply.status < 500:
        return f"HTTP {reply.status}"
    check(bool(_grave(issues)), f"{len(issues)} issues, none of them an error")
    return f"{len(_grave(issues))} errors"


@GROUP.probe(
    "$validate has no false alarm", level="SHALL", page="resource-operation-validate.html",
    expected="a valid Patient has no error, and validating it stores nothing",
)  # fmt: skip
def validate_valid(sandbox: Sandbox) -> str:
    need(sandbox.claims.operation("validate", "Patient"), "the operation $validate of Patient")
    reply = sandbox.ask("POST", "Patient/$validate", sandbox.patient("validated"))
    issues = _grave(_issues(sandbox, reply))
    check(not issues, f"{len(issues)} errors, for example: {_said(issues)}")
    stored = sandbox.holders("Patient", "validated")
    check(not stored, "the Patient was stored")
    return "no error"


def _issues(sandbox: Sandbox, reply: Reply) -> list[dict[str, Any]]:
    body = reply.body or {}
    if body.get("resourceType") != "OperationOutcome" or reply.unsupported:
        sandbox.refused(reply, "$validate")
    return [each for each in body.get("issue") or [] if isinstance(each, dict)]


def _grave(issues: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [each for each in issues if each.get("severity") in ("error", "fatal")]


def _said(issues: list[dict[str, Any]]) -> str:
    return str(issues[0].get("diagnostics") or (issues[0].get("details") or {}).get("text") or "") if issues else ""

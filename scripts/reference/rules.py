"""The reference of the rules: the checks of `fhir-case validate` but the invariants, which have a page of their own."""

from __future__ import annotations

from fhir_case.fhir.invariants import INVARIANTS
from fhir_case.validation import CHECKS

_HEAD = """\
# Rules

<!-- Written by scripts/make-reference from the checks; do not edit. -->

What `fhir-case validate` checks beside the [invariants of the specification](../validation.md), in its order.
`--list-rules` lists both; a finding names its rule in brackets, which is also what `--skip` and the `check` of a waiver
take. A rule *ran*, was *not applicable*, or *could not run* and is listed under *Not checked*.

| rule | what has to hold | because of |
|---|---|---|"""


def page() -> str:
    """Return the page."""
    invariants = {one.name for one in INVARIANTS}
    rules = [one for one in CHECKS if one.name not in invariants]
    return "\n".join([_HEAD, *(f"| `{one.name}` | {_cell(one.reason)} | <{one.source}> |" for one in rules)]) + "\n"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")

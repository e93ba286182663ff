"""All questions that are put to a server, in the order in which they are put."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fhir_case.interop.probes import conditional, conformance, fidelity, operations, search, transactions, versions

if TYPE_CHECKING:
    from fhir_case.interop.probe import Probe

__all__ = ["PROBES"]

PROBES: tuple[Probe, ...] = (
    *conformance.PROBES,
    *versions.PROBES,
    *conditional.PROBES,
    *transactions.PROBES,
    *search.PROBES,
    *operations.PROBES,
    *fidelity.PROBES,
)

"""All questions that are put to a server, in the order in which they are put."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fhir_case.interop.probes import (
    conditional,
    conformance,
    fidelity,
    operations,
    search,
    search_results,
    transactions,
    versions,
)

if TYPE_CHECKING:
    from fhir_case.interop.probe import Probe

__all__ = ["PROBES"]

_MODULES = (conformance, versions, conditional, transactions, search, search_results, operations, fidelity)
PROBES: tuple[Probe, ...] = tuple(probe for module in _MODULES for probe in module.GROUP.probes)

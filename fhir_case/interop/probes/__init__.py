"""All questions that are put to a server, in the order in which they are put."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fhir_case.interop.probes import (
    conditional,
    conformance,
    fidelity,
    formats,
    limits,
    operations,
    other_types,
    search,
    search_results,
    transactions,
    versions,
)

if TYPE_CHECKING:
    from fhir_case.interop.probe import Probe

__all__ = ["PROBES"]

_MODULES = (
    conformance, formats, versions, limits, conditional, transactions, search, search_results, operations, fidelity,
    other_types,
)  # fmt: skip
PROBES: tuple[Probe, ...] = tuple(probe for module in _MODULES for probe in module.GROUP.probes)

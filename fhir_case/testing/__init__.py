"""
What tests of FHIR clients need: a comparison that reads well, and the types of the fixtures.

The fixtures come with the pytest plugin, `fhir_case.testing.plugin`, which pytest loads by itself; this package is for
what a test imports. It is empty until something of it is used, since each run of pytest imports it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fhir_case.testing.assertion import assert_same_resource
    from fhir_case.testing.cleanup import LeftOverWarning
    from fhir_case.testing.loading import CaseBundle, Load, Loaded
    from fhir_case.testing.namespace import FhirNamespace
    from fhir_case.testing.resource import to_json

__all__ = ["CaseBundle", "FhirNamespace", "LeftOverWarning", "Load", "Loaded", "assert_same_resource", "to_json"]

_MODULES = {
    "CaseBundle": "loading",
    "FhirNamespace": "namespace",
    "LeftOverWarning": "cleanup",
    "Load": "loading",
    "Loaded": "loading",
    "assert_same_resource": "assertion",
    "to_json": "resource",
}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used."""
    if name not in _MODULES:
        raise AttributeError(f"module 'fhir_case.testing' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"fhir_case.testing.{_MODULES[name]}"), name)

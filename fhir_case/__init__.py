"""
A written clinical case in, a validated FHIR Bundle on any FHIR server out, with proof of what arrived.

Every stage is one call that takes the value of the stage before it::

    from fhir_case import HapiServer, build_bundle, load_case, upload, validate, verify

    bundle = build_bundle(load_case("hcc-tare-sorafenib"))
    assert validate(bundle).ok
    with HapiServer() as server:
        journal = upload(bundle, server.base_url)
        assert verify(bundle, server.base_url).ok

The library prints nothing, ends no process and raises only the errors of `fhir_case.errors`.

PYTEST_DONT_REWRITE: a program may import this and then call pytest, which knows our plugin, and get no warning.
"""

from __future__ import annotations

TYPE_CHECKING = False  # to import `typing` takes half of the time of this module, before Ctrl-C can be answered

if TYPE_CHECKING:
    from typing import Any

    from fhir_case.bundle import build_bundle
    from fhir_case.case import Case
    from fhir_case.errors import (
        BundleError,
        CaseError,
        CheckerError,
        FhirCaseError,
        MappingError,
        RejectedError,
        ServerError,
    )
    from fhir_case.issues import CheckRun, Issue, ValidationResult
    from fhir_case.load import upload, verify
    from fhir_case.readers import load_case
    from fhir_case.server.hapi import HapiServer
    from fhir_case.validation import validate
    from fhir_case.validation.engine.hl7 import Hl7Engine

    __version__: str

__all__ = [
    "BundleError",
    "Case",
    "CaseError",
    "CheckRun",
    "CheckerError",
    "FhirCaseError",
    "HapiServer",
    "Hl7Engine",
    "Issue",
    "MappingError",
    "RejectedError",
    "ServerError",
    "ValidationResult",
    "__version__",
    "build_bundle",
    "load_case",
    "upload",
    "validate",
    "verify",
]

_HOMES = {
    "BundleError": "fhir_case.errors",
    "CaseError": "fhir_case.errors",
    "CheckRun": "fhir_case.issues",
    "CheckerError": "fhir_case.errors",
    "FhirCaseError": "fhir_case.errors",
    "HapiServer": "fhir_case.server.hapi",
    "Hl7Engine": "fhir_case.validation.engine.hl7",
    "Issue": "fhir_case.issues",
    "MappingError": "fhir_case.errors",
    "RejectedError": "fhir_case.errors",
    "ServerError": "fhir_case.errors",
    "ValidationResult": "fhir_case.issues",
    "build_bundle": "fhir_case.bundle",
    "load_case": "fhir_case.readers",
    "upload": "fhir_case.load",
    "validate": "fhir_case.validation",
    "verify": "fhir_case.load",
}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used, so that the command line starts fast."""
    if name == "__version__":
        from importlib.metadata import version

        return version("fhir-case")
    if name == "Case":
        from fhir_case.mapping import model_of_cases

        return model_of_cases()
    if name not in _HOMES:
        raise AttributeError(f"module 'fhir_case' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), name)

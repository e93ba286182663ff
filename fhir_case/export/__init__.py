"""Write FHIR of R4 in the formats of other communities, with what they cannot say."""

from __future__ import annotations

from fhir_case.export.phenopacket import to_phenopacket
from fhir_case.export.phenopacket.source import Unsaid

__all__ = ["Unsaid", "to_phenopacket"]

"""The readers of this package, in the order in which they are asked; what is YAML and nothing else is a case file."""

from __future__ import annotations

from fhir_case.readers.case_file import CASE_FILE
from fhir_case.readers.phenopacket import PHENOPACKET

__all__ = ["READERS"]

READERS = (PHENOPACKET, CASE_FILE)

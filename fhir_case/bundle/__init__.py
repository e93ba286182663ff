"""
Assemble one Bundle of the resources that the mappings give.

The mappings speak in business keys. Here each resource gets its logical id, its business identifier and the label that
says it is test data; references by key become references by id; Provenance says what was made of what. The result is
sorted and the same to the byte for the same case. All of this is R4, as the mappings are; for R5 each resource is then
converted by `fhir_case.fhir.r5`.
"""

from fhir_case.bundle.building import build_bundle

__all__ = ["build_bundle"]

"""
Turn what the mappings give, which is R4, into R5.

All that changes stands in one table, ``elements.toml``. What the table does not know is an error: nothing is lost in
silence. Where R5 requires what R4 does not have, the table says that it is unknown.

Source: https://hl7.org/fhir/R5/diff.html
"""

from fhir_case.fhir.r5.convert import to_r5
from fhir_case.fhir.r5.separate import separated

__all__ = ["separated", "to_r5"]

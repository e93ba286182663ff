"""
How a case varies in a cohort: what is declared in its file or in one beside it, its checks, and the draw of a patient.

Without a declaration nothing varies. Knows no FHIR.
"""

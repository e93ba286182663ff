"""
Where each fact of a case arrives in FHIR: as a code, as a value, in words only, or nowhere.

It is found by trial, so that it holds for any mapping, from outside too: a case is mapped once as it is, and once
without each of its facts. The elements that differ are those that the fact is expressed by; what no fact changes is
what the mappings say by themselves.
"""

from fhir_case.explain.explanation import Element, Explanation, Fact
from fhir_case.explain.tracing import explain

__all__ = ["Element", "Explanation", "Fact", "explain"]

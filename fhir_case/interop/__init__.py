"""Test how several FHIR servers take the same resources, and whether they do what the specification asks."""

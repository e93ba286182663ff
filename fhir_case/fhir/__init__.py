"""Build and write FHIR: systems, data types, dates, identity, code tables. Knows no case, no Bundle, no server."""

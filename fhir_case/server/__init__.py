"""FHIR servers: the client that speaks to any of them, and the embedded HAPI server."""

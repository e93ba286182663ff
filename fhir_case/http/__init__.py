"""
HTTP for all that this library asks of others: servers, token endpoints, repositories, registries.

`fhir_case.http.session.Session` is the only place where sessions are made: it keeps the credentials of the environment
out, bounds each response, and trusts the certificates of the operating system.
"""

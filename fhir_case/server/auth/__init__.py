"""Who asks a FHIR server: basic, bearer, OAuth2, SMART Backend Services."""

from fhir_case.server.auth.schemes import Authenticator, basic, bearer, bearer_file

__all__ = ["Authenticator", "basic", "bearer", "bearer_file"]

"""The definitions of FHIR in its official packages, for the scripts that make files of them."""

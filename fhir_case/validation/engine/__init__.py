"""Validators of profiles: the HL7 engine in Java with its packages, and a server's ``$validate``."""

"""A machine with a Java that only pretends, and a Maven repository on loopback."""

from pretended_java import machine, repository

__all__ = ["machine", "repository"]

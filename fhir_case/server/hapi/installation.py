"""All that a start needs, put into the cache if it is not there: Java, the jars, our own classes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fhir_case.server.hapi.jars import provide_jars
from fhir_case.server.hapi.java import Java, find_java
from fhir_case.server.hapi.lock import Jar, read_lock
from fhir_case.server.hapi.program import provide_program

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from fhir_case.server.hapi.events import Listener

__all__ = ["Installation", "install"]


@dataclass(frozen=True, slots=True)
class Installation:
    """
    Hold what there is to start.

    Args:
        java: The Java that runs it.
        folder: Where the jars lie, each at its path.
        jars: Those of the lock file that are needed here, verified.
        program: The file name of the jar of our own classes.
    """

    java: Java
    folder: Path
    jars: tuple[Jar, ...]
    program: str


def install(cache: Path | None, *, environment: Mapping[str, str], listener: Listener) -> Installation:
    """
    Find Java, and download and compile what is not in the cache yet.

    Args:
        cache: The folder of the cache; none: the user's cache folder.
        environment: Variables for Java and for finding it and the repositories.
        listener: Is told each step.

    Raises:
        CheckerError: Something cannot be had here.
        OSError: The cache cannot be written.
    """
    from platformdirs import user_cache_path

    java = find_java(environment)
    jars = tuple(jar for jar in read_lock() if jar.use == "run" or not java.compiler)
    folder = (cache or user_cache_path("fhir-case", appauthor=False)).resolve() / "hapi"
    folder.mkdir(parents=True, exist_ok=True)
    provide_jars(jars, folder, environment=environment, listener=listener)
    program = provide_program(java, jars, folder, environment=environment, listener=listener)
    return Installation(java, folder, jars, program)

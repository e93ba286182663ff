"""What a start needs, put into the cache if it is missing: Java, the jars, our own classes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fhir_case.java.cache import make_private
from fhir_case.java.jars import provide_jars
from fhir_case.java.lock import Jar, read_lock
from fhir_case.java.program import provide_classes
from fhir_case.java.runtime import Java, find_java

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from fhir_case.java.events import Listener
    from fhir_case.java.program import JavaProgram

__all__ = ["Installation", "install"]


@dataclass(frozen=True, slots=True)
class Installation:
    """
    The files of a program that can be started.

    Args:
        program: What is started.
        java: The Java that runs it.
        folder: Where the jars lie, each at its path.
        jars: Those of the lock file that are needed here, verified.
        classes: The file name of the jar of our own classes.
    """

    program: JavaProgram
    java: Java
    folder: Path
    jars: tuple[Jar, ...]
    classes: str


def install(
    program: JavaProgram, cache: Path | None, *, environment: Mapping[str, str], listener: Listener
) -> Installation:
    """
    Find Java, and download and compile what is not in the cache yet.

    Args:
        program: What shall run.
        cache: The folder of the cache; none: the user's cache folder.
        environment: Variables for Java and for finding it and the repositories.
        listener: Called with each step.

    Raises:
        CheckerError: Something cannot be had here, or others may write to the cache.
        OSError: The cache cannot be written.
    """
    from platformdirs import user_cache_path

    java = find_java(environment)
    folder = (cache or user_cache_path("fhir-case", appauthor=False)).resolve() / "java"
    make_private(folder, listener)
    wanted = {program.name} if java.compiler else {program.name, "compile"}
    jars = tuple(jar for jar in read_lock() if jar.uses & wanted)
    provide_jars(jars, folder, title=program.title, environment=environment, listener=listener)
    classes = provide_classes(program, java, jars, folder, environment=environment, listener=listener)
    return Installation(program, java, folder, jars, classes)

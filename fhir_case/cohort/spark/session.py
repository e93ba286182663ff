"""The session of Spark: Java and the Python of the workers, the settings, and its end."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

from fhir_case.errors import CheckerError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, MutableMapping

    from pyspark.sql import SparkSession

__all__ = ["OLDEST", "session"]

OLDEST = 4
"""The first version of Spark with data sources in Python."""

_HINT = "pip install 'fhir-case[spark]'"


@contextmanager
def session(master: str, settings: Mapping[str, str]) -> Iterator[SparkSession]:
    """
    Use the session of Spark that there is, as under ``spark-submit``; else start one, and stop it in the end.

    Args:
        master: Its address, ``local[2]`` or ``spark://host:7077``; empty for what Spark's own configuration has.
        settings: Settings of Spark; what is not among them comes from Spark's own configuration (SPARK_CONF_DIR).

    Raises:
        CheckerError: Spark 4 or Java 17 is not there, or Spark does not start.
    """
    _check_version()
    from py4j.protocol import Py4JError
    from pyspark.errors import PySparkException
    from pyspark.sql import SparkSession

    _provide(os.environ, settings)
    there = SparkSession.getActiveSession()
    builder = SparkSession.builder.appName("fhir-case synth")
    if master:
        builder = builder.master(master)
    for name, value in settings.items():
        builder = builder.config(name, value)
    try:
        started = builder.getOrCreate()
    except (Py4JError, PySparkException, OSError) as error:
        raise CheckerError(f"Spark does not start: {first_line(error)}", hint="see what it says above") from None
    try:
        yield started
    finally:
        if there is None:
            started.stop()


def _check_version() -> None:
    try:
        import pyspark
    except ImportError:
        raise CheckerError("the engine spark needs PySpark, which is not installed", hint=_HINT) from None
    if int(pyspark.__version__.split(".")[0]) < OLDEST:
        raise CheckerError(f"PySpark {pyspark.__version__} is too old; {OLDEST}.0 or newer is needed", hint=_HINT)


def _provide(environment: MutableMapping[str, str], settings: Mapping[str, str]) -> None:
    """Name the Java that Spark shall start, and the Python of its workers, where nobody else has."""
    if "PYSPARK_GATEWAY_PORT" not in environment:  # under spark-submit Java runs already
        from fhir_case.java.runtime import find_java

        java = find_java(environment)
        environment["JAVA_HOME"] = str(java.executable.resolve().parent.parent)
    environment.setdefault("PYSPARK_PYTHON", settings.get("spark.pyspark.python", sys.executable))


def first_line(error: BaseException) -> str:
    """Return what Spark says of an error, without the stack traces of its Java and Python."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    named = [line for line in lines if "Error: " in line and not line.startswith(("at ", "File "))]
    return (named or lines or [type(error).__name__])[-1 if named else 0]

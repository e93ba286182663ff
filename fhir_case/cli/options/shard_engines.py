"""What makes many patients: processes of this machine, or Spark."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from fhir_case.cohort.engine import Engine

__all__ = ["engine_of", "engine_options"]


def _settings(_: click.Context, __: click.Parameter, values: tuple[str, ...]) -> dict[str, str]:
    for value in values:
        if not value.startswith("spark.") or "=" not in value:
            raise click.BadParameter(f"'{value}': spark.NAME=VALUE is expected")
    return {name: setting for name, _, setting in (value.partition("=") for value in values)}


def engine_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that say what makes the shards."""
    for option in (
        click.option(
            "--spark-conf", "settings", multiple=True, callback=_settings, metavar="K=V", help="A setting of Spark."
        ),
        click.option("--master", default="", metavar="URL", help="Of Spark; default: what its configuration has."),
        click.option(
            "--engine",
            type=click.Choice(["pool", "spark"]),
            default="pool",
            help="What makes the shards: processes here, or Spark (docs/spark.md).",
        ),
    ):
        command = option(command)
    return command


def engine_of(options: Mapping[str, Any]) -> Engine:
    """
    Return the engine that the options ask for.

    Raises:
        click.UsageError: An option belongs to the other engine.
    """
    context = click.get_current_context()
    if options["engine"] == "spark":
        if context.get_parameter_source("jobs") == ParameterSource.COMMANDLINE:
            raise click.UsageError("--jobs is for --engine pool; with Spark: --master 'local[2]', or its own settings")
        from fhir_case.cohort.spark.engine import spark_of

        return spark_of(options["master"], options["settings"])
    if options["master"] or options["settings"]:
        raise click.UsageError("--master and --spark-conf need --engine spark")
    from fhir_case.cohort.pool import pool_of

    return pool_of(options["jobs"])

"""``fhir-case synth``: make a cohort of patients like that of a case."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from fhir_case.cli.options import completion
from fhir_case.cli.options.building import mapping_option
from fhir_case.cli.options.cohorts import jobs_option, layout_json, layout_option, say_layout, shard_size_option
from fhir_case.cli.options.declarations import ANY_PATH, fhir_option, output_options
from fhir_case.cli.options.shard_engines import engine_of, engine_options
from fhir_case.cli.output import echo_json, echo_notice, echo_warning

if TYPE_CHECKING:
    from decimal import Decimal
    from pathlib import Path

    from fhir_case.cohort.recipe import Layout

__all__ = ["synth"]


def _rate(_: click.Context, __: click.Parameter, value: str) -> Decimal:
    from decimal import Decimal, InvalidOperation

    try:
        rate = Decimal(value.removesuffix("%")) / (100 if value.endswith("%") else 1)
    except InvalidOperation:
        rate = Decimal(-1)
    if not (rate.is_finite() and 0 <= rate <= 1):
        raise click.BadParameter("a number from 0 to 1 is expected, or a percentage")
    return rate


@click.command()
@click.argument("case", shell_complete=completion.cases)
@click.option(
    "-n", "--patients", type=click.IntRange(1, 1_000_000_000), required=True, metavar="N", help="How many patients."
)
@click.option("--seed", type=click.IntRange(0, 2**63), default=1, metavar="S", help="What all chance starts from.")
@click.option("-o", "--out", type=ANY_PATH, required=True, help="The folder, a new one or that of the same call.")
@click.option("--vary", "beside", type=ANY_PATH, metavar="FILE", help="Declares what varies; default: CASE.vary.yaml.")
@click.option(
    "--defects", default="0", callback=_rate, metavar="RATE", help="Plant a known defect in so many of all patients."
)
@click.option("--namespace", default="", metavar="NAME", help="The prefix of all ids, before the number of a patient.")
@click.option(
    "--profiles", type=click.Choice(["mcode", "none"]), default="mcode", help="Claim mCODE profiles, or none."
)
@click.option("--no-narrative", is_flag=True, help="Leave out the texts for people.")
@fhir_option("The FHIR release to build in.")
@layout_option
@shard_size_option
@jobs_option
@engine_options
@mapping_option
@click.option(
    "--codes", "code_files", multiple=True, metavar="FILE", type=ANY_PATH, help="Further codes, as for build."
)
@output_options()
def synth(
    case: str,
    patients: int,
    *,
    seed: int,
    out: Path,
    beside: Path | None,
    layout: Layout,
    form: str,
    **options: Any,
) -> None:
    """
    Make a cohort of N patients like that of CASE, all of them valid and labelled as test data.

    What varies is declared in the case file (vary: on an entry or a value) or in a file beside it, CASE.vary.yaml;
    without a declaration nothing varies. The same call makes the same bytes, whatever --engine and --jobs; interrupted,
    it goes on with what is missing. The folder has the layout of Bulk Data, with a manifest that `upload` reads.
    """
    from fhir_case.cli.progress.counting import counting
    from fhir_case.cohort.recipe import Recipe, codes_of, source_of, varied_case
    from fhir_case.cohort.run import make_cohort

    recipe = Recipe(
        source_of(case, beside),
        patients,
        seed,
        options["namespace"],
        layout,
        options["fhir"],
        options["profiles"],
        not options["no_narrative"],
        options["defects"],
        options["shard_size"] or 0,
        options["mapping_files"],
        options["code_files"],
    )
    with codes_of(recipe):
        varied = varied_case(recipe.source, recipe.mapping_files)
    if not varied.variations and not varied.presences:
        echo_warning("nothing is declared to vary: all patients are alike (docs/cohorts.md)")
    with counting(patients, "patients") as show:
        manifest = make_cohort(
            recipe,
            out,
            engine=engine_of(options),
            on_progress=show,
            on_resumed=lambda made: echo_notice(f"{made:,} patients were made before"),
        )
    if form == "json":
        echo_json(layout_json(out, manifest, patients))
    else:
        say_layout(out, manifest, patients)

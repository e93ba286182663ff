"""The options that choose and list the probes of interop."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from fhir_case.cli.options import completion
from fhir_case.cli.options.declarations import combined
from fhir_case.cli.output import echo, echo_json, is_json, set_answer
from fhir_case.wording import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fhir_case.interop.probe import Probe

__all__ = ["chosen_probes", "probe_options"]


def _list_probes(context: click.Context, _: click.Parameter, wanted: bool) -> None:
    if not wanted or context.resilient_parsing:
        return
    from fhir_case.interop.probes import PROBES

    set_answer(context)
    described = [one.description for one in PROBES]
    if is_json():
        echo_json({"probes": described})
    else:
        for each in described:
            echo(f"{each.name:<32} {each.level:<7} {each.group}: {each.title}")
            echo(f"{'':40} {each.specification}")
    context.exit()


probe_options = combined(
    click.option(
        "--probe",
        "chosen",
        multiple=True,
        metavar="NAME",
        shell_complete=completion.probes,
        help="Run only this probe; may be repeated.",
    ),
    click.option("--no-probes", is_flag=True, help="Run no probes: load and compare only."),
    click.option(
        "--list-probes", is_flag=True, is_eager=True, expose_value=False, callback=_list_probes, help="List the probes."
    ),
)


def chosen_probes(chosen: Sequence[str]) -> tuple[Probe, ...]:
    """
    Return the probes of these names, all for none.

    Raises:
        click.UsageError: There is no probe of such a name.
    """
    from fhir_case.interop.probes import PROBES

    known = {one.description.name: one for one in PROBES}
    for name in chosen:
        if name not in known:
            advice = did_you_mean(name, known, sentence=True) or "--list-probes lists them."
            raise click.UsageError(f"There is no probe '{name}'. {advice}")
    return tuple(known[name] for name in dict.fromkeys(chosen)) if chosen else PROBES

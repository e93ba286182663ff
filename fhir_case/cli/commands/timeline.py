"""``fhir-case timeline``: draw the course of a patient."""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fhir_case.cli.options import completion
from fhir_case.cli.options.building import codes_option, mapping_option
from fhir_case.cli.options.connection import connection_options
from fhir_case.cli.options.declarations import ANY_PATH, fhir_option, output_options, timeout_option
from fhir_case.cli.options.files import is_file, write_file, write_output
from fhir_case.cli.options.named_servers import server_option
from fhir_case.cli.output import echo_json, echo_notice, echo_warning
from fhir_case.errors import ExitCode
from fhir_case.timeline.event import LANES

if TYPE_CHECKING:
    from fhir_case.server.named import NamedServer
    from fhir_case.timeline import Lane, Timeline
    from fhir_case.timeline.writing.style import Theme

__all__ = ["timeline"]

_FORMATS = ("svg", "html", "png", "cbioportal")
_SUFFIXES = {".svg": "svg", ".html": "html", ".htm": "html", ".png": "png"}
_NAMED = 20


@click.command()
@click.argument("source", required=False, metavar="[CASE|BUNDLE|JOURNAL]", shell_complete=completion.cases)
@server_option(required=False, note=": draw what it has of --patient")
@click.option(
    "--patient",
    default="",
    metavar="ID",
    help="The id of the patient, where there are several, or of --server.",
)
@click.option(
    "-o", "--output", type=ANY_PATH, help="The file to write, or the folder for cbioportal; default: standard output."
)
@output_options(
    *_FORMATS, default=None,
    meaning="Default: as the file ends; else svg. In JSON the events are data, beside the file of -o."
)  # fmt: skip
@click.option(
    "--lane", "lanes", multiple=True, type=click.Choice(list(LANES)), metavar="LANE",
    help=f"Draw only this lane; may be repeated. Lanes: {', '.join(LANES)}."
)  # fmt: skip
@click.option(
    "--axis", type=click.Choice(["anchor", "dates"]), default="anchor", help="Count from an event, or give dates."
)
@click.option(
    "--anchor", metavar="TYPE/ID|DATE", help="What to count from; default: what most times of the source count from."
)
@click.option(
    "--scale", type=click.Choice(["auto", "log", "linear"]), default="auto", help="The axis of measured values."
)
@click.option(
    "--theme",
    type=click.Choice(["auto", "light", "dark"]),
    default="auto",
    help="The colours; a PNG has no auto, and is light.",
)
@click.option(
    "--width", type=click.IntRange(640, 10_000), default=1120, metavar="PIXELS", help="The width of the picture."
)
@click.option(
    "--title",
    default="",
    metavar="TEXT",
    help="What stands above the picture; default: the patient.",
)
@click.option(
    "--study", default="fhir_case", metavar="NAME", help="The cancer study that the files of cbioportal are for."
)
@fhir_option("The FHIR release to build a case in.")
@mapping_option
@codes_option
@timeout_option()
@connection_options
def timeline(
    source: str | None, server: NamedServer | None, *, output: Path | None, form: str | None, **options: Any
) -> None:
    """
    Draw the course of a patient as SVG, HTML or PNG, from FHIR data alone, in R4 or R5.

    CASE is the name of a shipped case or a YAML file; BUNDLE is FHIR JSON of anyone: a Bundle, NDJSON, a folder or an
    archive of them, or - for standard input. JOURNAL is the file that the summary of an upload names: what it loaded is
    drawn. What has no time is listed below the picture, and so is everything else that is not drawn. PNG needs the
    extra png.
    """
    in_json, kind = form == "json", _form(None if form == "json" else form, output)
    found, complete = _read(source, server, options)
    if in_json:
        echo_json({"file": str(output) if is_file(output) else None, **_with_dates(asdict(found))})
    if kind == "cbioportal":
        _write_portal_files(found, output, options["study"])
    elif is_file(output) or not in_json:
        content = _drawn(found, kind, options)
        if write_output(output, content):
            without = f", {len(found.untimed):,} without a time" if found.untimed else ""
            echo_notice(f"{output}: {len(found.events):,} events of {found.subject or 'no patient'}{without}")
    if not complete:
        sys.exit(ExitCode.BUNDLE)


def _with_dates(value: Any) -> Any:
    """Return what a timeline holds with the days of its moments as dates, which ordinals are to nobody else."""
    from fhir_case.timeline.moment import date_words

    if isinstance(value, dict):
        return {
            name: date_words(inner) if name in ("earliest", "latest") and inner is not None else _with_dates(inner)
            for name, inner in value.items()
        }
    return [_with_dates(inner) for inner in value] if isinstance(value, list | tuple) else value


def _form(form: str | None, output: Path | None) -> str:
    """Return the format, as it is named or as the file ends."""
    to_file = is_file(output)
    if form is None and is_file(output):
        form = _SUFFIXES.get(output.suffix.lower())
        if form is None:
            raise click.UsageError(f"{output}: name it .svg, .html or .png, or say --format.")
    if form in ("png", "cbioportal") and not to_file:
        raise click.UsageError(f"--format {form} needs -o, the {'file' if form == 'png' else 'folder'} to write.")
    return form or "svg"


def _read(source: str | None, server: NamedServer | None, options: dict[str, Any]) -> tuple[Timeline, bool]:
    """Return the timeline, and whether all of the input could be read."""
    from fhir_case.cli.options.timelines import from_file, from_server
    from fhir_case.timeline import read_timeline

    patient = str(options["patient"])
    if source is None:
        if server is None:
            raise click.UsageError("Name a case, a Bundle or a journal, or --server and --patient.")
        if not patient:
            raise click.UsageError("--server needs --patient, the id of the patient there.")
        return read_timeline(from_server(server, patient, options), patient), True
    if server is not None:
        raise click.UsageError("Name an input, or --server, not both.")
    entries, complete = from_file(source, options)
    return read_timeline(entries, patient), complete


def _drawn(found: Timeline, form: str, options: dict[str, Any]) -> bytes:
    from fhir_case.timeline.layout import lay_out
    from fhir_case.timeline.writing.svg import svg_of

    lanes: tuple[Lane, ...] = options["lanes"]
    picture = lay_out(
        found,
        lanes=lanes,
        scale=options["scale"],
        counts_from=_counts_from(found, options["axis"], options["anchor"]),
        width=float(options["width"]),
        title=options["title"],
    )
    if form == "html":
        from fhir_case.timeline.writing.page import page_of

        return page_of(found, picture, theme=options["theme"]).encode()
    theme: Theme = "light" if form == "png" and options["theme"] == "auto" else options["theme"]
    svg = svg_of(picture, theme=theme)
    if form == "png":
        from fhir_case.timeline.writing.png import png_of

        return png_of(svg, height=picture.height)
    return svg.encode()


def _counts_from(found: Timeline, axis: str, anchor: str | None) -> tuple[float, str] | None:
    """Return what the axis counts from: what the user names, else what the source counts from; None: dates."""
    from fhir_case.timeline import counted_from
    from fhir_case.timeline.moment import parse_date

    if not anchor:
        return counted_from(found, in_dates=axis == "dates")
    if axis == "dates":
        raise click.UsageError("--anchor is what the axis counts from, and --axis dates counts from nothing.")
    moment = parse_date(anchor)
    if moment is not None:
        return moment.at, anchor
    for event in found.events:
        if anchor in event.resources and event.start is not None:
            return event.start.at, event.name
    raise click.BadParameter(
        f"'{anchor}' is neither a date (2018-03-01) nor an event with a time (Procedure/ID)", param_hint="--anchor"
    )


def _write_portal_files(found: Timeline, folder: Path | None, study: str) -> None:
    from fhir_case.timeline.writing.cbioportal import portal_files

    result = portal_files(found, study)
    for name, text in result.files.items():
        write_file(Path(folder or ".") / name, text.encode())
    echo_notice(f"{folder}: {len(result.files)} files, {len(found.events):,} events; the days count from {result.zero}")
    for event in result.left_out[:_NAMED]:
        echo_warning(f"Left out, since it has no time: {event.words} ({', '.join(event.resources)})")
    if len(result.left_out) > _NAMED:
        echo_warning(f"Left out, since they have no time: {len(result.left_out) - _NAMED:,} more")

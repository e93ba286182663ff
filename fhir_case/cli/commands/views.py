"""``fhir-case views``: list and write the ViewDefinitions of SQL on FHIR for mCODE."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from fhir_case.cli.options import completion
from fhir_case.cli.options.declarations import ANY_PATH, output_options
from fhir_case.cli.options.files import write_file
from fhir_case.cli.output import echo, echo_data, echo_json

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["views"]

_OF_A_VIEW = b"ViewDefinition"
_BEGIN = 10_000


@click.command()
@click.argument("names", metavar="[NAME]...", nargs=-1, shell_complete=completion.views)
@click.option("-o", "--output", type=ANY_PATH, metavar="FOLDER", help="The folder to write NAME.json into.")
@output_options()
def views(names: tuple[str, ...], *, output: Path | None, form: str) -> None:
    """
    List the views for those who query: tables of mCODE patients, as ViewDefinitions of SQL on FHIR.

    With NAME the ViewDefinition itself is written to standard output; with --output all of them, or those named, into a
    folder. A runner such as pysof or Pathling makes the rows (docs/views.md).
    """
    from fhir_case.views import VIEWS, view, view_text

    chosen = _known(names) or list(VIEWS)
    if output is not None:
        if output.exists() and not output.is_dir():
            raise click.UsageError(f"{output} is not a folder; name a new one, or one that there is")
        for name in chosen:
            _require_view_or_none(output / f"{name}.json")
        for name in chosen:
            write_file(output / f"{name}.json", view_text(name))
    elif len(names) > 1 and form != "json":
        raise click.UsageError("several views are written into a folder; name it: --output FOLDER")
    definitions = [view(name) for name in chosen]
    if form == "json":
        written = None if output is None else [str(output / f"{name}.json") for name in chosen]
        echo_json({"views": [_summary(one) for one in definitions], "files": written})
    elif output is not None:
        echo(f"{output}: {len(chosen)} views ({', '.join(chosen)})")
    elif names:
        echo_data(view_text(chosen[0]))
    else:
        for one in definitions:
            echo(f"{one['name']}: {one['description']}")
            echo(f"    {', '.join(column['name'] for column in _columns(one))}")


def _require_view_or_none(path: Path) -> None:
    """
    Refuse to write over what is no view, before any is written.

    Raises:
        click.UsageError: There is a link, a folder or another file of this name.
    """
    if path.is_symlink() or (path.exists() and not path.is_file()):
        raise click.UsageError(f"{path} is a link or no file; remove it, or name another folder")
    if path.exists():
        with path.open("rb") as file:
            if _OF_A_VIEW not in file.read(_BEGIN):
                raise click.UsageError(f"{path} is another file, no view; remove it, or name another folder")


def _summary(definition: dict[str, Any]) -> dict[str, Any]:
    columns = [{name: column[name] for name in ("name", "type", "description")} for column in _columns(definition)]
    return {name: definition[name] for name in ("name", "title", "resource", "description")} | {"columns": columns}


def _columns(definition: dict[str, Any]) -> list[dict[str, Any]]:
    return [column for select in definition["select"] for column in select["column"]]


def _known(names: tuple[str, ...]) -> list[str]:
    from fhir_case.views import VIEWS
    from fhir_case.wording import did_you_mean

    for name in names:
        if name not in VIEWS:
            meant = did_you_mean(name, VIEWS, before="; ") or f"; there are {', '.join(VIEWS)}"
            raise click.UsageError(f"there is no view '{name}'{meant}")
    return list(dict.fromkeys(names))

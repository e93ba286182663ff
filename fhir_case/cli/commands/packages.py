"""``fhir-case packages``: the FHIR packages with profiles that the HL7 validation engine takes."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from fhir_case.cli.options import completion
from fhir_case.cli.options.declarations import output_options, renamed_option
from fhir_case.cli.output import echo, echo_json, echo_notice, echo_table, echo_warning
from fhir_case.errors import CheckerError

if TYPE_CHECKING:
    from fhir_case.validation.engine.packages import Package

__all__ = ["packages"]


@click.group()
def packages() -> None:
    """
    Add and list the FHIR packages by which profiles are checked.

    With the package of a release, hl7.fhir.xver-extensions and those of the profiles here, 'validate' and 'run' check
    the profiles that resources claim without being asked to.
    """


@packages.command()
@click.argument(
    "names", nargs=-1, required=True, metavar="FILE.tgz | NAME[#VERSION]...", shell_complete=completion.files
)
@click.option(
    "--registry",
    metavar="URL",
    help="The registry that packages named by NAME come from, with what they depend on; default: that of "
    "FHIR_CASE_PACKAGE_REGISTRY.",
)
@output_options()
def add(names: tuple[str, ...], registry: str | None, *, form: str) -> None:
    """
    Keep packages: files .tgz, or by their names from a registry that you name, each with its dependencies.

    Without a version a registry gives the one that it calls the latest. NAME@VERSION is the same as NAME#VERSION.
    """
    from fhir_case.http.address import is_plain_address
    from fhir_case.validation.engine.hl7 import REGISTRY
    from fhir_case.validation.engine.obtaining import Obtaining
    from fhir_case.validation.engine.store import add_package

    url = (registry or os.environ.get(REGISTRY, "")).strip()
    files = [Path(name) for name in names if _is_file(name)]
    labels = [name for name in names if not _is_file(name)]
    if labels and not url:
        raise click.UsageError(
            f"'{labels[0]}' is no file; a package of that name needs --registry URL or {REGISTRY}, and none is asked "
            "without it."
        )
    if labels and not is_plain_address(url):  # which may hold a password, and is not repeated
        raise click.UsageError(
            "this is not the address of a registry of packages; write its base URL without user, query and fragment"
        )
    added: list[Package] = []

    def note(package: Package) -> None:
        added.append(package)
        if form != "json":
            echo(f"{package.label} is here: {package.source}")

    for file in files:
        note(add_package(file, _cache()))
    obtaining = Obtaining(url, _cache(), on_package=note)
    for label in labels:
        name, _, version = label.replace("@", "#").partition("#")
        obtaining.get(name, version)
    for label, needed_by in obtaining.missing.items():
        echo_warning(f"{label} is not in the registry; {needed_by} needs it")
    echo_json({"packages": [_described(package) for package in added], "missing": obtaining.missing})


@packages.command("list")
@output_options()
@renamed_option("--json", "--format", is_flag=True, flag_value="json")
def list_packages(*, form: str) -> None:
    """List the packages that were added or fetched, and those of ~/.fhir/packages, which is only read."""
    from fhir_case.validation.engine.packages import packages_in_cache
    from fhir_case.validation.engine.store import added_packages

    found = (*added_packages(_cache()), *packages_in_cache(Path.home() / ".fhir" / "packages"))
    if form == "json":
        echo_json({"packages": [_described(package) for package in found]})
    elif not found:
        echo_notice("There is no package; 'fhir-case packages add' adds one.")
    else:
        rows = [(package.name, package.version, package.canonical or "-", str(package.source)) for package in found]
        echo_table(("NAME", "VERSION", "CANONICAL", "WHERE"), rows)


def _is_file(name: str) -> bool:
    if name.endswith(".tgz") and not Path(name).exists():
        raise CheckerError("there is no such file", where=name)
    return Path(name).exists()


def _cache() -> Path:
    from platformdirs import user_cache_path

    return user_cache_path("fhir-case", appauthor=False)


def _described(package: Package) -> dict[str, str]:
    return {
        "name": package.name,
        "version": package.version,
        "canonical": package.canonical,
        "source": str(package.source),
    }

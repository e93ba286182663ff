"""What the shell offers while a command is typed: names of cases, code tables, sections, servers and probes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from click.shell_completion import CompletionItem

if TYPE_CHECKING:
    from collections.abc import Iterable

    import click

__all__ = ["cases", "checks", "code_tables", "files", "probes", "recipes", "sections", "servers", "views"]


def cases(_: click.Context, __: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Return the shipped cases, and the files."""
    from fhir_case.case.shipped import shipped_case_names

    return [*_beginning(incomplete, shipped_case_names()), *files(_, __, incomplete)]


def checks(_: click.Context, __: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Return the checks of validate."""
    from fhir_case.validation import CHECKS

    return _beginning(incomplete, (one.name for one in CHECKS))


def files(_: click.Context, __: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Return the files, also where a pattern or standard input can be named."""
    return [CompletionItem(incomplete, type="file")]


def code_tables(_: click.Context, __: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Return the code tables."""
    from fhir_case.mapping.vocabulary import vocabularies

    return _beginning(incomplete, dict.fromkeys(one.table for one in vocabularies(())))


def recipes(_: click.Context, __: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Return the shipped recipes, and the files."""
    from fhir_case.readers.table.options import shipped_recipes

    return [*_beginning(incomplete, shipped_recipes()), CompletionItem(incomplete, type="file")]


def sections(_: click.Context, __: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Return the sections of the case file."""
    from fhir_case.mapping import discover
    from fhir_case.mapping.discovery import sections_of

    return _beginning(incomplete, (one.name for one in sections_of(discover())))


def servers(_: click.Context, __: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Return the servers of servers.toml by name; none where it cannot be read."""
    from fhir_case.errors import FhirCaseError
    from fhir_case.server.named import find_servers

    try:
        return _beginning(incomplete, find_servers())
    except FhirCaseError:
        return []


def probes(_: click.Context, __: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Return the probes of interop."""
    from fhir_case.interop.probes import PROBES

    return _beginning(incomplete, (one.description.name for one in PROBES))


def _beginning(incomplete: str, names: Iterable[str]) -> list[CompletionItem]:
    return [CompletionItem(name) for name in names if name.startswith(incomplete)]


def views(_: click.Context, __: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Return the views for those who query."""
    from fhir_case.views import VIEWS

    return _beginning(incomplete, VIEWS)

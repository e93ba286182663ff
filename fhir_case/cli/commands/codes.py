"""``fhir-case codes``: list and search the short names that a case file can use."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from fhir_case.cli.options import completion
from fhir_case.cli.options.building import codes_option, mapping_option
from fhir_case.cli.options.declarations import output_options
from fhir_case.cli.output import echo, echo_json, echo_notice

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from fhir_case.fhir.codes import Term
    from fhir_case.mapping.vocabulary import Vocabulary

__all__ = ["codes"]


@click.command()
@click.argument("table", required=False, shell_complete=completion.code_tables)
@click.option("--search", metavar="WORD", help="Only what has this in its name, words, code or display.")
@mapping_option
@codes_option
@output_options()
def codes(table: str | None, *, search: str | None, mapping_files: tuple[Path, ...], form: str) -> None:
    """
    List the code tables, or the short names of TABLE with their codes, units and sources.

    A field of a case file that takes a short name takes those of one table. What no table has is written in words or
    with a code of its own: {text: ...} or {text: ..., code: {system: ..., code: ..., display: ...}}.
    """
    from fhir_case.mapping.vocabulary import vocabularies

    found = vocabularies(mapping_files)
    if table is not None:
        found = _named(table, found)
    overview = table is None and search is None
    if search is not None:
        found = _searched(found, search)
    if form == "json":
        echo_json({"tables": [_as_json(one, terms=not overview) for one in found]})
    else:
        for line in _overview(found) if overview else _listing(found, headings=table is None):
            echo(line)
    if not found:
        where = f"of {table} " if table else ""
        echo_notice(f"no short name {where}has '{search}' in its name, words, code or display")


def _named(table: str, found: Sequence[Vocabulary]) -> tuple[Vocabulary, ...]:
    from fhir_case.wording import did_you_mean

    named = tuple(one for one in found if one.table == table)
    if not named:
        names = dict.fromkeys(one.table for one in found)
        near = did_you_mean(table, names, sentence=True)
        looked_for = f"'fhir-case codes --search {table}' looks for a word in all of them"
        raise click.BadParameter(
            f"there is no table '{table}'; {looked_for}. {near or 'There are: ' + ', '.join(names)}"
        )
    return named


def _searched(found: Sequence[Vocabulary], search: str) -> tuple[Vocabulary, ...]:
    from dataclasses import replace

    from fhir_case.mapping.vocabulary import matching

    narrowed = (replace(one, terms=matching(one.terms, search)) for one in found)
    return tuple(one for one in narrowed if one.terms)


def _overview(found: Sequence[Vocabulary]) -> Iterator[str]:
    width = max(len(one.table) for one in found)
    most = max(len(str(len(one.terms))) for one in found)
    for one in found:
        taken = ", ".join(one.fields) or "in mappings only"
        yield f"{one.table:<{width}}  {len(one.terms):>{most}}  {taken}  [{one.origin}]"


def _listing(found: Sequence[Vocabulary], *, headings: bool) -> Iterator[str]:
    for one in found:
        if headings:
            yield f"{one.table} ({', '.join(one.fields) or 'in mappings only'})"
        margin = "  " if headings else ""
        for term in one.terms:
            yield f"{margin}{term.name}: {term.text}"
            yield from (f"{margin}  {line}" for line in _details(term))


def _details(term: Term) -> Iterator[str]:
    for one, source in zip(term.codings, term.sources, strict=True):
        name = f"{_system_name(one['system'])} {one['code']}"
        yield " ".join((name, one.get("display", ""), f"[{source}]" if source else "")).strip()
    if term.other_names:
        yield f"also: {', '.join(term.other_names)}"
    if term.units:
        yield "units: " + ", ".join(_unit(printed, ucum) for printed, ucum in term.units.items())
    if "ucum" in term.more:
        yield f"UCUM {term.more['ucum']}"
    if "why" in term.more:
        yield f"why: {term.more['why']}"


def _unit(printed: str, ucum: str) -> str:
    if not printed:
        return "a bare number"
    return printed if printed == ucum else f"{printed} (UCUM {ucum})"


def _system_name(system: str) -> str:
    from fhir_case.fhir.systems import SYSTEMS

    return next((name for name, url in SYSTEMS.items() if url == system), system)


def _as_json(one: Vocabulary, *, terms: bool) -> dict[str, Any]:
    described = {"table": one.table, "origin": one.origin, "fields": one.fields, "count": len(one.terms)}
    return described | {"terms": [_term_as_json(term) for term in one.terms]} if terms else described


def _term_as_json(term: Term) -> dict[str, Any]:
    return {
        "name": term.name,
        "text": term.text,
        "codings": [one | {"source": source} for one, source in zip(term.codings, term.sources, strict=True)],
        "units": term.units,
        **{name: term.more[name] for name in ("words", "ucum", "why") if name in term.more},
    }

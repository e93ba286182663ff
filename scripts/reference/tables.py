"""The reference of the code tables: which fields take the short names of each, and some of them."""

from __future__ import annotations

from itertools import islice

from fhir_case.mapping.vocabulary import vocabularies

_HEAD = """\
# Code tables

<!-- Written by scripts/make-reference from the tables beside the mappings; do not edit. -->

A field of the case file that takes a short name takes those of one table. `fhir-case codes TABLE` lists all of a
table, with words, codes, units and the source of each code; `fhir-case codes --search WORD` searches all tables, and
`fhir-case codes TABLE --format json` is for programs. What no table has is written `{text: …}`, or with
codes of your own, `{text: …, code: {system: …, code: …, display: …}}`; or add short names of your own, see
[docs/mappings.md](../mappings.md#short-names-of-your-own-without-python).
"""
_SHOWN = 3


def page() -> str:
    """Return the page."""
    lines = [_HEAD]
    for table in vocabularies():
        fields = ", ".join(f"`{each}`" for each in table.fields) or "none: the mappings read it themselves"
        names = ", ".join(f"`{term.name}` ({term.text})" for term in islice(table.terms, _SHOWN))
        lines += [f"## {table.table}\n", f"Fields: {fields}.\n", f"Such as {names}.\n"]
    return "\n".join(lines).rstrip() + "\n"

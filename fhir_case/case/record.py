"""The structured record of another community that a case was read from."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from fhir_case.case.forms import Form, Text

__all__ = ["Record", "RecordFile", "Reference", "Update", "Vocabulary"]

Instant = Annotated[str, Field(pattern=r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,9})?(Z|[+-]\d{2}:\d{2})$")]


class Reference(Form):
    """
    A publication or a record elsewhere.

    Args:
        id: Its identifier, such as ``PMID:16965330``.
        url: Where it is.
        title: Its title or description.
    """

    id: Text | None = None
    url: Text | None = None
    title: Text | None = None


class Vocabulary(Form):
    """
    A vocabulary that the record uses.

    Args:
        id: Its short name.
        name: Its name.
        url: Where it is.
        version: Its version.
        prefix: What its codes begin with.
        iri_prefix: What the IRIs of its codes begin with.
    """

    id: Text | None = None
    name: Text | None = None
    url: Text | None = None
    version: Text | None = None
    prefix: Text | None = None
    iri_prefix: Text | None = None


class Update(Form):
    """
    A change of the record.

    Args:
        at: When it was changed.
        by: Who changed it.
        comment: What was changed.
    """

    at: Instant | None = None
    by: Text | None = None
    comment: Text | None = None


class RecordFile(Form):
    """
    A file that the record names, such as one of variants.

    Args:
        url: Where it is.
        description: What the record says of it.
    """

    url: Text
    description: Text | None = None


class Record(Form):
    """
    The structured record that a case was read from.

    Args:
        identifier: The identifier of the record.
        format: Its format with the version, such as ``GA4GH phenopacket 2.0``.
        created: When it was created.
        created_by: Who created it.
        submitted_by: Who submitted it.
        updates: How it was changed since.
        references: The publications and records that it names.
        vocabularies: The vocabularies that it uses.
        files: The files that it names.
    """

    identifier: Text
    format: Text
    created: Instant | None = None
    created_by: Text | None = None
    submitted_by: Text | None = None
    updates: tuple[Update, ...] = ()
    references: tuple[Reference, ...] = ()
    vocabularies: tuple[Vocabulary, ...] = ()
    files: tuple[RecordFile, ...] = ()

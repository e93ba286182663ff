"""
Decide whether the models of fhir.resources are asked as well.

They take six times as long as all other checks, and find nothing that the strict schema does not find: so they are
asked about small inputs, where that is not felt, and about large ones on request.
"""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

from fhir_case.documents import Text
from fhir_case.fhir.wire import objects
from fhir_case.issues import MOST_RESOURCES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from fhir_case.documents import Document

__all__ = ["is_asked_by_itself"]


def is_asked_by_itself(documents: Iterable[Document | Text]) -> tuple[bool, Iterator[Document | Text]]:
    """
    Return whether an input is so small that the models are asked, and its documents.

    An input that ends in an error, Ctrl-C too, gives the documents before it, and then the error.

    Args:
        documents: All that are to be checked. As many are taken and kept as have that many resources.
    """
    rest = iter(documents)
    begin: list[Document | Text] = []
    count = 0
    try:
        for document in rest:
            begin.append(document)
            count += _resources(document)
            if count > MOST_RESOURCES:
                return False, chain(begin, rest)
    except BaseException as error:
        return True, _and_then(begin, error)
    return True, iter(begin)


def _and_then(documents: list[Document | Text], error: BaseException) -> Iterator[Document | Text]:
    yield from documents
    raise error


def _resources(document: Document | Text) -> int:
    """Return how many resources a document has; of one that was not read, how many say of which type they are."""
    if isinstance(document, Text):
        return document.content.count(b'"resourceType"') or 1
    return len(objects((document.content or {}).get("entry"))) or 1

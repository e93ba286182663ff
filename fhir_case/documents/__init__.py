"""Read FHIR JSON of any origin: files, directories, NDJSON, gzip, bzip2, zip archives, streams, case files."""

from fhir_case.documents.document import Document, Text, unread
from fhir_case.documents.files import digest, find_documents, find_texts
from fhir_case.documents.folders import expand
from fhir_case.documents.paths import shown
from fhir_case.documents.reading import MAXIMUM_BYTES, read_document, read_documents, read_texts

__all__ = [
    "MAXIMUM_BYTES",
    "Document",
    "Text",
    "digest",
    "expand",
    "find_documents",
    "find_texts",
    "read_document",
    "read_documents",
    "read_texts",
    "shown",
    "unread",
]

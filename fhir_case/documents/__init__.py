"""Read FHIR JSON of any origin: files, directories, NDJSON, gzip, bzip2, zip archives, streams, case files."""

from fhir_case.documents.document import Document
from fhir_case.documents.files import digest, expand, find_documents
from fhir_case.documents.reading import MAXIMUM_BYTES, read_document, read_documents

__all__ = ["MAXIMUM_BYTES", "Document", "digest", "expand", "find_documents", "read_document", "read_documents"]

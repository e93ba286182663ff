"""The inputs of a load: files and standard input, or one Bundle in memory."""

from __future__ import annotations

from hashlib import sha256
from types import MappingProxyType
from typing import TYPE_CHECKING

from fhir_case.documents import Document, find_documents, read_documents, shown
from fhir_case.documents.files import digest, files_led_to
from fhir_case.documents.manifest import check_manifests
from fhir_case.documents.paths import find_files
from fhir_case.errors import BundleError
from fhir_case.fhir import wire
from fhir_case.load.survey.result import CountedNames

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from fhir_case.documents.manifest import Manifest
    from fhir_case.fhir.models import FhirVersion
    from fhir_case.fhir.wire import Resource

__all__ = ["IN_MEMORY", "STANDARD_INPUT", "BundleInput", "FileInputs", "Inputs"]

STANDARD_INPUT = "standard input"
IN_MEMORY = "Bundle in memory"

Digest = tuple[str, int, str]

_PASSED_OVER = 1_000  # files that are named: what is missing afterwards has to be found there


class FileInputs:
    """
    Files and folders; of one with the manifest of an export, the files that it names, in its order.

    Args:
        paths: What is loaded.
        piped: A file with the content of standard input; it is loaded after the paths.

    Attributes:
        several: Whether the rest may be loaded where one document cannot.
        passed_over: The files in folders and archives that are no documents, by the reason.

    Raises:
        BundleError: A manifest is none, or names what is not beside it.
    """

    several = True

    def __init__(self, paths: Sequence[Path], piped: Path | None = None) -> None:
        self.passed_over: dict[str, CountedNames] = {}
        self._manifests: list[Manifest] = []
        found = (file for path in paths for file in find_files(path, self._pass_over, self._manifests.append))
        self._paths = list(dict.fromkeys(found))
        self._piped = piped

    def documents(self, fhir: FhirVersion, *, checked: bool) -> Iterator[tuple[str, Iterable[Document]]]:
        """
        Return the name of each file, and its documents.

        Args:
            fhir: The release in which the Bundle of a case file is built.
            checked: Whether all was read before and found right.

        Raises:
            BundleError: A file is not what its manifest says; ``problems`` holds all.
        """
        if not checked:
            check_manifests(self._manifests)
        note = (lambda *_: None) if checked else self._pass_over
        for path in self._paths:
            found = find_documents(path, keep_raw=True, checked=checked, fhir=fhir, passed_over=note)
            yield shown(path), found
        if self._piped is not None:
            yield STANDARD_INPUT, _of_standard_input(self._piped, checked=checked)

    def _pass_over(self, name: str, reason: str) -> None:
        self.passed_over.setdefault(reason, CountedNames(_PASSED_OVER)).note(name)

    def digests(self) -> Iterator[Digest]:
        """Return the name, the size in bytes and the SHA-256 of each file; all are read for it."""
        yield from ((str(path), size, found) for path, size, found in digest(self._paths))
        yield from ((STANDARD_INPUT, size, found) for _, size, found in digest([self._piped] if self._piped else []))

    def led_to(self) -> dict[str, str]:
        """Return the name of each file that another leads to, as a recipe to its tables, and the name of the other."""
        return {str(file): str(path) for file, path in files_led_to(self._paths).items()}


def _of_standard_input(piped: Path, *, checked: bool) -> Iterator[Document]:
    with piped.open("rb") as stream:
        yield from read_documents(stream, STANDARD_INPUT, keep_raw=True, checked=checked)


class BundleInput:
    """
    One Bundle, or one resource, in memory.

    Args:
        bundle: It stays as it is, and may change later: what is loaded is a copy.

    Raises:
        BundleError: It cannot be written as JSON.
    """

    several = False
    passed_over: Mapping[str, CountedNames] = MappingProxyType({})

    def __init__(self, bundle: Resource) -> None:
        try:
            raw = wire.dump(bundle)
        except TypeError as error:
            raise BundleError(f"the Bundle cannot be written as JSON: {error}") from error
        self._document = Document("", content=wire.parse(raw), raw=raw)

    def documents(self, fhir: FhirVersion, *, checked: bool) -> Iterator[tuple[str, Iterable[Document]]]:  # noqa: ARG002 - as in FileInputs
        """Return the document, without a name."""
        yield "", (self._document,)

    def digests(self) -> Iterator[Digest]:
        """Return a name for messages, the size in bytes and the SHA-256."""
        yield IN_MEMORY, len(self._document.raw), sha256(self._document.raw).hexdigest()

    def led_to(self) -> dict[str, str]:
        """Return nothing: a Bundle leads to no file."""
        return {}


Inputs = FileInputs | BundleInput

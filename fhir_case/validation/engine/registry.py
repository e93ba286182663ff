"""Fetch a FHIR package from a registry that the user named; without one nothing is fetched."""

from __future__ import annotations

import contextlib
import io
import json
from typing import TYPE_CHECKING, Any, BinaryIO

from fhir_case.errors import CheckerError
from fhir_case.fhir.wire import mapping
from fhir_case.http.address import is_plain_address
from fhir_case.java.repositories import without_secrets
from fhir_case.validation.engine.packages import is_label, read_package
from fhir_case.validation.engine.store import file_of

if TYPE_CHECKING:
    from pathlib import Path

    from fhir_case.validation.engine.packages import Package

__all__ = ["fetch_package", "latest_version"]

_TIMEOUT_S = (10, 60)
_LONGEST_S = 3600.0
_PIECE = 1 << 16
_MAX_BYTES = 1 << 29  # bytes; the largest known package has a tenth of it


def fetch_package(registry: str, name: str, version: str, folder: Path) -> Package | None:
    """
    Return a package of a registry, from the folder when it was fetched before.

    Args:
        registry: Its base URL.
        name: The package.
        version: Its version, exactly.
        folder: Where fetched packages are kept.

    Returns:
        None when the registry does not have it.

    Raises:
        CheckerError: The registry was not reached, or its answer is not that package.

    Source: https://hl7.org/fhir/packages.html
    """
    if not is_label(name, version):  # a document can claim any version of a profile
        return None
    _refuse_other_addresses(registry)
    file = file_of(name, version, folder)
    if not file.exists():
        folder.mkdir(parents=True, exist_ok=True)
        part = file.with_suffix(".part")
        try:
            with part.open("w+b") as archive:
                found = _archive(f"{registry.rstrip('/')}/{name}/{version}", archive)
            if not found:
                return None
            package = read_package(part)
            if (package.name, package.version) != (name, version):
                raise CheckerError(
                    f"sent {package.label} when {name}#{version} was asked for", where=without_secrets(registry)
                )
            part.replace(file)
        finally:
            with contextlib.suppress(OSError):
                part.unlink()
    package = read_package(file)
    if (package.name, package.version) != (name, version):
        raise CheckerError(f"is {package.label} and not {name}#{version}", where=str(file), hint="remove the file")
    return package


def latest_version(registry: str, name: str) -> str:
    """
    Return the version of a package that a registry calls the latest.

    Raises:
        CheckerError: The registry was not reached, or does not say.

    Source: https://github.com/npm/registry/blob/main/docs/responses/package-metadata.md
    """
    _refuse_other_addresses(registry)
    answer = io.BytesIO()
    if is_label(name, "1") and _download(f"{registry.rstrip('/')}/{name}", answer):
        version = mapping(_json(answer.getvalue()).get("dist-tags")).get("latest")
        if is_label(name, version):
            return str(version)
    raise CheckerError(
        f"it does not say which version of {name} is the latest",
        where=without_secrets(registry),
        hint="name one: NAME#VERSION",
    )


def _refuse_other_addresses(registry: str) -> None:
    if not is_plain_address(registry):
        raise CheckerError(
            "this is not the address of a registry of packages",  # it may hold a password, and is not repeated
            hint="write its base URL without user, query and fragment, as https://packages.example.org",
        )


def _json(content: bytes) -> dict[str, Any]:
    try:
        return dict(mapping(json.loads(content)))
    except (ValueError, RecursionError):
        return {}


def _archive(url: str, file: BinaryIO) -> bool:
    """
    Download the archive of a package version; whether there is one.

    Some registries send it at once, those of npm describe where it is.
    """
    if not _download(url, file):
        return False
    file.seek(0)
    if file.read(1) != b"{":
        return True
    file.seek(0)
    archive = mapping(_json(file.read()).get("dist")).get("tarball")
    allowed = ("https://",) if url.startswith("https:") else ("https://", "http://")
    if not isinstance(archive, str) or not archive.startswith(allowed):
        raise CheckerError("describes a package without saying where it is", where=without_secrets(url))
    file.seek(0)
    file.truncate()
    return _download(archive, file)


def _download(url: str, file: BinaryIO) -> bool:
    import requests

    from fhir_case.http.errors import failed_download
    from fhir_case.http.limits import Limits
    from fhir_case.http.session import Session

    try:
        with (
            Session(Limits(bytes=_MAX_BYTES, seconds=_LONGEST_S)) as session,
            session.get(url, timeout=_TIMEOUT_S, stream=True) as response,
        ):
            if response.status_code == 404:
                return False
            if response.status_code != 200:
                raise CheckerError(f"answered HTTP {response.status_code}", where=without_secrets(url))
            for piece in response.iter_content(_PIECE):
                file.write(piece)
                if file.tell() > _MAX_BYTES:
                    raise CheckerError(f"sends more than {_MAX_BYTES >> 20} MB", where=without_secrets(url))
    except requests.RequestException as error:
        hint = "check the network and FHIR_CASE_PACKAGE_REGISTRY, or name files with --package"
        if isinstance(error, requests.exceptions.SSLError):
            hint = "or name files with --package"  # the reason says the rest
        raise CheckerError(
            f"the FHIR package could not be fetched: {failed_download(error)}", where=without_secrets(url), hint=hint
        ) from error
    return True

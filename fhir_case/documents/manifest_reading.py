"""
Read the manifest of a Bulk Data export, which anybody may have written.

Source: https://hl7.org/fhir/uv/bulkdata/STU3/export.html#response---output-manifest
"""

from __future__ import annotations

import os
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import unquote, urlsplit

from fhir_case.documents.manifest import BEGUN, EXTENSION, MANIFEST, Manifest, ManifestFile
from fhir_case.errors import BundleError
from fhir_case.fhir import wire
from fhir_case.http.address import host_of

__all__ = ["manifest_of", "read_manifest", "unfinished"]

_MOST_BYTES = 64 * 2**20
_LONGEST_NAME = 255  # in bytes, of all file systems in use
_SHOWN = 80
_CORRECT = "correct it, or name the files themselves"


def manifest_of(path: Path) -> Path | None:
    """
    Return the manifest that a path is, or that is in the folder; None where there is none.

    One that is not JSON is none, and is told as any other document that is wrong.
    """
    inner = path / MANIFEST if path.is_dir() else path
    try:
        if inner.name != MANIFEST or not inner.is_file() or inner.stat().st_size > _MOST_BYTES:
            return None
        content = wire.parse_quickly(inner.read_bytes())
    except (OSError, ValueError):
        return None
    is_one = isinstance(content, dict) and "transactionTime" in content and isinstance(content.get("output"), list)
    return inner if is_one else None


def unfinished(folder: Path) -> Manifest | None:
    """Return what stands for the manifest of a folder of ours that is not complete yet; None for any other."""
    begun = folder / BEGUN
    return Manifest(begun, finished=False) if begun.is_file() else None


def read_manifest(path: Path) -> Manifest:
    """
    Read a manifest.

    Raises:
        BundleError: It is none, or names a file that is not beside it, or has a further page.
    """
    try:
        content = wire.parse_quickly(path.read_bytes())
        extension = content.get("extension") or {}
        ours = extension.get(EXTENSION, {}) if isinstance(extension, dict) else {}
        further = [link for link in content.get("link") or () if link["relation"] == "next"]
        checksums = ours.get("sha256", {})
        files = tuple(_file(path, one, checksums) for one in content["output"])
        left_out = tuple(
            _beside(path, one["url"]).relative_to(path.parent).as_posix()
            for name in ("deleted", "error")
            for one in content.get(name) or ()
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        message = "this is not the manifest of an export: each entry of 'output' is an object with 'type' and 'url'"
        raise BundleError(message, where=str(path), hint=_CORRECT) from None
    if further:
        message = "the export has a further page ('link' with the relation 'next'), and only a part of it is here"
        hint = "get all pages, and list the files of all in one manifest without this link"
        raise BundleError(message, where=str(path), hint=hint)
    return Manifest(path, files, ours, left_out)


def _file(manifest: Path, entry: dict[str, Any], checksums: dict[str, Any]) -> ManifestFile:
    """
    Return what an entry says.

    Raises:
        BundleError: Its name or number cannot be.
    """
    url, count = entry["url"], entry.get("count")
    path = _beside(manifest, url)
    if count is not None and (not isinstance(count, int) or isinstance(count, bool) or count < 0):
        message = f"'count' of {path.name} is not a number of resources, such as 2"
        raise BundleError(message, where=str(manifest), hint=_CORRECT)
    return ManifestFile(str(entry.get("type", "")), path, count, str(checksums.get(url, "")))


def _beside(manifest: Path, url: str) -> Path:
    """
    Return the path of a file; one that the manifest names by a web address is looked for by its last part.

    Raises:
        BundleError: The name leads out of the folder, or no file can have it. Of an address, which may have a password
            or a token, only the host is told.
        AttributeError: It is no text.
    """
    url.encode()  # half of a surrogate pair, or no text
    parts = urlsplit(url)
    name = PurePosixPath(unquote(parts.path))
    inner = PurePosixPath(name.name) if parts.scheme else name
    text = f"an address at {host_of(url)}" if parts.netloc else f"'{_clipped(parts.path)}'"
    if inner.is_absolute() or ".." in inner.parts or not inner.parts:
        raise BundleError(f"{text} is not in the folder of the manifest", where=str(manifest), hint="correct it")
    if "\0" in str(inner) or any(len(os.fsencode(part)) > _LONGEST_NAME for part in inner.parts):
        raise BundleError(f"no file can have the name in {text}", where=str(manifest), hint="correct it")
    return manifest.parent / inner


def _clipped(text: str) -> str:
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"

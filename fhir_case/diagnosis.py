"""What of this machine is there, and what is missing for what: nothing is started, downloaded or changed."""

from __future__ import annotations

import os
import platform
import shutil
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from fhir_case.errors import CheckerError, FhirCaseError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from fhir_case.java.program import JavaProgram

__all__ = ["PURPOSES", "Finding", "Purpose", "findings"]

Purpose = Literal["cases", "upload", "server", "postgres", "profiles", "excel", "png", "oauth", "spark"]

PURPOSES: dict[Purpose, str] = {
    "cases": "building and validating cases",
    "upload": "loading servers, and undoing that",
    "server": "the embedded HAPI server: run, server start, interop",
    "postgres": "the embedded server on an embedded PostgreSQL: --db postgres",
    "profiles": "checking claimed profiles by the HL7 engine",
    "excel": "reading tables from Excel workbooks",
    "png": "timelines as PNG",
    "oauth": "signing in to servers by OAuth 2",
    "spark": "making cohorts by Apache Spark: synth --engine spark",
}
"""What the program is used for, in words."""

_LIBRARIES = ("fhir.resources", "pydantic", "requests", "jsonschema-rs", "fhirpathpy")
_JAVA: tuple[Purpose, ...] = ("server", "postgres", "profiles", "spark")
_LEAST_MB = 1000  # jars and packages take 600 MB, a database of a small server the rest
_PROXIES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")
_CERTIFICATES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE")


@dataclass(frozen=True, slots=True)
class Finding:
    """
    One thing that was looked at.

    Args:
        name: What.
        found: Whether it is as it should be.
        detail: Its version, place or state.
        needed_for: What cannot run without it; empty for what is only told.
        hint: What to do where it is missing.
    """

    name: str
    found: bool
    detail: str
    needed_for: tuple[Purpose, ...] = ()
    hint: str = ""


def findings(environment: Mapping[str, str]) -> Iterator[Finding]:
    """
    Return what is there and what is missing, in the order in which it is needed.

    Args:
        environment: The variables that count: for finding Java, for proxies and certificates.
    """
    from platformdirs import user_cache_path, user_state_path

    cache = user_cache_path("fhir-case", appauthor=False)
    yield Finding("fhir-case", True, version("fhir-case"))
    yield Finding("Python", True, f"{platform.python_version()} on {platform.system()} {platform.machine()}")
    yield Finding("libraries", True, ", ".join(f"{name} {_version(name)}" for name in _LIBRARIES))
    yield from _java(environment, cache)
    yield _packages(cache)
    yield _folder("cache", cache, ("server", "postgres", "profiles"), _LEAST_MB)
    yield _folder("journals", user_state_path("fhir-case", appauthor=False), ("upload",), 10)
    yield _servers()
    yield from _network(environment)
    yield _postgresql()
    yield _extra("excel", "openpyxl", "openpyxl", "excel")
    yield _extra("png", "resvg-py", "resvg_py", "png")
    yield _extra("auth", "authlib", "authlib", "oauth")
    yield _extra("spark", "pyspark", "pyspark", "spark")


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "(not installed)"


def _java(environment: Mapping[str, str], cache: Path) -> Iterator[Finding]:
    from fhir_case.java.runtime import find_java
    from fhir_case.server.hapi.launching import SERVER
    from fhir_case.validation.engine.service import VALIDATOR

    try:
        java = find_java(environment)
    except CheckerError as error:
        yield Finding("Java", False, error.message, _JAVA, error.hint or "")
        return
    yield Finding("Java", True, f"{java.version}: {java.executable}", _JAVA)
    yield _program(SERVER, cache, environment)
    yield _program(VALIDATOR, cache, environment)


def _program(program: JavaProgram, cache: Path, environment: Mapping[str, str]) -> Finding:
    from fhir_case.validation.engine.at_hand import require_program

    try:
        require_program(program, cache, environment)
    except CheckerError as error:
        return Finding(program.title, True, f"{error.message}; its first start does it")
    return Finding(program.title, True, "downloaded")


def _packages(cache: Path) -> Finding:
    from fhir_case.validation.engine.packages import packages_in_cache
    from fhir_case.validation.engine.store import added_packages

    hint = "fhir-case packages add --registry URL hl7.fhir.us.mcode#4.0.0, or files"
    try:
        found = (*added_packages(cache), *packages_in_cache(Path.home() / ".fhir" / "packages"))
    except FhirCaseError as error:
        return Finding("FHIR packages", False, str(error), ("profiles",), hint)
    named = ", ".join(sorted(package.label for package in found))
    return Finding("FHIR packages", bool(found), named or "none", ("profiles",), "" if found else hint)


def _folder(name: str, folder: Path, needed_for: tuple[Purpose, ...], least_mb: int) -> Finding:
    """Look at a folder that will be made where it is not there: whether it can be written, and what is free."""
    there = folder
    while not there.exists() and there != there.parent:
        there = there.parent
    if not (there.is_dir() and os.access(there, os.W_OK)):
        hint = "give yourself the right to write there, or name another place in XDG_CACHE_HOME and XDG_STATE_HOME"
        return Finding(name, False, f"{folder} cannot be written", needed_for, hint)
    free_mb = shutil.disk_usage(there).free // 1_000_000
    enough = free_mb >= least_mb
    hint = "" if enough else f"free {least_mb} MB"
    return Finding(name, enough, f"{folder}, {free_mb} MB free", needed_for, hint)


def _servers() -> Finding:
    from fhir_case.server.named import find_servers

    try:
        servers = find_servers()
    except FhirCaseError as error:
        return Finding("servers.toml", False, str(error), (), "")
    return Finding("servers.toml", True, ", ".join(servers) or "no servers by name")


def _network(environment: Mapping[str, str]) -> Iterator[Finding]:
    from fhir_case.http.address import host_of

    given = {name.lower(): value for name, value in environment.items() if name.lower() in _PROXIES and value}
    shown = (f"{name} {value if name == 'no_proxy' else host_of(value)}" for name, value in sorted(given.items()))
    yield Finding("proxy", True, ", ".join(shown) or "none")
    for name in _CERTIFICATES:
        if file := environment.get(name):
            hint = f"name a file of certificates (PEM) in {name}, or unset it"
            yield Finding("certificates", Path(file).exists(), f"{name}={file}", ("upload",), hint)
            return
    yield Finding("certificates", True, "those of the operating system")


def _postgresql() -> Finding:
    from fhir_case.server.postgresql import check_postgresql

    name = "extra postgres"
    try:
        programs = check_postgresql()
    except CheckerError as error:
        where = f" ({error.where})" if error.where else ""
        return Finding(name, False, f"{error.message}{where}", ("postgres",), error.hint)
    detail = f"PostgreSQL {programs.release} of {programs.package} {_version(programs.package)}"
    return Finding(name, True, detail, ("postgres",))


def _extra(extra: str, name: str, module: str, purpose: Purpose) -> Finding:
    found = find_spec(module) is not None
    detail = f"{name} {_version(name)}" if found else f"{name} is not installed"
    return Finding(f"extra {extra}", found, detail, (purpose,), "" if found else f"pip install 'fhir-case[{extra}]'")

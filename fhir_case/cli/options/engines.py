"""Validators for profiles: their options, and their start and stop within a command."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

import click

from fhir_case.cli.options.declarations import EXISTING_FILE, combined, real_patient_data_option, start_timeout_option

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from fhir_case.fhir.models import FhirVersion
    from fhir_case.validation.profiles import ProfileEngine

__all__ = ["engine_options", "engines"]


engine_options = combined(
    click.option(
        "--engine",
        "engine_names",
        multiple=True,
        type=click.Choice(["hl7", "hapi"]),
        help="Check profiles too, by the HL7 validation engine or by a HAPI server (both: name both). Needs Java "
        "and FHIR packages; missing Java and jars are downloaded.",
    ),
    click.option(
        "--package",
        "package_files",
        multiple=True,
        metavar="FILE.tgz",
        type=EXISTING_FILE,
        help="A FHIR package with profiles; may be repeated. Others come from ~/.fhir/packages and the registry in "
        "FHIR_CASE_PACKAGE_REGISTRY. Alone, it means --engine hl7.",
    ),
    click.option(
        "--validate-server",
        metavar="URL",
        help="The server for --engine hapi; default: an embedded one with the packages.",
    ),
    start_timeout_option(),
    real_patient_data_option("--validate-server"),
)


@contextmanager
def engines(
    engine_names: Sequence[str],
    package_files: Sequence[Path],
    validate_server: str | None,
    *,
    fhir: FhirVersion,
    real_patient_data: bool,
    start_timeout_s: float | None = None,
) -> Iterator[tuple[ProfileEngine, ...]]:
    """Return the validators that the options name. Each starts when it is first used, and stops at the end."""
    names = list(dict.fromkeys(engine_names))
    if validate_server and "hapi" not in names:
        names.append("hapi")
    if package_files and not names:
        names.append("hl7")
    if not names:
        yield ()
        return
    from fhir_case.cli.progress.server import listener

    with ExitStack() as stack:
        show = stack.enter_context(listener())
        found: list[ProfileEngine] = []
        if "hl7" in names:
            from fhir_case.validation.engine.hl7 import Hl7Engine

            found.append(stack.enter_context(Hl7Engine(package_files, listener=show)))
        if "hapi" in names:
            from fhir_case.server.hapi import HapiServer
            from fhir_case.validation.engine.packages import for_server
            from fhir_case.validation.engine.server import ServerEngine

            def base_url() -> str:
                if validate_server:
                    return validate_server
                server = HapiServer(
                    fhir=fhir, packages=for_server(package_files), listener=show, timeout_s=start_timeout_s
                )
                return stack.enter_context(server).base_url

            server = ServerEngine(base_url, real_patient_data=real_patient_data)
            stack.callback(server.close)
            found.append(server)
        yield tuple(found)

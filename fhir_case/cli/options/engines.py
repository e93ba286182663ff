"""The options that choose validators for profiles, and their life during a command."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from fhir_case.validation.profiles import ProfileEngine
    from fhir_case.validation.subject import FhirVersion

__all__ = ["engine_options", "engines"]


def engine_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that choose validators for profiles."""
    options = [
        click.option(
            "--engine",
            "engine_names",
            multiple=True,
            type=click.Choice(["hl7", "hapi"]),
            help="Check profiles too, by the HL7 validation engine or by a HAPI server (both: name both). Needs Java "
            "and FHIR packages; what is missing of Java and jars is downloaded.",
        ),
        click.option(
            "--package",
            "package_files",
            multiple=True,
            metavar="FILE.tgz",
            type=click.Path(path_type=Path, exists=True, dir_okay=False),
            help="A FHIR package with profiles. Others come from ~/.fhir/packages and from the registry that "
            "FHIR_CASE_PACKAGE_REGISTRY names. Alone, it means --engine hl7.",
        ),
        click.option(
            "--validate-server",
            metavar="URL",
            help="The server that --engine hapi asks; default: an embedded one with the packages.",
        ),
        click.option(
            "--real-patient-data",
            is_flag=True,
            help="--validate-server may see the data of real patients. Without it, one that is not this machine gets "
            "only what is labelled as test data (HTEST).",
        ),
    ]
    for option in reversed(options):
        command = option(command)
    return command


@contextmanager
def engines(
    engine_names: Sequence[str],
    package_files: Sequence[Path],
    validate_server: str | None,
    *,
    fhir: FhirVersion,
    real_patient_data: bool,
) -> Iterator[tuple[ProfileEngine, ...]]:
    """Return the validators that the options ask for. Each starts when it is first asked, and ends here."""
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
                server = HapiServer(fhir=fhir, packages=for_server(package_files), listener=show)
                return stack.enter_context(server).base_url

            server = ServerEngine(base_url, real_patient_data=real_patient_data)
            stack.callback(server.close)
            found.append(server)
        yield tuple(found)

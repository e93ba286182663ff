"""Validators for profiles: their options, and their start and stop within a command."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any, Self

import click

from fhir_case.cli.options.declarations import EXISTING_FILE, combined, real_patient_data_option, start_timeout_option
from fhir_case.cli.output import echo_notice
from fhir_case.errors import CheckerError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence
    from pathlib import Path

    from fhir_case.fhir.models import FhirVersion
    from fhir_case.java.events import Listener
    from fhir_case.validation.engine.answers import Answer
    from fhir_case.validation.engine.hl7 import Hl7Engine
    from fhir_case.validation.profiles import ProfileEngine

__all__ = ["engine_options", "engines"]


engine_options = combined(
    click.option(
        "--engine",
        "engine_names",
        multiple=True,
        type=click.Choice(["hl7", "hapi", "none"]),
        help="Check all against profiles, by the HL7 validation engine or by a HAPI server (both: name both). Needs "
        "Java and FHIR packages; missing jars are downloaded. Without it the HL7 engine checks the profiles that are "
        "claimed, where Java and the packages are on this machine; 'none' leaves that out.",
    ),
    click.option(
        "--package",
        "package_files",
        multiple=True,
        metavar="FILE.tgz",
        type=EXISTING_FILE,
        help="A FHIR package with profiles; may be repeated. Others come from 'fhir-case packages add', "
        "~/.fhir/packages and the registry in FHIR_CASE_PACKAGE_REGISTRY. Alone, it means --engine hl7.",
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
    """
    Return the validators that the options name, by default that of what is at hand.

    Each starts when it is first used, and stops at the end; then it is said how long it took.
    """
    names = list(dict.fromkeys(engine_names))
    if "none" in names:
        if len(names) > 1 or package_files or validate_server:
            raise click.UsageError("--engine none stands for itself: no other engine, --package or --validate-server.")
        yield ()
        return
    if validate_server and "hapi" not in names:
        names.append("hapi")
    if package_files and not names:
        names.append("hl7")
    from fhir_case.cli.progress.server import listener

    with ExitStack() as stack:
        show = stack.enter_context(listener())
        found: list[ProfileEngine] = []
        if "hl7" in names or not names:
            found.append(stack.enter_context(_Hl7(package_files, show, at_hand=not names)))
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


class _Hl7:
    """The HL7 engine, imported when a document needs it."""

    name = "profiles"

    def __init__(self, packages: Sequence[Path], listener: Listener, *, at_hand: bool) -> None:
        self.claimed_only = at_hand
        self._packages = packages
        self._listener = listener

    @cached_property
    def _engine(self) -> Hl7Engine:
        from fhir_case.validation.engine.hl7 import Hl7Engine

        return Hl7Engine(self._packages, listener=self._listener, at_hand=self.claimed_only)

    @property
    def started(self) -> bool:
        return "_engine" in vars(self) and self._engine.started

    def check(self, document: Mapping[str, Any], fhir: FhirVersion, claimed: Collection[str]) -> Answer:
        try:
            return self._engine.check(document, fhir, claimed)
        except CheckerError as error:
            if not self.claimed_only or self._engine.started:
                raise
            missing = f"profiles are claimed, and what checks them is not at hand: {error.message}"
            raise CheckerError(missing, where=error.where, hint=error.hint) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if "_engine" not in vars(self):
            return
        engine = self._engine
        engine.stop()
        if engine.seconds:
            start = f", {engine.start_seconds:.1f} s of it to start" if engine.start_seconds else ""
            omit = "; --engine none leaves them out" if self.claimed_only else ""
            echo_notice(f"Profiles: {engine.seconds:.1f} s by the HL7 validation engine{start}{omit}")

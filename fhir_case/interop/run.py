"""Test one server: load and compare, ask the questions, clear up."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from fhir_case.errors import FhirCaseError
from fhir_case.interop.claims import Claims
from fhir_case.interop.exchange import exchange
from fhir_case.interop.probe import run_probe
from fhir_case.interop.probes import PROBES
from fhir_case.interop.recorder import Recorder
from fhir_case.interop.result import BundleResult, ProbeResult, ServerResult
from fhir_case.interop.sandbox import Sandbox
from fhir_case.load.run.load import Options
from fhir_case.server.capabilities import UNKNOWN, from_statement

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from fhir_case.interop.inputs import Input
    from fhir_case.interop.probe import Probe
    from fhir_case.server.client import Client
    from fhir_case.server.connection import Connection

__all__ = ["interop_server"]

_RELEASES = ("R4", "R5")
_R4_RELATIVES = {"R4B": "R4"}


def interop_server(
    name: str,
    client: Callable[[], Client],
    connection: Connection,
    inputs: Sequence[Input] = (),
    *,
    namespace: str,
    fhir: str = "",
    options: Options | None = None,
    probes: Sequence[Probe] = PROBES,
    timeout_s: tuple[float, float] = (10, 60),
    wait_s: float = 5.0,
    on_step: Callable[[str], None] = lambda _: None,
    stopped: Callable[[], bool] = lambda: False,
) -> ServerResult:
    """
    Test one server in a namespace of its own, and remove afterwards what was stored.

    Args:
        name: What reports call it.
        client: Makes a client for the thread that calls it.
        connection: Authentication, and how the server is reached.
        inputs: What to load and compare.
        namespace: Begin of all ids; lower-case words joined by hyphens.
        fhir: The release that it speaks; by default what it says itself.
        options: How to load.
        probes: The questions.
        timeout_s: The seconds to wait for a connection, and for the next byte of an answer.
        wait_s: How long a search may take to find what was stored.
        on_step: Is called with what comes next.
        stopped: Whether to clear up and end, as by Ctrl-C; it is asked before each step, and while inputs are loaded.
    """
    clients: list[Client] = []

    def counted() -> Client:
        clients.append(client())
        return clients[-1]

    with counted() as first, Recorder(first.base_url, connection, timeout_s) as recorder:
        result = ServerResult(name, first.base_url)
        try:
            reply = recorder.ask("GET", "metadata")
        except FhirCaseError as error:
            return replace(result, error=error.message, requests=recorder.sent)
        stated = from_statement(reply.body)
        release = fhir or _R4_RELATIVES.get(stated.release, stated.release)
        software = f"{stated.software} {stated.software_version}".strip()
        result = replace(result, fhir=release, software=software, requests=recorder.sent)
        if reply.status in (401, 403):
            return replace(result, error=f"the server refuses access (HTTP {reply.status})")
        if stated is UNKNOWN:
            return replace(
                result, error=f"it has no CapabilityStatement (HTTP {reply.status}), so that nothing is sent"
            )
        if release not in _RELEASES:
            reason = f"it speaks {release}" if release else "it does not say which release of FHIR it speaks"
            hint = 'R4 and R5 can be tested (fhir = "R4" in the file of servers says it)'
            return replace(result, error=f"{reason}; {hint}")
        claims = Claims(reply.body if stated.fhir_version or stated.types else None)
        sandbox = Sandbox(recorder, claims, namespace, release, wait_s)
        bundles: list[BundleResult] = []
        answers: list[ProbeResult] = []
        left: list[str] = []

        def step(what: str) -> None:
            if stopped():
                raise KeyboardInterrupt
            on_step(f"{name}: {what}")

        try:
            for number, each in enumerate(inputs, 1):
                step(each.name)
                bundles.append(
                    exchange(
                        each, counted, release=release, namespace=f"{namespace}-{number}",
                        options=options or Options(), created=sandbox.track, stopped=stopped,
                    )
                )  # fmt: skip
            for probe in probes:
                step(f"{probe.description.group}, {probe.description.title}")
                answers.append(run_probe(probe, sandbox))
        finally:
            on_step(f"{name}: clearing up")
            left = sandbox.clear()
        requests = recorder.sent + sum(each.sent for each in clients)
        return replace(
            result, bundles=tuple(bundles), probes=tuple(answers), left=tuple(left), error=recorder.gone,
            requests=requests,
        )  # fmt: skip

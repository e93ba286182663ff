"""What an interoperability test found out; all of it is data, to be printed, saved and compared."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fhir_case.fhir.compare import Difference

__all__ = [
    "STATES",
    "VERDICTS",
    "BundleResult",
    "Exchange",
    "InteropResult",
    "Level",
    "ProbeDescription",
    "ProbeResult",
    "ResourceResult",
    "ServerResult",
    "State",
    "Verdict",
    "deviations",
]

Level = Literal["SHALL", "SHOULD", "MAY"]
Verdict = Literal["pass", "fail", "not applicable", "not run"]
VERDICTS: tuple[Verdict, ...] = get_args(Verdict)
State = Literal["equal", "added", "rewritten", "altered", "lost", "rejected", "not checked"]
STATES: tuple[State, ...] = get_args(State)


def deviations(differences: Iterable[Difference]) -> list[Difference]:
    """Return the differences that change what a resource says: not what servers add, or write in another way."""
    return [each for each in differences if each.kind not in ("added", "rewritten")]


@dataclass(frozen=True, slots=True)
class Exchange:
    """
    One request and its answer, without secrets; long bodies are cut, and say so.

    Args:
        method: The HTTP method.
        url: The whole URL.
        request_body: What was sent; empty when nothing was.
        status: The HTTP status of the answer; 0 when there was none.
        headers: The headers of the answer that tell something: ``ETag``, ``Location``, ``Last-Modified``,
            ``Content-Type``.
        response_body: What came back; in place of an answer, why there was none.
        milliseconds: How long the answer took.
    """

    method: str
    url: str
    request_body: str
    status: int
    headers: dict[str, str]
    response_body: str
    milliseconds: int


@dataclass(frozen=True, slots=True)
class ProbeDescription:
    """
    What a probe asks of a server.

    Args:
        name: Its name in reports and baselines, such as ``transaction-atomic``.
        title: What it asks, in a few words.
        group: The part of FHIR that it belongs to, such as ``Transactions``.
        level: How strongly the specification asks for it.
        specification: The page and place where it does.
        expected: What a server that follows it does.
    """

    name: str
    title: str
    group: str
    level: Level
    specification: str
    expected: str


@dataclass(frozen=True, slots=True)
class ProbeResult:
    """
    What one probe found on one server.

    Args:
        name: The name of the probe.
        verdict: ``pass``; ``fail``; ``not applicable``: the server does not claim it; ``not run``: it could not be
            asked. The last two count neither for the server nor against it.
        observed: What the server did, in a sentence.
        exchanges: The requests and answers that show it.
    """

    name: str
    verdict: Verdict
    observed: str
    exchanges: tuple[Exchange, ...] = ()


@dataclass(frozen=True, slots=True)
class ResourceResult:
    """
    What a server made of one resource.

    Args:
        resource: ``Type/id`` in the Bundle, or what else names it.
        stored_as: ``Type/id`` on the server; empty when it is not there.
        state: ``equal``; ``added``: with what servers add; ``rewritten``: the same in another spelling; ``altered``;
            ``lost``: accepted, and not there; ``rejected``: refused; ``not checked``.
        differences: All that is not the same, with both values.
        reason: Why it is rejected, lost or not checked.
    """

    resource: str
    stored_as: str
    state: State
    differences: tuple[Difference, ...] = ()
    reason: str = ""


@dataclass(frozen=True, slots=True)
class BundleResult:
    """
    What a server made of one case or Bundle.

    Args:
        name: The name of the case, or the file.
        resources: One for each resource; none when it was not sent.
        error: Why it was not sent, or broken off; empty when all of it was tried.
        warnings: What the plan said beforehand.
    """

    name: str
    resources: tuple[ResourceResult, ...] = ()
    error: str = ""
    warnings: tuple[str, ...] = ()

    @property
    def counts(self) -> dict[State, int]:
        """Return how many resources are in each state."""
        found = Counter(each.state for each in self.resources)
        return {state: found[state] for state in STATES}


@dataclass(frozen=True, slots=True)
class ServerResult:
    """
    What was found out about one server.

    Args:
        name: What it is called in this test.
        base_url: Its base URL, without secrets.
        fhir: The release of FHIR that it says it speaks; empty when it does not tell.
        software: Its software and version, as its CapabilityStatement says.
        bundles: One for each case or Bundle, in the order given.
        probes: One for each probe, in the order of `InteropResult.probes`.
        left: What could not be removed afterwards: ``Type/id`` and why.
        error: Why it could not be tested at all, or to the end; empty otherwise.
        requests: How many requests it got, those of loading, of waiting for an index and of clearing up included.
    """

    name: str
    base_url: str
    fhir: str = ""
    software: str = ""
    bundles: tuple[BundleResult, ...] = ()
    probes: tuple[ProbeResult, ...] = ()
    left: tuple[str, ...] = ()
    error: str = ""
    requests: int = 0

    @property
    def counts(self) -> dict[Verdict, int]:
        """Return how many probes have each verdict."""
        found = Counter(each.verdict for each in self.probes)
        return {verdict: found[verdict] for verdict in VERDICTS}


@dataclass(frozen=True, slots=True)
class InteropResult:
    """
    What one test of several servers found out.

    Args:
        fhir_case: The version of this program.
        started: When it was begun, as an instant of FHIR.
        probes: What was asked, in the order of the reports.
        servers: One for each server, in the order given.
    """

    fhir_case: str
    started: str
    probes: tuple[ProbeDescription, ...] = ()
    servers: tuple[ServerResult, ...] = ()

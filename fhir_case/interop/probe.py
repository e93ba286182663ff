"""A question to a FHIR server, with its place in the specification, and how it is put."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fhir_case.errors import FhirCaseError
from fhir_case.interop.failure import place_of
from fhir_case.interop.result import ProbeDescription, ProbeResult
from fhir_case.interop.verdict import VerdictError

if TYPE_CHECKING:
    from collections.abc import Callable

    from fhir_case.interop.result import Level, Verdict
    from fhir_case.interop.sandbox import Sandbox

__all__ = ["Probe", "ProbeGroup", "run_probe"]

# What a server sends may have any shape, and a probe looks for a certain one.
_SHAPES = (TypeError, ValueError, AttributeError, LookupError, ArithmeticError, RecursionError)
_SPECIFICATION = "https://hl7.org/fhir/R4/"


@dataclass(frozen=True, slots=True)
class Probe:
    """
    A question.

    Args:
        description: What it asks, and where the specification says so.
        ask: Asks, and returns in a sentence what a server that passes did; it raises a `VerdictError` otherwise.
    """

    description: ProbeDescription
    ask: Callable[[Sandbox], str]


class ProbeGroup:
    """
    The questions about one part of FHIR, in the order in which they are written.

    Args:
        title: What reports call the part, such as ``Transactions``.
    """

    def __init__(self, title: str) -> None:
        self.title = title
        self.probes: list[Probe] = []

    def probe(
        self, title: str, *, level: Level, page: str, expected: str
    ) -> Callable[[Callable[[Sandbox], str]], Callable[[Sandbox], str]]:
        """
        Make a probe of the group of a function; its name becomes the name of the probe.

        Args:
            page: Page and anchor in the specification, such as ``http.html#create``.
        """

        def add(function: Callable[[Sandbox], str]) -> Callable[[Sandbox], str]:
            name = function.__name__.replace("_", "-")
            description = ProbeDescription(name, title, self.title, level, _SPECIFICATION + page, expected)
            self.probes.append(Probe(description, function))
            return function

        return add


def run_probe(one: Probe, sandbox: Sandbox) -> ProbeResult:
    """Ask one server one question; whatever happens is in the result."""
    mark = len(sandbox.recorder.exchanges)
    verdict: Verdict
    try:
        observed, verdict = one.ask(sandbox), "pass"
    except VerdictError as error:
        observed, verdict = str(error), error.verdict
    except FhirCaseError as error:
        observed, verdict = error.message, "not run"
    except _SHAPES as error:
        observed, verdict = f"the answer has another shape than FHIR says ({type(error).__name__})", "fail"
    except Exception as error:  # what else an answer can lead to costs one question, not the test
        observed, verdict = f"an answer could not be used ({place_of(error)})", "not run"
    exchanges = tuple(sandbox.recorder.exchanges[mark:])
    del sandbox.recorder.exchanges[mark:]
    return ProbeResult(one.description.name, verdict, observed, exchanges)

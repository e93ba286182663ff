"""A question to a FHIR server, with its place in the specification, and how it is put."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fhir_case.errors import FhirCaseError
from fhir_case.interop.result import ProbeDescription, ProbeResult
from fhir_case.interop.verdict import FailError, NotApplicableError, NotRunError

if TYPE_CHECKING:
    from collections.abc import Callable

    from fhir_case.interop.result import Level, Verdict
    from fhir_case.interop.sandbox import Ground

__all__ = ["Probe", "probe", "run_probe"]

_SPECIFICATION = "https://hl7.org/fhir/R4/"


@dataclass(frozen=True, slots=True)
class Probe:
    """
    A question.

    Args:
        description: What it asks, and where the specification says so.
        ask: Puts it, and gives in a sentence what a server that passes did. It raises what `verdict` holds otherwise.
    """

    description: ProbeDescription
    ask: Callable[[Ground], str]


def probe(
    group: str, title: str, *, level: Level, page: str, expected: str
) -> Callable[[Callable[[Ground], str]], Probe]:
    """
    Make a probe of a function; its name becomes the name of the probe.

    Args:
        page: Page and anchor in the specification, such as ``http.html#create``.
    """

    def made(function: Callable[[Ground], str]) -> Probe:
        name = function.__name__.replace("_", "-")
        return Probe(ProbeDescription(name, title, group, level, _SPECIFICATION + page, expected), function)

    return made


def run_probe(one: Probe, ground: Ground) -> ProbeResult:
    """Put one question to one server; whatever happens is in the result."""
    mark = len(ground.talk.exchanges)
    verdict: Verdict
    try:
        observed, verdict = one.ask(ground), "pass"
    except FailError as error:
        observed, verdict = str(error), "fail"
    except NotApplicableError as error:
        observed, verdict = str(error), "not applicable"
    except NotRunError as error:
        observed, verdict = str(error), "not run"
    except FhirCaseError as error:
        observed, verdict = error.message, "not run"
    except (TypeError, ValueError, AttributeError, KeyError, IndexError) as error:
        # What a server sends may have any shape, and a probe looks for a certain one.
        observed, verdict = f"the answer has another shape than FHIR says ({type(error).__name__})", "fail"
    exchanges = tuple(ground.talk.exchanges[mark:])
    del ground.talk.exchanges[mark:]
    return ProbeResult(one.description.name, verdict, observed, exchanges)

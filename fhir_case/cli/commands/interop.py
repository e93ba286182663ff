"""``fhir-case interop``: test several FHIR servers with the same resources and the same probes."""

from __future__ import annotations

import os
import sys
from functools import partial
from pathlib import Path
from shutil import get_terminal_size
from typing import TYPE_CHECKING, Any

import click

from fhir_case.cli.options import completion
from fhir_case.cli.options.building import codes_option
from fhir_case.cli.options.declarations import (
    ANY_FILE,
    EXISTING_FILE,
    fhir_option,
    output_options,
    seconds_option,
    start_timeout_option,
    timeout_option,
)
from fhir_case.cli.options.files import require_writable, say_pipe, write_output
from fhir_case.cli.options.named_servers import named_server, server_names_option, started_within
from fhir_case.cli.options.pages import open_option, open_page, require_page
from fhir_case.cli.options.probes import chosen_probes, probe_options
from fhir_case.cli.output import echo_json, echo_notice, echo_styled, echo_text
from fhir_case.errors import ExitCode, FhirCaseError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from fhir_case.interop.baseline import Change
    from fhir_case.interop.inputs import Input
    from fhir_case.interop.probe import Probe
    from fhir_case.interop.result import InteropResult, ServerResult, State
    from fhir_case.server.named import NamedServer

__all__ = ["interop"]

_SPOILT: tuple[State, ...] = ("altered", "lost", "rejected")


@click.command()
@click.argument("inputs", nargs=-1, metavar="[CASE|BUNDLE]...", shell_complete=completion.cases)
@server_names_option
@fhir_option()
@codes_option
@probe_options
@click.option("--html", type=ANY_FILE, metavar="FILE", help="Write the matrix with its evidence as one HTML page.")
@open_option
@click.option(
    "--json", "json_file", type=ANY_FILE, metavar="FILE", help="Write everything as JSON (- to standard output)."
)
@click.option("--junit", type=ANY_FILE, metavar="FILE", help="Write JUnit XML for a build server.")
@click.option("--markdown", type=ANY_FILE, metavar="FILE", help="Write the matrix as Markdown tables.")
@click.option("--test-report", type=ANY_FILE, metavar="FILE", help="Write a Bundle of FHIR TestReports.")
@click.option("--other-release", is_flag=True, help="Send also what is written in another release than the server's.")
@click.option(
    "--baseline", type=EXISTING_FILE, metavar="FILE",
    help="Compare with an earlier --json file."
)  # fmt: skip
@click.option(
    "--fail-on", type=click.Choice(["nothing", "shall", "any"]), default="nothing",
    help="Exit with 5 when a SHALL, or anything, fails, or a resource is altered, lost or rejected."
)  # fmt: skip
@seconds_option("--patience", "patience_s", 5.0, "How long to repeat a search until it finds what was stored.")
@start_timeout_option()
@timeout_option(60.0)
@output_options()
def interop(
    inputs: tuple[str, ...],
    names: tuple[str, ...],
    *,
    fhir: str,
    chosen: tuple[str, ...],
    no_probes: bool,
    other_release: bool,
    baseline: Path | None,
    fail_on: str,
    patience_s: float,
    start_timeout_s: float | None,
    timeout_s: float,
    form: str,
    opens_page: bool,
    **files: Path | None,
) -> None:
    """
    Load the same cases and Bundles into several servers, and run the same probes on each.

    CASE is the name of a shipped case or a YAML file, and is built for the release of each server; BUNDLE is a JSON
    file. Each server is used in a namespace of its own, which is cleared afterwards. Servers are URLs, or names from
    servers.toml (here, or in the user's configuration folder); those with a start command are started.

    The exit code is 5 when something is worse than in the baseline, or --fail-on says so, and 6 when a server could
    not be tested at all.
    """
    from fhir_case.interop.baseline import compare_with
    from fhir_case.report.interop.json import interop_value
    from fhir_case.report.interop.text import changes_text
    from fhir_case.server.redaction import redacted

    require_page(files["html"], opens_page=opens_page)
    if _on_output(files) + (form == "json") > 1:
        raise click.UsageError("Only one report can be on standard output (-, or --format json).")
    given = _inputs(inputs, "" if other_release else fhir)
    probes = () if no_probes else chosen_probes(chosen)
    if not given and not probes:
        raise click.UsageError("Nothing to do: name a case or a Bundle, or leave out --no-probes.")
    _check_writable(files.values())
    wanted = [started_within(named_server(name), start_timeout_s) for name in dict.fromkeys(names)]
    result = redacted(
        _tested(wanted, given, probes, patience_s=patience_s, timeout_s=timeout_s, other_release=other_release)
    )
    changes = compare_with(baseline, result) if baseline else ()
    _write(files, result)
    open_page(files["html"], wanted=opens_page)
    if form == "json":
        echo_json({"test": interop_value(result), "changes": changes if baseline else None})
    elif not _on_output(files):
        _show(result)
        if baseline:
            echo_text(changes_text(changes))
    elif baseline:
        for line in changes_text(changes).splitlines():
            echo_notice(line)
    sys.exit(_exit_code(result, changes, fail_on))


def _show(result: InteropResult) -> None:
    from fhir_case.report.interop.text import interop_text

    on_terminal = sys.stdout.isatty()
    width = get_terminal_size().columns if on_terminal else None
    colour = on_terminal and not os.environ.get("NO_COLOR")
    (echo_styled if colour else echo_text)(interop_text(result, width=width, colour=colour))


def _on_output(files: dict[str, Path | None]) -> int:
    """Return how many reports go to standard output, which then has nothing else."""
    return sum(str(path) == "-" for path in files.values())


def _inputs(names: Iterable[str], fhir: str) -> list[Input]:
    from fhir_case.bounded import read_bounded
    from fhir_case.documents import MAXIMUM_BYTES
    from fhir_case.fhir import wire
    from fhir_case.interop.inputs import bundle_input, case_input
    from fhir_case.mapping import shipped_cases
    from fhir_case.readers import load_case

    found = []
    shipped = {each.name for each in shipped_cases()}
    for name in names:
        path = Path(name)
        if name in shipped or path.suffix in (".yaml", ".yml"):
            found.append(case_input(path.stem if path.suffix else name, load_case(name)))
            continue
        say_pipe(path)
        try:
            content = wire.parse(read_bounded(path, MAXIMUM_BYTES, pipes=True))
        except OSError as error:
            hint = "nor is it the name of a shipped case"
            raise click.UsageError(f"{name} cannot be read: {error.strerror}; {hint}.") from None
        except ValueError as error:
            raise FhirCaseError(f"it is not valid JSON: {error}", where=name, hint="give a case or a Bundle") from None
        if not isinstance(content, dict) or content.get("resourceType") != "Bundle":
            raise FhirCaseError("it is not a Bundle", where=name, hint="give a case or a Bundle")
        # A name that is not UTF-8 is the same in the reports, which a later test compares with.
        found.append(bundle_input(path.name.encode(errors="backslashreplace").decode(), content, fhir))
    return found


def _check_writable(files: Iterable[Path | None]) -> None:
    """Refuse a report that cannot be written before the test, not after it."""
    for path in files:
        if path is not None and str(path) != "-" and not path.absolute().parent.is_dir():
            raise click.UsageError(f"{path}: the folder does not exist.")
        if path is not None and str(path) != "-":
            require_writable(path)


def _tested(
    wanted: Sequence[NamedServer], inputs: Sequence[Input], probes: Sequence[Probe], *,
    patience_s: float, timeout_s: float, other_release: bool,
) -> InteropResult:  # fmt: skip
    from datetime import UTC, datetime
    from importlib.metadata import version
    from secrets import token_hex

    from fhir_case.interop.result import InteropResult
    from fhir_case.interop.side_by_side import side_by_side

    started = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    namespace = f"interop-{token_hex(3)}"
    test = partial(
        _one,
        inputs=inputs,
        probes=probes,
        namespace=namespace,
        patience_s=patience_s,
        timeout_s=timeout_s,
        show=echo_notice,
        other_release=other_release,
    )
    results = tuple(side_by_side([partial(test, named) for named in wanted]))
    return InteropResult(version("fhir-case"), started, tuple(one.description for one in probes), results)


def _one(
    named: Any, stopped: Callable[[], bool], *, inputs: Sequence[Input], probes: Sequence[Probe],
    namespace: str, patience_s: float, timeout_s: float, show: Any, other_release: bool,
) -> ServerResult:  # fmt: skip
    """Test one server; that it cannot be reached or started is a result too, and the others are still tested."""
    from fhir_case.cli.progress.server import lines
    from fhir_case.interop.failure import place_of
    from fhir_case.interop.result import ServerResult
    from fhir_case.interop.run import interop_server
    from fhir_case.load.run.load import Options
    from fhir_case.server.named import open_server

    show(f"{named.name}: {'starting' if named.start else 'connecting'}")
    try:
        with open_server(named, os.environ, listener=lines(lambda line: show(f"{named.name}: {line}"))) as server:
            return interop_server(
                named.name, partial(server.client, timeout_s=timeout_s), server.connection, inputs,
                namespace=namespace, fhir=named.fhir, probes=probes, timeout_s=(min(10.0, timeout_s), timeout_s),
                wait_s=patience_s, on_step=show, stopped=stopped,
                options=Options(
                    caps=named.caps, policy=named.retry, real_patient_data=named.real_patient_data,
                    other_release=other_release,
                ),
            )  # fmt: skip
    except FhirCaseError as error:
        return ServerResult(named.name, named.url, named.fhir, error=str(error))
    except Exception as error:  # whatever one server answers, the report of the others is written
        reason = f"an answer of the server could not be used ({place_of(error)}: {error})"
        return ServerResult(named.name, named.url, named.fhir, error=reason)


def _write(files: dict[str, Path | None], result: InteropResult) -> None:
    from fhir_case.report.interop.json import interop_json
    from fhir_case.report.interop.junit import interop_junit
    from fhir_case.report.interop.page import interop_page
    from fhir_case.report.interop.text import interop_markdown

    writers: dict[str, Callable[[InteropResult], bytes | str]] = {
        "html": interop_page,
        "json_file": interop_json,
        "junit": interop_junit,
        "markdown": interop_markdown,
        "test_report": _test_reports,
    }
    for name, path in files.items():
        if path is not None:
            content = writers[name](result)
            write_output(path, content.encode() if isinstance(content, str) else content)


def _test_reports(result: InteropResult) -> bytes:
    from uuid import NAMESPACE_URL, uuid5

    from fhir_case.fhir import wire
    from fhir_case.report.interop.testreport import interop_test_reports

    entries = [
        {"fullUrl": f"urn:uuid:{uuid5(NAMESPACE_URL, f'urn:fhir-case {result.started} {number}')}", "resource": each}
        for number, each in enumerate(interop_test_reports(result))
    ]
    return wire.dump({"resourceType": "Bundle", "type": "collection", "entry": entries}, indent=True)


def _exit_code(result: InteropResult, changes: Sequence[Change], fail_on: str) -> ExitCode:
    if any(server.error for server in result.servers):
        return ExitCode.SERVER
    if any(change.direction == "worse" for change in changes):
        return ExitCode.FINDINGS
    levels: set[str] = {"nothing": set(), "shall": {"SHALL"}, "any": {"SHALL", "SHOULD", "MAY"}}[fail_on]
    if not levels:
        return ExitCode.DONE
    failing = {each.name for each in result.probes if each.level in levels}
    wrong = any(
        any(each.verdict == "fail" and each.name in failing for each in server.probes)
        or any(bundle.error or any(bundle.counts[state] for state in _SPOILT) for bundle in server.bundles)
        for server in result.servers
    )
    return ExitCode.FINDINGS if wrong else ExitCode.DONE

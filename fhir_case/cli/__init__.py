"""
The command line: the only part that prints and ends the process.

A command is imported when it is called, so that ``--help`` starts fast.
"""

from __future__ import annotations

import errno
import gc
import os
import sys
from importlib import import_module
from keyword import iskeyword
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from fhir_case.errors import ExitCode

__all__ = ["collect_garbage_rarely", "main"]


_OUTPUT_FAILED = {errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EFBIG}
_OBJECTS_BETWEEN_COLLECTIONS = (100_000, 20, 100)


# In the order in which a user needs them.
COMMANDS = {
    "run": "Do it all: build, validate, upload, verify.",
    "cases": "List the shipped cases.",
    "new": "Write a commented starter file for a case of your own.",
    "schema": "Write the JSON Schema of the case file.",
    "mappings": "List the mappings and where each comes from.",
    "codes": "List and search the short names that a case file can use, with their codes.",
    "import": "Turn tables of many patients into case files, by a recipe.",
    "build": "Turn a case into a FHIR Bundle.",
    "synth": "Make a cohort of patients like that of a case.",
    "views": "List and write views for those who query: SQL on FHIR for mCODE.",
    "explain": "Say of each fact of a case by which element and code it is expressed, or that it is not.",
    "validate": "Check FHIR JSON or a case file, and say what was not checked.",
    "upload": "Load FHIR files into a server, each resource once.",
    "timeline": "Draw the course of a patient as SVG, HTML or PNG.",
    "export": "Write a case or FHIR of one patient in the format of another community: phenopackets.",
    "verify": "Read back from a server what was loaded, and compare.",
    "undo": "Delete what an upload created.",
    "interop": "Test FHIR servers with the same resources, and compare them.",
    "packages": "Add and list the FHIR packages by which profiles are checked.",
    "server": "The embedded HAPI FHIR server, and servers by name.",
    "completion": "Write what makes a shell complete the words of a command line.",
    "doctor": "Say what is there on this machine, and what is missing for what.",
}


class _LazyGroup(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's signature
        if cmd_name not in COMMANDS:
            return None
        from fhir_case.cli.help import with_help

        name = f"{cmd_name}_" if iskeyword(cmd_name) else cmd_name
        return with_help(getattr(import_module(f"fhir_case.cli.commands.{name}"), name), cmd_name)

    def invoke(self, ctx: click.Context) -> object:
        """Run a command; exit with 0, not 1 as click does, when the reader of the output goes away (head, less)."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            sys.stdout = None  # Python would flush it again
            sys.exit(0)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - click's signature
        """List the commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - click's signature
        """List the exit codes."""
        from fhir_case.errors import ExitCode

        with formatter.section("Exit codes"):
            formatter.write_dl([(str(code.value), code.meaning) for code in ExitCode])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0] if args else ""
        if name and not name.startswith("-") and name not in COMMANDS:
            from fhir_case.wording import did_you_mean

            ctx.fail(f"No such command '{name}'." + did_you_mean(name, COMMANDS, before=" ", sentence=True))
        return super().resolve_command(ctx, args)


@click.group(
    cls=_LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100, "show_default": True},
)
@click.version_option(package_name="fhir-case", message="%(prog)s %(version)s")
@click.option("--debug", is_flag=True, expose_value=False, help="Show the Python traceback of an error, too.")
def cli() -> None:
    """A written clinical case in, a validated FHIR Bundle on any FHIR server out, with proof of what arrived."""


def collect_garbage_rarely() -> None:
    """
    Make Python look for reference cycles rarely, in the whole process.

    Documents, plans and responses have none, and Python would traverse all of them again and again: that took a third
    of the processor time of a load.
    """
    gc.set_threshold(*_OBJECTS_BETWEEN_COLLECTIONS)


def main(arguments: list[str] | None = None) -> None:
    """
    Run the command line and end the process with one of `fhir_case.errors.ExitCode`.

    A `FhirCaseError` becomes one or more lines on standard error; a bug keeps its traceback. With ``--format json`` the
    answer is written last, whatever happened.
    """
    try:
        _run(arguments)
    except KeyboardInterrupt:  # before or after the command, which takes its own
        from fhir_case.cli.output import echo_error
        from fhir_case.errors import ExitCode

        echo_error("interrupted", before="fhir-case: ")
        sys.exit(ExitCode.INTERRUPTED)


def _run(arguments: list[str] | None) -> None:
    from fhir_case.cli.answer import asks_for_json
    from fhir_case.cli.output import begin, echo_answer, note_bug
    from fhir_case.errors import ExitCode

    arguments, debug = _without_debug(sys.argv[1:] if arguments is None else arguments)
    begin(as_json=asks_for_json(arguments))
    collect_garbage_rarely()
    try:
        try:
            exit_code = _ended(arguments, debug)
        except Exception as bug:
            note_bug(bug)
            echo_answer(ExitCode.FAILED)
            raise
        echo_answer(exit_code)
    except BrokenPipeError:
        sys.stdout = None  # Python would flush it again
        sys.exit(ExitCode.DONE)
    except OSError as error:
        sys.exit(_file_failed(error, debug))
    if exit_code:
        sys.exit(exit_code)


def _ended(arguments: list[str], debug: bool) -> ExitCode:
    """Run a command, tell what went wrong, and return how it ended."""
    from fhir_case.cli.output import echo_error, echo_notice, echo_usage_error
    from fhir_case.errors import BundleError, CaseError, ExitCode, FhirCaseError

    try:
        return _exit_code(cli.main(args=arguments, prog_name="fhir-case", standalone_mode=False))
    except SystemExit as end:
        return _exit_code(end.code)
    except click.ClickException as error:
        echo_usage_error(error)
        return _exit_code(error.exit_code)
    except click.Abort:
        echo_error("interrupted", before="fhir-case: ")
        return ExitCode.INTERRUPTED
    except FhirCaseError as error:
        _show_traceback(debug)
        problems = error.problems if isinstance(error, CaseError | BundleError) else ()
        for problem in problems:
            echo_error(problem)
        if not problems:
            echo_error(error, before="fhir-case: ")
        elif len(problems) > 1:
            echo_notice(f"{len(problems)} problems in the {'case file' if isinstance(error, CaseError) else 'files'}")
        return error.exit_code
    except OSError as error:
        return _file_failed(error, debug)


def _exit_code(number: object) -> ExitCode:
    from fhir_case.errors import ExitCode

    return next(code for code in ExitCode if code == (number or 0))


def _file_failed(error: OSError, debug: bool) -> ExitCode:
    """Report that a file, or the output, cannot be read or written; any other error of the system is a bug."""
    from fhir_case.cli.output import echo_error
    from fhir_case.errors import ExitCode, FhirCaseError

    if error.filename is None and error.errno not in _OUTPUT_FAILED:
        raise error
    _show_traceback(debug)
    if error.filename is not None:
        echo_error(FhirCaseError(str(error.strerror), where=os.fsdecode(error.filename)), before="fhir-case: ")
    else:
        sys.stdout = None
        echo_error(f"the output cannot be written: {error.strerror}", before="fhir-case: ")
    return ExitCode.FAILED


def _without_debug(arguments: list[str]) -> tuple[list[str], bool]:
    """Return the arguments without ``--debug``, which may stand anywhere, and whether it was there."""
    end = arguments.index("--") if "--" in arguments else len(arguments)
    options = [each for each in arguments[:end] if each != "--debug"]
    return [*options, *arguments[end:]], len(options) < end


def _show_traceback(debug: bool) -> None:
    if debug:
        from traceback import format_exc

        from fhir_case.cli.output import echo_traceback

        echo_traceback(format_exc())

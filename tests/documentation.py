"""
The code blocks of a page: its files are written, and its commands are run as a reader would, in their order.

A block whose first line is ``# NAME.EXTENSION`` is a file, with this line but in CSV, which has no comments; with
``, continued`` behind the name it is added to it. In a
block of the language ``console`` a line that begins with ``$`` is a command, and what follows is what it prints; a line
``…`` stands for any lines, and no lines at all for any output. ``$ echo $?`` shows the exit code of the command before;
without it the command has to end with 0. What is not run is written as ``sh``: it installs, or needs a network.
"""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING, NamedTuple

from support import run_command

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", flags=re.MULTILINE | re.DOTALL)
_FILE = re.compile(r"# ([\w.-]+\.\w+)(, continued)?\n")
_ANY = "…"


class Command(NamedTuple):
    """
    A command of a page.

    Args:
        line: As it is shown, without the prompt.
        shown: What the page shows as its output.
        told: What it printed: standard output, then standard error.
        exit_code: How it ended.
        shows_code: Whether the page shows the exit code behind it, and which.
    """

    line: str
    shown: str
    told: str
    exit_code: int
    shows_code: int


def blocks(page: str) -> Iterator[tuple[str, str]]:
    """Yield each code block of a page, its language and its text."""
    for found in _BLOCK.finditer(page):
        yield found[1], found[2]


def commands_in(text: str) -> list[tuple[str, str]]:
    """Return each command of a block with the output that is shown under it."""
    parts = re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]
    return [(line, shown) for line, _, shown in (part.partition("\n") for part in parts)]


def run_page(page: str, folder: Path, fitted: Callable[[str], str]) -> Iterator[Command]:
    """
    Write the files of a page to a folder and run its commands there.

    Args:
        fitted: Return a command with the server and the packages of the tests in place of those of the reader.
    """
    for language, text in blocks(page):
        if file := _FILE.match(text):
            with (folder / file[1]).open("a" if file[2] else "w", encoding="utf-8") as opened:
                opened.write(text[file.end() :] if file[2] or file[1].endswith(".csv") else text)
        if language != "console":
            continue
        written = commands_in(text)
        for number, (line, shown) in enumerate(written):
            if line == "echo $?":
                continue
            follower = written[number + 1] if number + 1 < len(written) else ("", "")
            code = int(follower[1]) if follower[0] == "echo $?" else 0
            program, *arguments = shlex.split(fitted(line))
            assert program == "fhir-case", line
            target = arguments.index(">") if ">" in arguments else len(arguments)
            done = run_command(*arguments[:target], cwd=folder)
            if arguments[target + 1 :]:
                (folder / arguments[-1]).write_text(done.stdout, encoding="utf-8")
            yield Command(line, shown, scrubbed(done.stdout + done.stderr), done.exit_code, code)


def scrubbed(output: str) -> str:
    """Return the output without what differs between runs: seconds, ports and the width of columns."""
    output = re.sub(r"^(\w+) +\d+\.\d s  ", r"\1 N s  ", output, flags=re.MULTILINE)
    output = re.sub(r"\b\d+\.\d s\b", "N s", output)
    output = re.sub(r"(127\.0\.0\.1|localhost):\d+", "127.0.0.1:PORT", output)
    return re.sub(r"(?<=\S)  +", "  ", re.sub(r" +$", "", output, flags=re.MULTILINE)).strip()


def shows(shown: str, told: str) -> bool:
    """Whether a page shows an output; a line ``…`` stands for any lines."""
    lines = [_ANY if line == _ANY else re.escape(line) for line in scrubbed(shown).splitlines()]
    pattern = "\n".join(lines).replace(f"{_ANY}\n", "(?:.*\n)*").replace(_ANY, "(?:.*\n?)*")
    return not shown.strip() or re.fullmatch(pattern, told) is not None

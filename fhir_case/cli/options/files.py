"""The files that a user names, and what commands write."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from secrets import token_hex
from typing import TYPE_CHECKING, TypeGuard

import click

from fhir_case.cli.options.declarations import usage_errors
from fhir_case.cli.output import echo_data, echo_notice
from fhir_case.ownership import foreign_link

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

__all__ = ["expanded", "is_file", "lines_to", "require_writable", "say_pipe", "write_file", "write_output"]

_FOR_THE_OWNER = 0o600
_PIPES_OF_SHELLS = ("/dev/", "/proc/")
_LONGEST_NAME = 60  # of 255 bytes, in which the temporary name has to fit


def expanded(patterns: Sequence[str]) -> list[Path | None]:
    """
    Return the paths of names and patterns; None stands for standard input, which is written ``-``.

    Raises:
        click.UsageError: One of them matches no file.
    """
    from fhir_case.documents import expand

    paths: list[Path | None] = []
    with usage_errors():
        for pattern in patterns:
            paths += (
                [None] if pattern == "-" else [recipe] if (recipe := _shipped_recipe(pattern)) else expand([pattern])
            )
    for path in filter(None, paths):
        say_pipe(path)
    return paths


def _shipped_recipe(name: str) -> Path | None:
    """Return the file of a shipped recipe of this name; a file or a pattern is none."""
    if not name.replace("-", "").isalnum() or os.path.exists(name):  # noqa: PTH110 - a name may be too long for Path
        return None
    from fhir_case.readers.table.options import shipped_recipe

    return shipped_recipe(name)


def say_pipe(path: Path) -> None:
    """Say that a pipe is waited for, except for one of the shell, into which something is written already."""
    if path.is_fifo() and not str(path).startswith(_PIPES_OF_SHELLS):
        echo_notice(f"Waiting for what is written into the pipe {path}")


def is_file(path: Path | None) -> TypeGuard[Path]:
    """Whether an option names a file to write, and not standard output, by ``-`` or without any."""
    return path is not None and str(path) != "-"


def require_writable(path: Path) -> None:
    """
    Refuse a file that cannot be written before the work, not after it.

    Raises:
        click.BadParameter: Nothing can be written in its folder, or in that in which its folder would be made.
    """
    folder = path.absolute().parent
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    if not folder.is_dir() or not os.access(folder, os.W_OK | os.X_OK):
        raise click.BadParameter(f"{path}: nothing can be written in {folder}")


def write_output(path: Path | None, content: bytes) -> bool:
    """Write to a file, or to standard output where there is none or it is ``-``; return whether it was a file."""
    if is_file(path):
        write_file(path, content)
        return True
    echo_data(content)
    return False


@contextlib.contextmanager
def lines_to(path: Path | None) -> Iterator[Callable[[bytes], object]]:
    """
    Return what writes a line, to a file or to standard output; the file is put in place when all lines are written.

    Raises:
        click.ClickException: The file cannot be written.
    """
    if path is None or str(path) == "-":
        yield echo_data
        return
    try:
        _refuse_foreign_link(path)
        path = path.resolve()
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f".{path.name[:_LONGEST_NAME]}.{token_hex(4)}")
        try:
            with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _FOR_THE_OWNER), "wb") as file:
                yield file.write
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
    except OSError as error:
        raise click.ClickException(f"{path}: {error.strerror}") from None


def write_file(path: Path, content: bytes) -> None:
    """
    Write a file whole or not at all.

    It is for its owner alone, since it may hold patients; one that is there keeps its permissions. A link of the user's
    own is followed and stays; one that somebody else has put there is not.

    Raises:
        click.ClickException: The file cannot be written; what stood there before is still there.
    """
    try:
        _refuse_foreign_link(path)
        path = path.resolve()  # what a link points to is written, not the link
        if path.exists() and not path.is_file() and not path.is_dir():
            path.write_bytes(content)  # a pipe or a device cannot be put in place
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        _put_in_place(path, content)
    except OSError as error:
        raise click.ClickException(f"{path}: cannot be written: {error.strerror or error}") from error


def _refuse_foreign_link(path: Path) -> None:
    """Raise OSError for a link of another user, also among the folders: who made it chooses what is replaced."""
    link = foreign_link(path)
    if link is not None:
        raise OSError(errno.EPERM, f"{'it' if link == path.absolute() else link} is a link of another user")


def _put_in_place(path: Path, content: bytes) -> None:
    """Write a new file under a name that nobody can foresee, opened only if it is new, and rename it."""
    mode = stat.S_IMODE(path.stat().st_mode) if path.is_file() else _FOR_THE_OWNER
    part = path.with_name(f".{path.name[:_LONGEST_NAME]}.{token_hex(8)}.part")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
    with os.fdopen(os.open(part, flags, _FOR_THE_OWNER), "wb") as file:
        try:
            file.write(content)
            file.flush()
            if mode != _FOR_THE_OWNER:
                part.chmod(mode)
            part.replace(path)
        except OSError:
            with contextlib.suppress(OSError):
                part.unlink(missing_ok=True)
            raise

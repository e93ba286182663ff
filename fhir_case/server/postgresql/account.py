"""
The account that PostgreSQL runs as: one's own, and for root an ordinary one, since PostgreSQL refuses root.

No account is made, and no folder is opened to others: where the account may not enter a folder above the data, it gets
the folder of the data as an open file, and where it may not enter one above the programs, a copy of them.
"""

from __future__ import annotations

import os
import stat
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fhir_case.errors import CheckerError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Account", "account", "check_reach"]

_ACCOUNTS = ("postgres", "nobody")


@dataclass(frozen=True, slots=True)
class Account:
    """
    An account of this system.

    Args:
        name: Its name; empty for the one that this process has anyway.
        user: Its number, for `subprocess`; None: that of this process.
        group: The number of its group; None: that of this process.
    """

    name: str = ""
    user: int | None = None
    group: int | None = None

    @property
    def further_groups(self) -> tuple[int, ...] | None:
        """Return the further groups of its processes; None: those of this process."""
        return () if self.name else None

    def own(self, path: Path) -> None:
        """Make this account the owner of a file or folder."""
        if self.user is not None and self.group is not None:
            os.chown(path, self.user, self.group)

    def closed_parent(self, path: Path) -> Path | None:
        """Return the first folder on the way to a path into which this account may not go; None: it gets there."""
        if not self.name:
            return None
        for folder in reversed(path.resolve().parents):
            status = folder.stat()
            own, group = status.st_uid == self.user, status.st_gid == self.group
            right = stat.S_IXUSR if own else stat.S_IXGRP if group else stat.S_IXOTH
            if not status.st_mode & right:
                return folder
        return None


def account(data: Path | None = None) -> Account:
    """
    Return the account that PostgreSQL runs as.

    Args:
        data: Data that may be there already, and then belong to the account that made them.

    Raises:
        CheckerError: This is root, and there is no ordinary account.
    """
    if not hasattr(os, "geteuid") or os.geteuid() != 0:
        return Account()
    import pwd

    if data is not None and data.is_dir() and (status := data.stat()).st_uid != 0:
        return Account(f"user {status.st_uid}", status.st_uid, status.st_gid)

    for name in _ACCOUNTS:
        try:
            found = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(name, found.pw_uid, found.pw_gid)
    raise CheckerError(
        f"PostgreSQL does not run as root, and there is no account {' or '.join(_ACCOUNTS)}",
        hint="run fhir-case as an ordinary user",
    )


def check_reach(folder: Path) -> None:
    """
    Refuse a folder that the account of PostgreSQL cannot use, where the system does not open it by a number.

    Raises:
        CheckerError: A folder above it is closed to the account.
    """
    who = account()
    closed = None if sys.platform == "linux" else who.closed_parent(folder)
    if closed is not None:
        raise CheckerError(
            f"PostgreSQL does not run as root but as {who.name}, which cannot reach {folder}",
            where=str(closed),
            hint="choose a folder that other users may enter, or run fhir-case as an ordinary user",
        )

"""
The account that PostgreSQL runs as: one's own, and for root an ordinary one, since PostgreSQL refuses root.

No account is made and no folder of others is opened: what the account cannot reach is told.
"""

from __future__ import annotations

import os
import stat
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
        """Give a file or folder to this account."""
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


def account() -> Account:
    """
    Return the account that PostgreSQL runs as.

    Raises:
        CheckerError: This is root, and there is no ordinary account.
    """
    if not hasattr(os, "geteuid") or os.geteuid() != 0:
        return Account()
    import pwd

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


def check_reach(path: Path, what: str) -> None:
    """
    Refuse a place that the account of PostgreSQL does not reach.

    Args:
        path: The place; it need not exist, but the folder that holds it does.
        what: What is there, for the message.

    Raises:
        CheckerError: It does not; with the folder that is closed to it.
    """
    who = account()
    if (closed := who.closed_parent(path)) is not None:
        raise CheckerError(
            f"PostgreSQL does not run as root but as {who.name}, which cannot reach {what}: {path}",
            where=str(closed),
            hint="choose a folder that other users may enter, or run fhir-case as an ordinary user",
        )

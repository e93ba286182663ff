"""Whose files and links these are: in a folder that is shared, another user may have put them there."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["foreign_link", "of_others"]

_OPEN_TO_OTHERS = stat.S_IWGRP | stat.S_IWOTH


def foreign_link(path: Path) -> Path | None:
    """Return the first link on the way to a file that another user has made, who would choose where it leads."""
    seen: set[Path] = set()
    waiting = [path.absolute()]
    while waiting:
        way = waiting.pop()
        for each in (*reversed(way.parents), way):
            if each in seen or not each.is_symlink():
                continue
            seen.add(each)
            if _is_foreign(each.lstat()):
                return each
            waiting.append(each.parent / each.readlink())
    return None


def of_others(status: os.stat_result) -> str:
    """Return why what a file holds may be from another user; empty when it is the own user's alone."""
    if _is_foreign(status):
        return "it belongs to another user"
    if hasattr(os, "getuid") and status.st_mode & _OPEN_TO_OTHERS:
        return "others may write it"
    return ""


def _is_foreign(status: os.stat_result) -> bool:
    return hasattr(os, "getuid") and status.st_uid not in (os.getuid(), 0)

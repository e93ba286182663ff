"""What else happens to loads than a fault on the way, row by row."""

from __future__ import annotations

from functools import partial

from .journals import DAMAGES, damaged, full_disk, full_temporary_folder
from .killing import killed_load, killed_undo
from .others import jumping_clock, restored_server, two_loaders, undo_beside
from .scenario import Scenario

__all__ = ["SCENARIOS", "Scenario"]

_DAMAGES = {
    "torn": "the last line of the journal is torn",
    "doubled": "a line of the journal is there twice",
    "garbled": "bytes of a line of the journal are others",
    "lost": "a line of the journal is gone",
    "foreign": "a line of another journal is in it",
}

SCENARIOS = {
    "kill-load": Scenario("`kill -9` at 20 moments of a load", killed_load),
    "kill-undo": Scenario("`kill -9` at 20 moments of its undo", killed_undo),
    "two-loaders": Scenario("two loaders at once with the same data", two_loaders),
    "undo-beside": Scenario("undo while the load is under way", undo_beside),
    "disk-full": Scenario("the disk of the journal is full", full_disk),
    "temporary-full": Scenario("the disk of the temporary database is full", full_temporary_folder),
    **{
        f"journal-{name}": Scenario(words, partial(damaged, name))
        for name, words in _DAMAGES.items()
        if name in DAMAGES
    },
    "clock": Scenario("the clock jumps by hours and years", jumping_clock),
    "restored": Scenario("the server is restored from an older backup before the load goes on", restored_server),
}
"""Each row of the second table by its name."""

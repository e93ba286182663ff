"""
Whatever happens in whatever order: nothing is lost, nothing doubled, what is not known is said, undo is exact.

Each run of the tests tries the same examples. By hand, for others: ``EXAMPLES=5000 scripts/test -n 0
tests/load/test_state_machine.py``.
"""

from __future__ import annotations

import os
from contextlib import ExitStack

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from load.forms import FORMS
from load.machine import FAULTS, World
from load.process import Process
from smallserver import HAPI

SEVERAL_FAULTS = st.lists(st.sampled_from(tuple(FAULTS)), max_size=4)
MOST_WRITES = st.none() | st.integers(0, 12)
BEFORE_ANYTHING = ("the journal cannot be written", "which this journal says is stored there")
"""Why a run may end that has not looked up yet what an earlier one left open."""
EXAMPLES = int(os.environ.get("EXAMPLES", "0"))


class LoadBeforeAnOddServer(RuleBasedStateMachine):
    """Loads, what goes wrong meanwhile, and what somebody else does."""

    def __init__(self) -> None:
        super().__init__()
        self.stack = ExitStack()
        self.world: World | None = None
        self.state = "new"
        self.strangers = 0

    @initialize(
        software=st.sampled_from([HAPI, "another server"]),
        forms=st.lists(st.sampled_from(tuple(FORMS)), min_size=1, max_size=3),
        gateway=st.sampled_from(["", "", "replaces", "strips"]),
        merged=st.booleans(),
    )
    def begin(self, software: str, forms: list[str], gateway: str, merged: bool) -> None:
        self.world = self.stack.enter_context(World(software, forms, gateway=gateway, merged=merged))

    def teardown(self) -> None:
        self.stack.close()

    @property
    def there(self) -> World:
        assert self.world is not None
        return self.world

    @precondition(lambda self: self.state in ("new", "begun", "loaded"))
    @rule(faults=SEVERAL_FAULTS, writes=MOST_WRITES, kept=st.sampled_from([0.0, 0.5, 1.0]), full=st.booleans())
    def upload(self, faults: list[str], writes: int | None, kept: float, full: bool) -> None:
        found = self.there.upload(faults, Process(writes, kept=kept, full=full))
        self.state = "loaded" if found == "done" else "begun"
        if found != "killed" and not any(why in found for why in BEFORE_ANYTHING):
            self.the_journal_is_true()

    @precondition(lambda self: self.state in ("begun", "loaded"))
    @rule()
    def resume(self) -> None:
        """Without faults a run comes to its end, and all is there but what is not known."""
        found = self.there.upload()
        if self.there.deleted:
            return
        assert "done" == found
        self.state = "loaded"
        said = self.there.said()
        assert self.there.keys.keys() == said.keys()
        failed = [entry for entry in said.values() if entry.state == "failed"]
        if "unknown" in {entry.state for entry in said.values()}:
            failed = [entry for entry in failed if "not sent, since its document refers to" not in entry.reason]
        assert not failed, said
        self.the_journal_is_true()

    @precondition(lambda self: self.state in ("begun", "loaded", "undoing"))
    @rule(faults=st.just([]) | SEVERAL_FAULTS, writes=st.none() | st.integers(0, 4))
    def undo(self, faults: list[str], writes: int | None) -> None:
        world = self.there
        changed = {name for name in world.touched if name in world.server.resources}
        found, left = world.undo(faults, Process(writes))
        assert changed <= world.server.names
        if found != "done":
            if "repeat the upload" not in found:
                self.state = "undoing"
            return
        unknown = {key for key, entry in world.said().items() if entry.state == "unknown"}
        named = {each.stored_as for each in left}
        for key, names in world.stored().items():
            assert key in unknown or set(names) <= changed | named, (key, names, left)
        assert len(left) >= len(unknown)
        self.state = "undoing"
        if not unknown and not world.stored():
            world.renew()
            self.state = "new"

    @rule(data=st.data())
    def somebody_changes_something(self, data: st.DataObject) -> None:
        if names := sorted(self.there.server.names):
            self.there.somebody_changes(data.draw(st.sampled_from(names)))

    @rule(data=st.data())
    def somebody_deletes_something(self, data: st.DataObject) -> None:
        if names := sorted(self.there.server.names):
            self.there.somebody_deletes(data.draw(st.sampled_from(names)))

    @precondition(lambda self: self.strangers < 2)
    @rule(data=st.data())
    def somebody_stores_something(self, data: st.DataObject) -> None:
        """Store what has the identifier of something that is loaded by condition, and is not there yet."""
        entries = [each for document in self.there.documents for each in document["entry"]]
        entry = data.draw(st.sampled_from(entries))
        resource = entry["resource"]
        there = [each.get("identifier") for each in self.there.server.resources.values()]
        if "ifNoneExist" not in entry["request"] or resource["identifier"] in there:
            return
        self.strangers += 1
        kept = {name: resource[name] for name in ("resourceType", "identifier", "status", "code") if name in resource}
        self.there.somebody_stores({**kept, "id": f"strange-{self.strangers}"})

    def the_journal_is_true(self) -> None:
        """The journal of a run that was not killed says of each resource what is true."""
        world = self.there
        stored, said = world.stored(), world.said()
        for key, entry in said.items():
            if entry.state == "failed":
                assert key not in stored, (key, entry)
            elif entry.confirmed and not world.deleted:
                assert entry.stored_as in world.server.names, (key, entry)
                assert entry.state != "created" or entry.stored_as in world.ours, (key, entry)
        assert stored.keys() <= said.keys(), (stored, said)

    @invariant()
    def nothing_is_doubled(self) -> None:
        for key, names in self.world.stored().items() if self.world else ():
            assert 1 == len(names), (key, names)
            changes = self.there.changes[names[0]]
            assert self.there.written[names[0]] <= 1 + changes, (key, names)

    @invariant()
    def what_is_of_somebody_else_stays(self) -> None:
        if self.world:
            assert self.world.foreign.keys() <= self.world.server.names


LoadBeforeAnOddServer.TestCase.settings = settings(
    max_examples=EXAMPLES or 60,
    stateful_step_count=8,
    deadline=None,
    derandomize=not EXAMPLES,
    report_multiple_bugs=False,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large],
)
TestLoadBeforeAnOddServer = LoadBeforeAnOddServer.TestCase

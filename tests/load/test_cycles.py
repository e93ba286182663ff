"""What is referred to comes first; what refers to itself in a cycle comes together."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from fhir_case.load.plan.cycles import cycles_in_order, levels

DEEP = 100_000


@st.composite
def graphs(draw: st.DrawFn) -> list[list[int]]:
    """For each number those that it refers to, itself and the same one twice among them."""
    count = draw(st.integers(0, 12))
    number = st.integers(0, max(0, count - 1))
    return [draw(st.lists(number, max_size=4)) for _ in range(count)]


def reachable(targets: list[list[int]]) -> list[set[int]]:
    """For each number all that its references lead to, found without any cleverness."""
    found = [{number} for number in range(len(targets))]
    changed = True
    while changed:
        changed = False
        for number, reached in enumerate(found):
            more = {far for near in targets[number] for far in found[near]} - reached
            changed = changed or bool(more)
            reached.update(more)
    return found


def edges_of(targets: list[list[int]]) -> list[tuple[int, int]]:
    return [(number, other) for number, others in enumerate(targets) for other in others]


@settings(max_examples=150, deadline=None)
@given(graphs())
def test_a_group_is_what_refers_to_each_other_and_nothing_else(targets: list[list[int]]) -> None:
    reached = reachable(targets)
    groups = list(cycles_in_order(targets))

    assert list(range(len(targets))) == sorted(number for group in groups for number in group)
    group_of = {number: place for place, group in enumerate(groups) for number in group}
    for one in range(len(targets)):
        for other in range(len(targets)):
            assert (other in reached[one] and one in reached[other]) == (group_of[one] == group_of[other])


@settings(max_examples=150, deadline=None)
@given(graphs())
def test_what_a_group_refers_to_is_in_it_or_in_an_earlier_one(targets: list[list[int]]) -> None:
    groups = list(cycles_in_order(targets))
    group_of = {number: place for place, group in enumerate(groups) for number in group}

    assert all(group_of[other] <= group_of[number] for number, other in edges_of(targets))
    assert groups == [sorted(group) for group in groups]
    assert groups == list(cycles_in_order([list(others) for others in targets]))


@settings(max_examples=150, deadline=None)
@given(graphs())
def test_a_reference_goes_to_an_earlier_level_or_stays_in_its_cycle(targets: list[list[int]]) -> None:
    reached = reachable(targets)
    level, cycles = levels(len(targets), edges_of(targets))

    assert len(targets) == len(level)
    for number, other in edges_of(targets):
        together = number in reached[other]
        assert (level[other] == level[number]) if together else (level[other] < level[number])
    expected = {
        frozenset(other for other in reached[number] if number in reached[other]) for number in range(len(targets))
    }
    assert {cycle for cycle in expected if len(cycle) > 1} == {frozenset(cycle) for cycle in cycles}


@settings(max_examples=100, deadline=None)
@given(graphs())
def test_no_level_is_empty_and_none_is_needed_without_a_reason(targets: list[list[int]]) -> None:
    level, cycles = levels(len(targets), edges_of(targets))
    cycle_of = {number: place for place, cycle in enumerate(cycles) for number in cycle}

    for number in range(len(targets)):
        members = cycles[cycle_of[number]] if number in cycle_of else [number]
        before = {level[other] for member in members for other in targets[member] if other not in members}
        assert (max(before) + 1 if before else 0) == level[number]


def test_nothing_is_in_no_level() -> None:
    assert ([], []) == (list(levels(0, [])[0]), levels(0, [])[1])
    assert [] == list(cycles_in_order([]))


def test_a_reference_to_itself_is_no_cycle() -> None:
    level, cycles = levels(2, [(0, 0), (1, 1)])

    assert ([0, 0], []) == (list(level), cycles)


def test_a_chain_of_a_hundred_thousand_is_put_in_order() -> None:
    forwards = [[number + 1] if number + 1 < DEEP else [] for number in range(DEEP)]
    backwards = [[number - 1] if number else [] for number in range(DEEP)]

    assert [[number] for number in reversed(range(DEEP))] == list(cycles_in_order(forwards))
    assert [[number] for number in range(DEEP)] == list(cycles_in_order(backwards))


def test_a_chain_of_a_hundred_thousand_takes_as_many_levels() -> None:
    level, cycles = levels(DEEP, ((number, number - 1) for number in range(1, DEEP)))

    assert list(range(DEEP)) == list(level)
    assert [] == cycles


def test_a_cycle_of_a_hundred_thousand_is_one_group() -> None:
    level, cycles = levels(DEEP, ((number, (number + 1) % DEEP) for number in range(DEEP)))

    assert [list(range(DEEP))] == cycles
    assert {0} == set(level)

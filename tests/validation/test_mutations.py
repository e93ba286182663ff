"""Whatever becomes of a good Bundle, validation gives a result, and the same one twice."""

from __future__ import annotations

import copy
import random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from fhir_case import validate
from fhir_case.fhir.wire import dump
from support import golden

BUNDLE = golden("colon-cancer-open-codes")
JUNK: tuple[Any, ...] = (
    None, "", " ", [], {}, [None], [[]], [{}], 0, -1, 1e300, True, "x", "2018-02-30", "Patient/none", "#", "\u0000",
    "urn:uuid:x",
    {"reference": 1}, {"coding": "x"}, {"coding": [1]}, {"extension": [{}]}, ["a", {"b": []}], {"resourceType": 3},
    {"resourceType": "Bundle", "entry": [[]]}, {"div": "<div"}, "<div xmlns='x'>",
)  # fmt: skip


def mutated(seed: int) -> dict[str, Any]:
    """Return the Bundle with one to four parts deleted, renamed, doubled or replaced, anywhere in the tree."""
    chance = random.Random(seed)  # noqa: S311 - not for secrets
    bundle: dict[str, Any] = copy.deepcopy(BUNDLE)
    for _ in range(chance.randint(1, 4)):
        holder: Any = bundle
        while True:
            if not holder:
                break
            key = chance.choice(list(holder) if isinstance(holder, dict) else range(len(holder)))
            if isinstance(holder[key], dict | list) and holder[key] and chance.random() < 0.8:
                holder = holder[key]
                continue
            _change(holder, key, chance)
            break
    return bundle


def _change(holder: Any, key: Any, chance: random.Random) -> None:
    what = chance.choice(("delete", "rename", "replace", "replace", "double"))
    if what == "delete":
        del holder[key]
    elif what == "rename" and isinstance(holder, dict):
        holder[f"{key}x"] = holder.pop(key)
    elif what == "double" and isinstance(holder, list):
        holder.append(copy.deepcopy(holder[key]))
    else:
        holder[key] = copy.deepcopy(chance.choice(JUNK))


@settings(max_examples=400, deadline=None)
@given(st.integers(min_value=0, max_value=2**32))
def test_a_mutated_bundle_gets_a_result_and_the_same_one_twice(seed: int) -> None:
    bundle = mutated(seed)
    before = dump(bundle)
    first = validate(bundle, closed=True)

    assert first == validate(bundle, closed=True)
    assert before == dump(bundle)
    assert all(issue.message and issue.check for issue in first.issues)


def test_most_mutations_are_found() -> None:
    """Count the mutations without any finding: a few change nothing that matters, such as a word of a note."""
    silent = sum(validate(mutated(seed), closed=True, skip=("structure",)).issues == () for seed in range(300))

    assert silent < 10

"""`scripts/bench faults`: run the cells that have not been run, and write the table."""

from __future__ import annotations

import sys
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from .cells import cells
from .results import Results, markdown
from .running import run_cell
from .scenarios import SCENARIOS
from .servers import SERVERS, serving

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from .counting import Counts
    from .scenario import Scenario

__all__ = ["BEGIN", "END", "bench_faults"]

BEGIN, END = "<!-- written by scripts/bench faults -->", "<!-- end of what scripts/bench faults writes -->"
_QUICK = ("two-loaders", "journal-torn")


def bench_faults(
    names: Sequence[str],
    *,
    seed: int,
    quick: bool,
    results: Path,
    page: Path | None,
    urls: Mapping[str, str],
    documents: int,
) -> int:
    """
    Run what has not been run, print each cell, and return how many are not zero.

    Args:
        names: The servers; none for the small one.
        seed: What chance starts from.
        quick: Whether to run a few cells only.
        results: The file of results.
        page: The page into which the tables are written, between two comments; None for none.
        urls: The base URLs of servers that run already.
        documents: How many documents are loaded in each cell.
    """
    kept = Results(results, seed)
    for name in names or ("small",):
        if name not in SERVERS:
            sys.exit(f"no server is named {name}; there are {', '.join(SERVERS)}")
        todo = [each for each in _todo(name, seed, quick=quick, documents=documents) if not kept.has(each[0])]
        if not todo:
            continue
        with serving(name, urls) as url:
            for number, (key, run) in enumerate(todo, 1):
                begin = time.monotonic()
                counts = run(url)
                kept.put(key, counts)
                seconds = time.monotonic() - begin
                words = f"{counts.text}; {counts.hits} hit, {counts.runs} runs, {seconds:.0f} s {counts.note}"
                print(f"{number}/{len(todo)} {key}: {words}", flush=True)
                for detail in counts.details:
                    print(f"    {detail}", flush=True)
    if page is not None:
        _write(page, markdown(kept))
    return sum(not (each.lost == each.doubled == 0) for each in map(kept.get, kept.found) if each)


def _todo(name: str, seed: int, *, quick: bool, documents: int) -> Iterator[tuple[str, Callable[[str], Counts]]]:
    for cell in cells(name, quick=quick):
        yield cell.key, partial(run_cell, cell, seed=seed, documents=documents)
    for key, scenario in SCENARIOS.items():
        if not quick or key in _QUICK:
            yield f"{name}/scenario/{key}", partial(_run, scenario, seed=seed)


def _run(scenario: Scenario, url: str, *, seed: int) -> Counts:
    with tempfile.TemporaryDirectory() as folder:
        return scenario.run(url, Path(folder), seed)


def _write(page: Path, tables: str) -> None:
    before, _, rest = page.read_text(encoding="utf-8").partition(BEGIN)
    _, _, after = rest.partition(END)
    page.write_text(f"{before}{BEGIN}\n\n{tables}\n{END}{after}", encoding="utf-8")

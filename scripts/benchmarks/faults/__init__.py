"""
The table of faults: what a load loses, doubles or does not know, whatever goes wrong between it and a server.

Each cell is a load of its own through a proxy with one kind of fault, repeated until it ends, and then counted on the
server: by the keys that its resources carry, and by their histories. What is done is kept in a file of results, so
that an interrupted run goes on where it was.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "tests"))  # the proxies and the small server are there

from .command import bench_faults

__all__ = ["bench_faults"]

"""
A small FHIR R4 server in memory that does what it claims, and into which faults can be planted one by one.

By hand, in ``tests``: ``python -m smallserver --port 8090 --fault rounds-decimals``; in a test:
``from smallserver import SmallServer``.
"""

from __future__ import annotations

from .behaviour import FAULTS, FEATURES
from .exchange import Reply, Request
from .quirks import HAPI, QUIRKS
from .references import PLACEHOLDER
from .server import SmallServer

__all__ = ["FAULTS", "FEATURES", "HAPI", "PLACEHOLDER", "QUIRKS", "Reply", "Request", "SmallServer"]

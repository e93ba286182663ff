"""
Stand between a client and one real FHIR server, and do to some requests what networks and servers do on bad days.

By hand, in ``tests``: ``python -m faultproxy --target http://127.0.0.1:8080/fhir --fault reset-after --rate 0.2``;
in a test: ``from faultproxy import FaultProxy``.
"""

from __future__ import annotations

from .faults import FAULTS, Fault
from .proxy import Exchange, FaultProxy

__all__ = ["FAULTS", "Exchange", "Fault", "FaultProxy"]

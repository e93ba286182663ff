"""
Stand between a client and one real FHIR server, and do to some requests what networks and servers do on bad days.

By hand, in ``tests``: ``python -m faultproxy --target http://127.0.0.1:8080/fhir --fault reset-after --rate 0.2``;
in a test: ``from faultproxy import FaultProxy``. `FaultProxy` speaks HTTP; `TcpProxy` passes bytes.
"""

from __future__ import annotations

from .faults import FAULTS, Fault
from .proxy import Exchange, FaultProxy
from .stream import Hit, TcpProxy
from .toxics import MOMENTS, TOXICS, Moment, Toxic

__all__ = ["FAULTS", "MOMENTS", "TOXICS", "Exchange", "Fault", "FaultProxy", "Hit", "Moment", "TcpProxy", "Toxic"]

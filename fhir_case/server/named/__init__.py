"""
Servers by name, as ``servers.toml`` tells of them: read the file, reach or start a server, check it.

The functions read no environment: they are given the variables as a mapping.
"""

from fhir_case.server.named.model import NamedServer, server_of
from fhir_case.server.named.opening import OpenServer, access, base_url, open_server
from fhir_case.server.named.reading import find_servers, places, read_servers

__all__ = [
    "NamedServer",
    "OpenServer",
    "access",
    "base_url",
    "find_servers",
    "open_server",
    "places",
    "read_servers",
    "server_of",
]

"""
Servers by name, from ``servers.toml``: read the file, reach or start a server, check it.

The functions read no environment: they take the variables as a mapping.
"""

from fhir_case.server.named.model import NamedServer, server_of
from fhir_case.server.named.opening import OpenServer, access, base_url, open_server
from fhir_case.server.named.reading import find_servers, read_servers, search_paths

__all__ = [
    "NamedServer",
    "OpenServer",
    "access",
    "base_url",
    "find_servers",
    "open_server",
    "read_servers",
    "search_paths",
    "server_of",
]

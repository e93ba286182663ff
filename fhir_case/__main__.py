"""Run the command line as ``python -m fhir_case``."""

from __future__ import annotations

from fhir_case.cli import main

if __name__ == "__main__":
    main()

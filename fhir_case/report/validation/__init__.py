"""The result of validation as text, JSON, SARIF, JUnit and Markdown."""

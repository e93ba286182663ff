"""Run a load from its survey to its end."""

"""Reports: pure functions from a value of another stage to text or JSON."""

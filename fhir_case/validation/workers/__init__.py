"""Check large inputs in several processes."""

"""The journal of a load: what was sent, what became of it."""

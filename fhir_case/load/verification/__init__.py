"""Read back what a load stored, and compare it."""

"""Live lines on standard error."""

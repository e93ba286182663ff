"""Take back what a journal says was created."""

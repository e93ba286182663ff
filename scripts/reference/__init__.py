"""What `scripts/make-reference` writes, a module for each page."""

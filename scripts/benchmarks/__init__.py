"""What `scripts/bench` measures that takes more than a page."""

"""Send transactions, and find out what became of them."""

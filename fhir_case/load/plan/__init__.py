"""What to send for documents: pure, it asks nothing and sends nothing."""

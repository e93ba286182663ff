"""Validators in Java: what they need, how they are asked, and what their answers are worth."""

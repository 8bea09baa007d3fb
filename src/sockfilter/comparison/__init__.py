"""Compares the exchanges of two captures: what was added, what is gone, and what has changed."""

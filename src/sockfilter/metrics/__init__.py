"""Counts by name, with labels, for those who collect them."""

"""Turns packets into segments, or into a named reason why there is no segment."""

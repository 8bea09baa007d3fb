"""Captures: live captures, capture files, and commands started for a capture."""

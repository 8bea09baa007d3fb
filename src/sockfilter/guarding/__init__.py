"""Judges openings of connections at an interface; it reads no HTTP."""

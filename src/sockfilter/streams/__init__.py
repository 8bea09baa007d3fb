"""Turns segments into the ordered bytes of each direction: spans, gaps, and the lives of connections."""

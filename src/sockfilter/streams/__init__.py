"""From segments to the bytes of each direction in order: spans, gaps, and the lives of connections."""

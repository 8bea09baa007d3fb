"""Which processes are at the ends of a connection."""

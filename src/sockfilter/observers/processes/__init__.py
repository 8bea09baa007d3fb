"""The processes at the ends of a connection."""

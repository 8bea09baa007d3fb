"""Local connections of a command, past TCP."""

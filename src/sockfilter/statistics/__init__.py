"""Statistics of exchanges: how many, how fast, how large, in groups."""

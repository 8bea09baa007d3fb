"""The short road: whole exchanges of connections on which nothing is unusual, found in C."""

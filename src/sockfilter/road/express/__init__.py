"""The lane, the short road in C: finds complete exchanges of connections on which nothing is unusual."""

"""The lane, code in C: finds complete exchanges of connections on which nothing is unusual."""

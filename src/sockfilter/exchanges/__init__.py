"""Pairs messages into exchanges: finds which response answers which request."""

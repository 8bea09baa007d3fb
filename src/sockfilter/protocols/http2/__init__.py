"""Passive reader of HTTP/2 (RFC 9113): it can start at any byte, and continues after gaps."""

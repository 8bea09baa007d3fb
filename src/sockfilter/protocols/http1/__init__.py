"""Passive parser of HTTP/1.0 and HTTP/1.1 (RFC 9112): it can start at any byte, and continues after gaps."""

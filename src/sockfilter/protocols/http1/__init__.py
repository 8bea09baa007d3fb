"""HTTP/1.0 and HTTP/1.1 (RFC 9112), read by a bystander: it starts anywhere, and goes on after gaps."""

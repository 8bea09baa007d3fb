"""HTTP/2 (RFC 9113), as a listener reads it that may have missed bytes."""

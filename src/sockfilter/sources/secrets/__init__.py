"""Where secrets of TLS come from while a capture runs."""

"""Where the secrets of TLS come from."""

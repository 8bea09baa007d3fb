"""Opens TLS with its own secrets. Sans-I/O: takes ciphertext of the streams, and gives plaintext to the protocols."""

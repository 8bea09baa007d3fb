"""Makes messages of spans and gaps. Sans-I/O: it uses no socket, no clock and no logger."""

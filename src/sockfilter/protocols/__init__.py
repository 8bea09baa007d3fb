"""From spans and gaps to messages. Sans-I/O: no socket, no clock, no logger."""

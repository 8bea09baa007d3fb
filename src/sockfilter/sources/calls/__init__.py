"""The bytes of system calls on sockets."""

"""Kernel interfaces other than BPF: capabilities, namespaces, and sockets."""

"""What the kernel is asked beside BPF: rights, namespaces, sockets."""

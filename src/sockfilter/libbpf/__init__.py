"""The binding to libbpf: BPF objects and their rings. Knows BPF, knows nothing of HTTP."""

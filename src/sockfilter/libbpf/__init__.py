"""The binding to libbpf: BPF objects and their rings. It contains no HTTP code."""

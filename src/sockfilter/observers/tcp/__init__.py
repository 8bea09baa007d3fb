"""What the kernel's TCP knows of connections."""

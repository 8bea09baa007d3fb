"""Counts packets at places of the kernel; it reads no HTTP."""

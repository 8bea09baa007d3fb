"""Bytes at system calls."""

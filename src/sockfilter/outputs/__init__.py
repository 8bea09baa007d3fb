"""Outputs for exchanges: text lines, raw messages, JSON lines and capture files."""

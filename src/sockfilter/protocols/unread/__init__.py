"""Protocols that are recognised, or left over after an upgrade, and not read."""

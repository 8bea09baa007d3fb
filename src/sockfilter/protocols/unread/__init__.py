"""Protocols that are not read: they are recognised, or they follow an upgrade."""

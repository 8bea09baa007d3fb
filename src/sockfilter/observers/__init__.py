"""Observers: what is known about a connection beyond its bytes."""

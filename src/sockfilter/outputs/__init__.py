"""Exchanges for people and programs: text, messages as they were, JSON lines."""

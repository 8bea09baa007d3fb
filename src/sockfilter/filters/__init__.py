"""Exchanges in, those that are wanted out."""

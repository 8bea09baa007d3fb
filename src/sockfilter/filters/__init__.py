"""Selects exchanges by conditions."""

"""Packets of interfaces."""

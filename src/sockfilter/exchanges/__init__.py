"""Pairs messages to exchanges: finds which response answers which request."""

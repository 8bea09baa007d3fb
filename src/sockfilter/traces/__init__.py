"""Exchanges as spans of OpenTelemetry, and the process that sends them to a collector."""

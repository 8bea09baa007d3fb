"""Parses protobuf messages, with a schema and without one."""

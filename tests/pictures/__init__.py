"""Pictures for the documentation, made of the real thing, so that they never go stale."""

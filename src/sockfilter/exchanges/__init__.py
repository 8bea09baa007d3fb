"""From messages to exchanges: which response answers which request."""

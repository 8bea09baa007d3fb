"""Server-sent events: the messages of an event stream (WHATWG HTML, 9.2)."""

"""The forms of an exchange: a line of text, JSON, a curl command, a test, and a transcript."""

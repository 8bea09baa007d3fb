"""What an exchange looks like: a command line of curl, a test, a transcript, and the parts of a line."""

"""What one asks of the exchanges that a capture has kept, for coroutines too."""

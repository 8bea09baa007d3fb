"""Ways to look at the exchanges that a capture keeps, also for coroutines."""

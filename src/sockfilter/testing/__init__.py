"""What tests say of exchanges, and the pytest plugin."""

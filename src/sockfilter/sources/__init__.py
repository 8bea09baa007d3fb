"""Where packets come from: a live interface."""

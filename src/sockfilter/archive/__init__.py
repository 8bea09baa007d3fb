"""Archives: many captures as one dataset that analytical engines read."""

"""HTTP archives (HAR) as a source: they have exchanges, and no packets."""

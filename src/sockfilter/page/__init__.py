"""The page: exchanges in a browser, live from a server of its own, or frozen in one file."""

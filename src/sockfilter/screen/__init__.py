"""The live screen: a table of exchanges in the terminal, with details. It needs textual: sockfilter[screen]."""

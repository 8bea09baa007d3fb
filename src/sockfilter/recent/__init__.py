"""The last exchanges of a capture, for viewers: what is kept, selected, sorted and drawn, without a framework."""

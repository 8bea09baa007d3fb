"""From packets to segments, or to a named reason why not."""

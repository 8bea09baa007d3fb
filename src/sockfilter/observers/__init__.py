"""Who knows more of a connection than its bytes."""

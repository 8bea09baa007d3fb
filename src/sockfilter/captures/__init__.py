"""What is open: live captures, capture files, commands."""

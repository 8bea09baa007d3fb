"""The packets of network interfaces."""

"""Capture files: pcap and pcapng, as they are or in gzip, whole or still being written."""

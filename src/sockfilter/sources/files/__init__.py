"""Capture files: pcap and pcapng, plain or in gzip, complete or still being written."""

"""Filters in the language of pcap-filter(7): compiled by libpcap, and run in the kernel or over a capture file."""

"""The sources of records: packets, system calls, capture files, and a broker."""

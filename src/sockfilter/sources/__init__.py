"""Where records come from: packets, system calls, capture files, a broker."""

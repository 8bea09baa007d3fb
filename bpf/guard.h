/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0 */
/*
 * What the program that judges openings of connections shares with user space. Read as
 * C by the program, and as declarations by cffi: keep to plain structs, enums and number
 * macros. Nothing here may have holes.
 */
#ifndef SOCKFILTER_GUARD_H
#define SOCKFILTER_GUARD_H

/* sources in the table, 100 bytes each: the oldest unused one makes room for the next */
#define SF_GUARD_SOURCES 65536
/* networks of --sources, and of --not-sources */
#define SF_GUARD_NETWORKS 1024
/* bytes of the ring: 16 384 refused openings between two reads, of which there are twenty a second */
#define SF_GUARD_RING 1048576

enum sf_guard_ports {
	SF_GUARD_ANY = 0,
	SF_GUARD_ALLOW = 1, /* the ports of the set alone */
	SF_GUARD_DENY = 2,  /* all but the ports of the set */
};

enum sf_guard_rule {
	SF_GUARD_BY_PORT = 1,
	SF_GUARD_BY_RATE = 2,
};

/* A packet is one of unread, passed, openings; an opening is one of exempt, allowed, and refused by either rule. */
enum sf_guard_counter {
	SF_GUARD_UNREAD = 0, /* IP without readable headers */
	SF_GUARD_PASSED = 1, /* opens nothing */
	SF_GUARD_OPENINGS = 2,
	SF_GUARD_EXEMPT = 3, /* from a source that is not judged */
	SF_GUARD_ALLOWED = 4,
	SF_GUARD_REFUSED_PORT = 5,
	SF_GUARD_REFUSED_RATE = 6,
	SF_GUARD_NEW_SOURCES = 7, /* entries made in the table of sources */
	SF_GUARD_NO_ROOM = 8,	  /* of those allowed: their source found no room in it */
	SF_GUARD_UNREPORTED = 9,  /* of those refused: found no room in the ring */
	SF_GUARD_COUNTERS = 10,
};

/* before the load */
struct sf_guard_config {
	__u64 cost_ns;	    /* of an opening: a second by the rate; 0: there is no rate */
	__u64 room_ns;	    /* what a full bucket has: the burst times the cost */
	__u16 replies_from; /* of UDP: ports to which replies go, if only some ports are allowed */
	__u16 replies_to;
	__u8 enforce;
	__u8 udp;
	__u8 ports;	   /* enum sf_guard_ports */
	__u8 by_source;	   /* judge only the networks of the map judged */
	__u8 by_exemption; /* do not judge the networks of the map exempt */
	__u8 reserved[7];
};

/* an address or network; IPv4 as ::ffff:a.b.c.d (RFC 4291, 2.5.5.2) */
struct sf_guard_network {
	__u32 prefix; /* bits */
	__u8 addr[16];
};

/* an opening that was refused, or would have been */
struct sf_refused {
	__u64 time_ns;
	__u8 saddr[16];
	__u8 daddr[16];
	__u16 sport;
	__u16 dport;
	__u32 seq;     /* of the SYN */
	__u8 rule;     /* enum sf_guard_rule */
	__u8 protocol; /* TCP or UDP */
	__u8 reserved[6];
};

#endif

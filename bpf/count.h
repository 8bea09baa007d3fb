/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0 */
/*
 * What the programs that count packets share with user space. Read as C by the
 * programs, and as declarations by cffi: keep to plain structs, enums and number
 * macros. Nothing here may have holes.
 */
#ifndef SOCKFILTER_COUNT_H
#define SOCKFILTER_COUNT_H

/*
 * A row of counters for each CPU. In a row, each direction has places: for the 256
 * protocol numbers of IPv4, for those of IPv6, and for enum sf_count_place.
 */
#define SF_COUNT_PROTOCOLS 256
#define SF_COUNT_OTHERS 512
#define SF_COUNT_DIRECTION 544
#define SF_COUNT_ROW 1088

/* places behind SF_COUNT_OTHERS */
enum sf_count_place {
	SF_COUNT_MALFORMED_V4 = 0, /* too short for an IP header */
	SF_COUNT_MALFORMED_V6 = 1,
	SF_COUNT_UNLISTED_TYPE = 2, /* EtherTypes that found no room in the map kinds */
	SF_COUNT_UNLISTED_VLAN = 3,
	/* IPv6 extension headers, each once for each header: they are also counted by their protocol */
	SF_COUNT_HOP_BY_HOP = 4,
	SF_COUNT_ROUTING = 5,
	SF_COUNT_FRAGMENT = 6,
	SF_COUNT_AUTHENTICATION = 7,
	SF_COUNT_DESTINATION = 8,
	SF_COUNT_MOBILITY = 9,
	SF_COUNT_HIP = 10,
	SF_COUNT_SHIM6 = 11,
};

struct sf_counted {
	__u64 packets;
	__u64 bytes;	/* from the link header on, with VLAN tags */
	__u64 segments; /* packets on the wire: offload makes one of several, or several of one */
};

enum sf_count_kind {
	SF_COUNT_ETHER_TYPE = 0,
	SF_COUNT_VLAN = 1,
};

/* EtherTypes and VLANs, of both directions (percpu: 100 KB for each CPU) */
#define SF_COUNT_KINDS 4096

/* what is counted in the map kinds */
struct sf_count_key {
	__u8 kind; /* enum sf_count_kind */
	__u8 is_out;
	__u16 type;  /* EtherType; of VLANs: the number of tags */
	__u16 outer; /* VLAN identifiers */
	__u16 inner;
};

/* before the load */
struct sf_count_config {
	__u32 has_link_header; /* frames begin with an Ethernet header */
	__u32 ifindex;	       /* of drops and of delivered segments; and the network namespace it is in */
	__u32 netns;
};

/* drops by reason; a kernel has some 130 */
#define SF_COUNT_REASONS 1024

struct sf_drop_key {
	__u32 reason; /* enum skb_drop_reason of the running kernel; a subsystem in the upper 16 bits */
	__u32 is_out;
};

#endif

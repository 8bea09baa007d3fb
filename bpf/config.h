/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0 */
/*
 * What user space tells the program: before the load (struct sf_config), before
 * it is attached (the set of ports), and at any time through shared memory
 * (struct sf_shared, struct sf_skip).
 *
 * Read as C by the program and the shim, and as declarations by cffi: keep to
 * plain structs, enums and number macros. Nothing here may have holes.
 */
#ifndef SOCKFILTER_CONFIG_H
#define SOCKFILTER_CONFIG_H

/* bytes of an address; an IPv4 address is ::ffff:a.b.c.d (RFC 4291, 2.5.5.2) */
#define SF_ADDR_BYTES 16
/* 64-bit words of the port set, the map ports: one bit for each of 65 536 ports */
#define SF_PORT_WORDS 1024
/* hints in the map skips, two for each connection; a hint that another one overwrites costs work, never bytes */
#define SF_SKIPS 16384
/* connections in the table: the oldest unused one makes room for the next (about 10 MB of kernel memory) */
#define SF_CONNECTIONS 65536

/* what is before the network header in a frame of this socket */
enum sf_link {
	SF_LINK_DETECT = 0, /* socket on all interfaces: compare the headers */
	SF_LINK_ETHERNET = 1,
	SF_LINK_NONE = 2,
};

/* protocols beside HTTP whose connections are followed, as bits of sf_config.protocols */
enum sf_protocol {
	SF_PROTOCOL_MQTT = 1,
	SF_PROTOCOL_AMQP = 2,
	SF_PROTOCOL_SMTP = 4,
};

struct sf_config {
	__u8 host[SF_ADDR_BYTES]; /* one end must be host under host_mask */
	__u8 host_mask[SF_ADDR_BYTES];
	__u32 frame_bytes;    /* most bytes of a frame that are sent */
	__u32 run_bytes;      /* payload of one direction in a row that is sent even while the ring fills */
	__u32 pressure_bytes; /* the ring fills when it has more unread bytes */
	__u8 link;	      /* enum sf_link */
	__u8 family;	      /* 4, 6, or 0 for both */
	__u8 by_port;	      /* compare with the map ports */
	__u8 by_host;	      /* compare with host and host_mask */
	__u8 every;	      /* follow every connection, whatever its protocol */
	__u8 whole;	      /* send all frames of followed connections, and all SYNs: for a capture file */
	__u8 frames;	      /* follow connections that were open before, if a payload begins like a frame of HTTP/2 */
	__u8 protocols;	      /* enum sf_protocol */
	__u8 tls;	      /* follow connections that begin with a ClientHello of TLS */
	__u8 hops;	      /* a connection may be seen on several interfaces: report segments out of order */
	__u8 reserved[2];
};

struct sf_shared {
	__u32 asleep; /* the reader is about to wait: the next record wakes it */
	__u32 reserved;
};

/* what user space does not need of a stream */
enum sf_skip_kind {
	SF_SKIP_NONE = 0,
	SF_SKIP_UNTIL = 1,   /* the bytes up to a sequence number: send lengths only */
	SF_SKIP_REJECT = 2,  /* anything: it is not HTTP, send nothing more */
	SF_SKIP_FORGET = 3,  /* it may not be HTTP: send nothing more until a message begins again */
	SF_SKIP_CONTENT = 4, /* the content of one stream of HTTP/2, which has the number in the lower half */
};

/*
 * A skip hint. User space writes it without a system call, and the program reads
 * it without a barrier: check is the stream xor the hint, so the program sees
 * that a pair is half written, or for another stream, and ignores it.
 */
struct sf_skip {
	__u64 check;
	__u64 hint; /* kind in the upper half, sequence number or stream in the lower */
};

#endif

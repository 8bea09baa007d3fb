/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0 */
/*
 * What the program sends to user space: records through the ring, and counters.
 *
 * Read as C by the program and the shim, and as declarations by cffi: keep to
 * plain structs, enums and number macros. Nothing here may have holes.
 */
#ifndef SOCKFILTER_EVENTS_H
#define SOCKFILTER_EVENTS_H

#include "config.h"

/* counters that a CPU has room for in the map counters, 64 bits each: whole cache lines */
#define SF_COUNTER_ROW 32
/* bytes of the largest record, frame included: the last step of reserve() */
#define SF_RECORD_BYTES_MAX 525312

/*
 * A connection's key. The end with the lower port is end 0, so both directions have
 * the same key. Addresses and ports are as on the wire.
 */
struct sf_flow {
	__u8 addr[2][SF_ADDR_BYTES];
	__be16 port[2];
	__u32 ifindex;
};

enum sf_kind {
	SF_SEGMENT = 0,
	SF_FRAGMENT = 1, /* of an IP packet that carries TCP; user space puts it together */
	SF_FRAME = 2,	 /* for a capture file only: an acknowledgement, or the SYN of a connection that may be HTTP */
	SF_LEFT_OUT = 3, /* no segment: content of HTTP/2 that was left out, see struct sf_record */
	SF_ORDER = 4,	 /* no segment: says that one is out of order, see struct sf_record */
};

/* struct sf_record, marks */
enum sf_mark {
	SF_MARK_HTTP2 = 1,   /* the connection began as HTTP/2, or as TLS, which may carry it */
	SF_MARK_LENGTHS = 2, /* payload left out on purpose: user space skips it, or the ring fills */
	SF_MARK_VLAN = 4,    /* vlan_tci and vlan_proto are those of a tag that was removed from the frame */
	SF_MARK_ISN0 = 8,    /* isn[0] is known */
	SF_MARK_ISN1 = 16,   /* isn[1] is known */
	SF_MARK_EARLY0 = 32, /* end 0 sent payload before the connection was known as HTTP */
	SF_MARK_EARLY1 = 64, /* end 1 did */
	SF_MARK_BARE = 128,  /* the frame begins with the network header */
};

/*
 * Followed by frame_kept bytes of the frame. SF_LEFT_OUT says that from seq on
 * payload_len bytes have passed that are content of one stream, and heads of DATA
 * frames without padding and without END_STREAM. Later records may say it again, with
 * more. It counts as no packet, and fields that are not named here are 0.
 *
 * SF_ORDER says that payload_len bytes from seq on are not the next ones of their
 * direction on this interface: ack is the number that was expected, and syn_ns the
 * direction. It counts as no packet either.
 */
struct sf_record {
	__u64 time_ns; /* CLOCK_MONOTONIC */
	__u64 stream;  /* connection, and in the lowest bit the end that sent this */
	__u32 seq;
	__u32 ack;
	__u32 payload_len;  /* on the wire */
	__u32 payload_kept; /* of them in this record */
	__u32 frame_len;    /* on the wire */
	__u32 frame_kept;   /* of them in this record */
	__u16 payload_off;  /* from the frame's first byte */
	__u8 tcp_flags;
	__u8 kind;	  /* enum sf_kind */
	__u8 marks;	  /* enum sf_mark */
	__u8 packet_type; /* PACKET_* of if_packet.h */
	__u16 protocol;	  /* EtherType of the frame, host order */
	__u16 vlan_tci;
	__u16 vlan_proto; /* host order */
	__u32 isn[2];	  /* sequence number of each end's SYN; SF_LEFT_OUT: heads, and content before the next head */
	__u32 stream_of_http2; /* SF_LEFT_OUT: the stream whose content it is */
	__u64 syn_ns;	       /* 0: not seen; SF_LEFT_OUT, SF_ORDER: the direction, as stream in other records */
	__u64 synack_ns;
	struct sf_flow flow;
};

/*
 * Every packet counts once as seen and once under exactly one outcome. The counters
 * after the outcomes say more about packets that have been counted.
 */
enum sf_counter {
	SF_SEEN = 0,
	/* outcomes */
	SF_NOT_IP,
	SF_NOT_TCP,
	SF_MALFORMED,
	SF_DUPLICATE,
	SF_FILTERED,
	SF_NO_PAYLOAD,
	SF_NOT_HTTP,
	SF_SENT,
	SF_QUIET,
	SF_RING_FULL,
	/* of those sent or lost */
	SF_FRAGMENTS,
	SF_TRUNCATED,
	SF_LENGTHS,
	/* of all */
	SF_TLS, /* they begin with a ClientHello, on connections that are not followed */
	/* not packets */
	SF_FOLLOWED,
	SF_COUNTERS,
};

#endif

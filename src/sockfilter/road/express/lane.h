/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The lane, for connections on which nothing is unusual. Their exchanges follow
 * one another in order, no bytes are missing, and the length of each body is
 * stated. A connection enters with its first request, or between two exchanges.
 * It leaves with the first unusual record, and the road takes over its state.
 *
 * lane.c includes this file, and cffi reads it as declarations. The structs
 * must not contain padding.
 */
#ifndef SOCKFILTER_LANE_H
#define SOCKFILTER_LANE_H

#include "events.h"

/* connections in the lane: enough for the clients of a busy server; each takes some 200 bytes plus its heads */
#define SF_LANE_CONNECTIONS 16384
/* bytes of a head; a longer one takes the road */
#define SF_LANE_HEAD_BYTES 2048
/* a body of so many bytes or more takes the road, whose skip hints let the kernel leave its bytes out */
#define SF_LANE_BODY_BYTES 131072
/* bytes kept of the bodies of all open messages together */
#define SF_LANE_BODIES_BYTES 16777216
/* bytes of an exchange's line: method and target, the connection's route, and numbers */
#define SF_LANE_LINE_BYTES 3072
/* bytes of a route: two addresses with their ports, and an arrow */
#define SF_LANE_ROUTE_BYTES 120
/* in place of the offset of a body: nothing of the body was kept */
#define SF_LANE_NO_BODY 4294967295
/* records in one run */
#define SF_LANE_RECORDS 512
/* processors whose new connections enter with the first request; those of others enter after the first exchange */
#define SF_LANE_CPUS 1024

/* the state of a connection */
enum sf_lane_state {
	SF_LANE_IDLE = 0,
	SF_LANE_REQUEST = 1,  /* a request has begun */
	SF_LANE_WAITING = 2,  /* the request has ended, and its response has not begun */
	SF_LANE_RESPONSE = 3, /* the response has begun */
};

enum sf_lane_kind {
	SF_LANE_PASSED = 0,   /* records for the road; at, request_from: start and end in sf_lane_passed() */
	SF_LANE_LEAVES = 1,   /* a connection returns to the road; at: its slot */
	SF_LANE_EXCHANGE = 2, /* an exchange has ended; at: the slot of its connection */
	SF_LANE_ENTERS = 3,   /* a new connection; at: its slot; ring_at: the offset of its first record */
	SF_LANE_CLOSED = 4,   /* both ends have closed; at: the slot */
	/*
	 * lines of exchanges that have ended; at: their number; ring_at, request_from: start and end of the lines;
	 * response_from: 0, or the slot plus 1 of a new connection that has all these exchanges
	 */
	SF_LANE_LINES = 5,
};

/* one message: a request or its response */
struct sf_lane_half {
	__u64 start_ns;
	__u64 end_ns;
	__u64 body_len; /* bytes on the wire */
	__u64 missing;	/* bytes of the body that are still to come */
	__u32 seq;
	__u32 ack;
	__u32 head_len;
	__u32 head_room; /* bytes allocated */
	__u32 body_kept; /* bytes in body */
	__u32 body_room; /* bytes allocated */
	char *head;
	char *body;
};

struct sf_lane_slot {
	__u64 stream;
	__u64 last_ns;
	__u64 passed[2]; /* bytes that each end has sent in the lane */
	__u32 next[2];	 /* the next sequence number of each end */
	__u32 acked[2];	 /* the acknowledgement number of the last segment of each end */
	__u32 chain;	 /* the next slot with the same hash, or the next free slot; plus 1 */
	__u8 client_end;
	__u8 state;	/* enum sf_lane_state */
	__u8 has_ended; /* an exchange has ended in the lane */
	__u8 heard;	/* a bit for each end: acked is known */
	__u8 closed;	/* a bit for each end: its FIN has come */
	__u8 control;	/* segments without payload */
	__u8 is_new;	/* it entered in this run, and may be refused */
	__u8 reserved[5];
	__u32 conn_seq;	 /* the number of the last exchange */
	__u32 route_len; /* 0: the lane writes no lines for it */
	__u32 group;	 /* of its counts, see tally.h */
	__u32 spare;
	struct sf_lane_half half[2];	 /* request, response */
	char route[SF_LANE_ROUTE_BYTES]; /* used only if the lane writes lines */
};

/* The offsets of texts are in sf_lane_text(). */
struct sf_lane_event {
	__u32 kind; /* enum sf_lane_kind */
	__u32 at;
	__u32 request_from;
	__u32 response_from;
	__u32 response_to;
	__u32 ring_at;
	__u32 request_body_at; /* the kept bytes of the bodies, in sf_lane_bodies() */
	__u32 response_body_at;
	__u64 request_ns;
	__u64 request_end_ns;
	__u64 response_ns;
	__u64 response_end_ns;
	__u64 request_body;
	__u64 response_body;
	__u32 request_seq;
	__u32 request_ack;
	__u32 response_seq;
	__u32 response_ack;
	__u32 conn_seq;
	__u32 reserved;
};

#endif

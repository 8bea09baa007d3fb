/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The short road for connections on which nothing is unusual: one exchange
 * after the other, in order, with nothing missing, and bodies whose length is
 * said. One enters with its first request, or between two exchanges. Whatever
 * else comes leaves it, and takes the long road with all that is known by then.
 *
 * Read as C by lane.c and as declarations by cffi. Nothing here may have holes.
 */
#ifndef SOCKFILTER_LANE_H
#define SOCKFILTER_LANE_H

#include "events.h"

/* connections on the lane: those that fit a busy server's set of clients; each costs some 200 bytes and its heads */
#define SF_LANE_CONNECTIONS 16384
/* bytes of a head; a longer one takes the long road */
#define SF_LANE_HEAD_BYTES 2048
/* bytes of a body, from which the long road may tell the kernel to leave them out */
#define SF_LANE_BODY_BYTES 131072
/* of all bodies that are under way and kept */
#define SF_LANE_BODIES_BYTES 16777216
/* bytes of an exchange's line: what was asked, the connection's route, and numbers */
#define SF_LANE_LINE_BYTES 3072
/* of a route: two addresses with their ports, and an arrow */
#define SF_LANE_ROUTE_BYTES 120
/* in the place of where a body begins: nothing of it was kept */
#define SF_LANE_NO_BODY 4294967295
/* records in one run */
#define SF_LANE_RECORDS 512
/* processors whose new connections enter at once; those of others with their second exchange */
#define SF_LANE_CPUS 1024

/* where a connection stands */
enum sf_lane_state {
	SF_LANE_IDLE = 0,
	SF_LANE_REQUEST = 1,  /* a request has begun */
	SF_LANE_WAITING = 2,  /* it has ended, and its response has not begun */
	SF_LANE_RESPONSE = 3, /* that has begun */
};

enum sf_lane_kind {
	SF_LANE_PASSED = 0,   /* for the long road; at, request_from: which in sf_lane_passed(), from, to */
	SF_LANE_LEAVES = 1,   /* a connection takes the long road; at: its slot */
	SF_LANE_EXCHANGE = 2, /* at: the connection's slot */
	SF_LANE_ENTERS = 3,   /* a new connection; at: its slot; ring_at: its first record */
	SF_LANE_CLOSED = 4,   /* both ends have closed; at: its slot */
	/*
	 * exchanges that ended; at: how many; ring_at, request_from: their lines, from, to; response_from: 0,
	 * or the slot of the connection that is new and has all of them, plus 1
	 */
	SF_LANE_LINES = 5,
};

/* one message; a request, or its response */
struct sf_lane_half {
	__u64 start_ns;
	__u64 end_ns;
	__u64 body_len; /* on the wire */
	__u64 missing;	/* of it, still to come */
	__u32 seq;
	__u32 ack;
	__u32 head_len;
	__u32 head_room;
	__u32 body_kept; /* bytes of it, where bodies are kept */
	__u32 body_room;
	char *head;
	char *body;
};

struct sf_lane_slot {
	__u64 stream;
	__u64 last_ns;
	__u64 passed[2]; /* bytes of each end, on the lane */
	__u32 next[2];	 /* the sequence number that comes next, of each end */
	__u32 acked[2];	 /* what each end had received by its last segment */
	__u32 chain;	 /* the next slot with the same hash, or that is free; plus 1 */
	__u8 client_end;
	__u8 state;	/* enum sf_lane_state */
	__u8 has_ended; /* an exchange has, on the lane */
	__u8 heard;	/* a bit for each end: acked is known */
	__u8 closed;	/* a bit for each end: its FIN has come */
	__u8 control;	/* segments without bytes */
	__u8 is_new;	/* it entered in this run, and may be refused */
	__u8 reserved[5];
	__u32 conn_seq;			 /* of the last exchange */
	__u32 route_len;		 /* 0: no lines are written for it */
	struct sf_lane_half half[2];	 /* request, response */
	char route[SF_LANE_ROUTE_BYTES]; /* where lines are written */
};

/* texts: from where to where, in sf_lane_text() */
struct sf_lane_event {
	__u32 kind; /* enum sf_lane_kind */
	__u32 at;
	__u32 request_from;
	__u32 response_from;
	__u32 response_to;
	__u32 ring_at;
	__u32 request_body_at; /* what is kept of the bodies, in sf_lane_bodies() */
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

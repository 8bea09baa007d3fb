/* SPDX-License-Identifier: BSD-3-Clause */
/* The declarations that the C files of the lane share. */
#ifndef SOCKFILTER_LANE_INSIDE_H
#define SOCKFILTER_LANE_INSIDE_H

#include "lane.h"

#define HASH_BITS 15

struct sf_tally;

struct sf_lane {
	struct sf_lane_slot slots[SF_LANE_CONNECTIONS];
	__u32 hash[1 << HASH_BITS]; /* first slot of each chain, plus 1 */
	__u32 free;		    /* first free slot, plus 1 */
	__u32 used;		    /* slots that have been in use */
	__u64 body_limit;	    /* bytes of each body that are kept */
	int decodes;
	unsigned int count; /* events of this run */
	/* the form of lines, set by forms/line.py */
	int has_lines;
	int show_secrets;
	__u32 route_width;
	__u32 route_width_max;
	__u32 request_width;
	__u32 request_width_max;
	char clock[16]; /* the text of second */
	__u64 second;
	__s64 clock_offset_ns;
	size_t text_len;
	size_t lines_len;
	size_t lines_room;
	size_t bodies_len;
	size_t bodies_room;
	size_t bodies_held; /* by slots */
	char *lines;
	char *bodies;		  /* the bodies of the exchanges in text */
	__u64 last[SF_LANE_CPUS]; /* for each processor, the last stream seen of those that it has numbered */
	struct sf_tally *tally;	  /* NULL: nobody needs counts */
	__u32 passed_count;
	__u32 reserved;
	__u32 passed[SF_LANE_RECORDS]; /* offsets of the records for the road */
	/* a record can cause two events: its connection leaves, and the record goes to the road */
	struct sf_lane_event events[2 * SF_LANE_RECORDS];
	char text[SF_LANE_RECORDS * 2 * SF_LANE_HEAD_BYTES];
};

/* the properties of a message that the lane reads from its head */
struct head {
	size_t len;
	__u64 body_len;
	int status; /* 0 for a request */
	int has_length;
	int is_coded;
	int reserved;
};

/* Whether a flow is one of Unix sockets. Their ends are names, which the lane does not know. */
static inline int is_local(const struct sf_flow *flow)
{
	return !flow->port[0] && !flow->port[1];
}

static struct sf_lane_slot *lane_find(struct sf_lane *lane, __u64 stream);
static struct sf_lane_slot *lane_take_slot(struct sf_lane *lane, __u64 stream, int client_end);
static void lane_unlink(struct sf_lane *lane, struct sf_lane_slot *slot);
static void sf_lane_leave(struct sf_lane *lane, unsigned int number);
static int read_head(const char *at, size_t len, int is_request, struct head *head);
static void prepare_traces(void);
static int may_hold_secret(const char *at, size_t len);
static void line_route(struct sf_lane_slot *slot, const struct sf_flow *flow);
static size_t line_render(struct sf_lane *lane, const struct sf_lane_slot *slot, char *line);
static void tally_close(struct sf_lane *lane);
static int tally_note(struct sf_lane *lane, const struct sf_lane_slot *slot);
static void tally_forget(struct sf_lane *lane);
static char *digits(char *end, __u64 number);

#endif

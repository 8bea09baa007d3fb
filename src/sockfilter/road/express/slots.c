/* SPDX-License-Identifier: BSD-3-Clause */
/* The connections in the lane, and the form of its lines. */
#include <linux/types.h>
#include <stdlib.h>
#include <string.h>

#include "inside.h"
#include "pages.h"

static struct sf_lane *sf_lane_open(__u64 body_limit, int decodes)
{
	struct sf_lane *lane = pages_take(sizeof(*lane));

	prepare_traces();
	if (lane) {
		lane->body_limit = body_limit;
		lane->decodes = decodes;
	}
	return lane;
}

static void sf_lane_close(struct sf_lane *lane)
{
	__u32 i;

	if (!lane)
		return;
	for (i = 0; i < lane->used; i++) {
		free(lane->slots[i].half[0].head);
		free(lane->slots[i].half[1].head);
		free(lane->slots[i].half[0].body);
		free(lane->slots[i].half[1].body);
	}
	tally_close(lane);
	free(lane->lines);
	free(lane->bodies);
	pages_give(lane, sizeof(*lane));
}

static __u32 *lane_chain(struct sf_lane *lane, __u64 stream)
{
	return &lane->hash[(stream >> 1) * 0x9e3779b97f4a7c15ULL >> (64 - HASH_BITS)];
}

/* Returns the slot of a stream, whose lowest bit must be 0, or NULL. */
static struct sf_lane_slot *lane_find(struct sf_lane *lane, __u64 stream)
{
	__u32 at = *lane_chain(lane, stream);

	while (at && lane->slots[at - 1].stream != stream)
		at = lane->slots[at - 1].chain;
	return at ? &lane->slots[at - 1] : NULL;
}

/* Returns a new slot, or NULL if there is no room. */
static struct sf_lane_slot *lane_take_slot(struct sf_lane *lane, __u64 stream, int client_end)
{
	__u32 *chain = lane_chain(lane, stream);
	struct sf_lane_slot *slot;
	__u32 at = lane->free;

	if (at)
		lane->free = lane->slots[at - 1].chain;
	else if (lane->used < SF_LANE_CONNECTIONS)
		at = ++lane->used;
	else
		return NULL;
	slot = &lane->slots[at - 1];
	slot->stream = stream;
	slot->client_end = client_end;
	slot->state = SF_LANE_IDLE;
	slot->has_ended = 0;
	slot->passed[0] = slot->passed[1] = 0;
	slot->heard = 0;
	slot->closed = 0;
	slot->control = 0;
	slot->is_new = 0;
	slot->conn_seq = 0;
	slot->route_len = 0;
	slot->chain = *chain;
	*chain = at;
	return slot;
}

/*
 * Adds a connection that is between two exchanges. conn_seq: the number of its
 * last exchange. flow: its struct sf_flow. Returns its slot, or -1 if there is
 * no room.
 */
static int sf_lane_enter(struct sf_lane *lane, __u64 stream, int client_end, const __u32 *next, const __u32 *acked,
			 __u64 last_ns, __u32 conn_seq, const void *flow)
{
	struct sf_lane_slot *slot = is_local(flow) ? NULL : lane_take_slot(lane, stream, client_end);

	if (!slot)
		return -1;
	memcpy(slot->next, next, sizeof(slot->next));
	memcpy(slot->acked, acked, sizeof(slot->acked));
	slot->heard = 3;
	slot->last_ns = last_ns;
	slot->conn_seq = conn_seq;
	if (lane->has_lines)
		line_route(slot, flow);
	return slot - lane->slots;
}

static struct sf_lane_slot *sf_lane_slot(struct sf_lane *lane, unsigned int slot)
{
	return &lane->slots[slot];
}

/* Stops taking records for a slot. Its content stays valid until sf_lane_leave(). */
static void lane_unlink(struct sf_lane *lane, struct sf_lane_slot *slot)
{
	__u32 *chain = lane_chain(lane, slot->stream), at = slot - lane->slots + 1;

	while (*chain && *chain != at)
		chain = &lane->slots[*chain - 1].chain;
	if (*chain)
		*chain = slot->chain;
}

static void sf_lane_leave(struct sf_lane *lane, unsigned int number)
{
	struct sf_lane_slot *slot = &lane->slots[number];

	lane_unlink(lane, slot);
	slot->chain = lane->free;
	lane->free = number + 1;
}

static const struct sf_lane_event *sf_lane_events(const struct sf_lane *lane)
{
	return lane->events;
}

/* Makes the lane write lines, for connections that enter from now on. */
static void sf_lane_write_lines(struct sf_lane *lane, int show_secrets, __u32 route_width_max, __u32 request_width_max)
{
	lane->has_lines = 1;
	lane->show_secrets = show_secrets;
	lane->route_width_max = route_width_max;
	lane->request_width_max = request_width_max;
}

/* Sets the form of the lines of the next run. Widths are in characters. */
static void sf_lane_set_line(struct sf_lane *lane, __u32 route_width, __u32 request_width, __s64 clock_offset_ns)
{
	lane->route_width = route_width;
	lane->request_width = request_width;
	lane->clock_offset_ns = clock_offset_ns;
}

static const __u32 *sf_lane_passed(const struct sf_lane *lane)
{
	return lane->passed;
}

static const char *sf_lane_lines(const struct sf_lane *lane)
{
	return lane->lines;
}

static const char *sf_lane_bodies(const struct sf_lane *lane)
{
	return lane->bodies;
}

static const char *sf_lane_text(const struct sf_lane *lane, size_t *size)
{
	*size = lane->text_len;
	return lane->text;
}

/* SPDX-License-Identifier: BSD-3-Clause */
/* Turns records into exchanges: see lane.h. Everything is static: the file that cffi generates includes all parts. */
#include <linux/types.h>
#include <stdlib.h>
#include <string.h>

#include "inside.h"
#include "tcp.h"

static int keep_head(struct sf_lane_half *half, const char *head, size_t len)
{
	if (half->head_room < len) {
		char *room = realloc(half->head, len);

		if (!room)
			return 0;
		half->head = room;
		half->head_room = len;
	}
	memcpy(half->head, head, len);
	half->head_len = len;
	return 1;
}

/* Makes room for more bytes after those in use. Returns 0 if there is no memory. */
static int lane_grow(char **text, size_t *room, size_t used, size_t more)
{
	size_t size = *room ? *room : 65536;
	char *grown;

	if (used + more <= *room)
		return 1;
	while (size < used + more)
		size *= 2;
	grown = realloc(*text, size);
	if (!grown)
		return 0;
	*text = grown;
	*room = size;
	return 1;
}

/* Drops a body. Keeps a small buffer for the next one. */
static void lane_drop_body(struct sf_lane *lane, struct sf_lane_half *half)
{
	half->body_kept = 0;
	if (half->body_room <= SF_LANE_HEAD_BYTES)
		return;
	lane->bodies_held -= half->body_room;
	half->body_room = 0;
	free(half->body);
	half->body = NULL;
}

/* Makes room for the bytes to keep of a body. Returns 0 if there is no room. */
static int lane_begin_body(struct sf_lane *lane, struct sf_lane_half *half)
{
	__u32 size = half->body_len < lane->body_limit ? half->body_len : lane->body_limit;
	char *room;

	half->body_kept = 0;
	if (size <= half->body_room)
		return 1;
	if (lane->bodies_held + size - half->body_room > SF_LANE_BODIES_BYTES)
		return 0;
	room = realloc(half->body, size);
	if (!room)
		return 0;
	lane->bodies_held += size - half->body_room;
	half->body = room;
	half->body_room = size;
	return 1;
}

static void lane_keep_body(struct sf_lane *lane, struct sf_lane_half *half, const char *data, size_t size)
{
	if (size > lane->body_limit - half->body_kept)
		size = lane->body_limit - half->body_kept;
	if (!size)
		return;
	memcpy(half->body + half->body_kept, data, size);
	half->body_kept += size;
}

/* Takes the first segment of a message. Returns 0 if the message is not for the lane. */
static int lane_begin(struct sf_lane *lane, struct sf_lane_slot *slot, const struct sf_record *record,
		      const char *payload, int is_request)
{
	struct sf_lane_half *half = &slot->half[!is_request];
	struct head head = {};
	__u64 here;

	if (record->payload_kept != record->payload_len || !read_head(payload, record->payload_len, is_request, &head))
		return 0;
	here = record->payload_len - head.len;
	if (here > head.body_len || head.body_len >= SF_LANE_BODY_BYTES)
		return 0;
	if (head.body_len && head.is_coded && lane->decodes)
		return 0;
	half->body_len = head.body_len;
	if (!keep_head(half, payload, head.len) || (lane->body_limit && !lane_begin_body(lane, half)))
		return 0;
	lane_keep_body(lane, half, payload + head.len, here);
	half->start_ns = half->end_ns = record->time_ns;
	half->missing = head.body_len - here;
	half->seq = record->seq;
	half->ack = record->ack;
	return 1;
}

/* Takes more bytes of a body. Returns 0 if the segment contains other bytes too. */
static int lane_go_on(struct sf_lane *lane, struct sf_lane_half *half, const struct sf_record *record,
		      const char *payload)
{
	if (record->payload_len > half->missing || (lane->body_limit && record->payload_kept != record->payload_len))
		return 0;
	lane_keep_body(lane, half, payload, record->payload_len);
	half->missing -= record->payload_len;
	half->end_ns = record->time_ns;
	return 1;
}

static struct sf_lane_event *lane_event(struct sf_lane *lane, enum sf_lane_kind kind, __u32 at)
{
	struct sf_lane_event *event = &lane->events[lane->count++];

	event->kind = kind;
	event->at = at;
	return event;
}

static __u32 lane_copy_body(struct sf_lane *lane, const struct sf_lane_half *half)
{
	__u32 at = lane->bodies_len;

	if (!half->body_kept || !lane_grow(&lane->bodies, &lane->bodies_room, at, half->body_kept))
		return SF_LANE_NO_BODY;
	memcpy(lane->bodies + at, half->body, half->body_kept);
	lane->bodies_len += half->body_kept;
	return at;
}

static __u32 lane_copy(struct sf_lane *lane, const struct sf_lane_half *half)
{
	memcpy(lane->text + lane->text_len, half->head, half->head_len);
	lane->text_len += half->head_len;
	return lane->text_len;
}

static void lane_pass_on(struct sf_lane *lane, const struct sf_lane_slot *slot)
{
	const struct sf_lane_half *request = &slot->half[0], *response = &slot->half[1];
	struct sf_lane_event *event = lane_event(lane, SF_LANE_EXCHANGE, slot - lane->slots);

	event->request_from = lane->text_len;
	event->response_from = lane_copy(lane, request);
	event->response_to = lane_copy(lane, response);
	event->request_body_at = lane_copy_body(lane, request);
	event->response_body_at = lane_copy_body(lane, response);
	event->request_ns = request->start_ns;
	event->request_end_ns = request->end_ns;
	event->response_ns = response->start_ns;
	event->response_end_ns = response->end_ns;
	event->request_body = request->body_len;
	event->response_body = response->body_len;
	event->request_seq = request->seq;
	event->request_ack = request->ack;
	event->response_seq = response->seq;
	event->response_ack = response->ack;
	event->conn_seq = slot->conn_seq;
}

/* Writes the line of an exchange. Returns 0 if its line cannot be written here. */
static int lane_write(struct sf_lane *lane, struct sf_lane_slot *slot)
{
	struct sf_lane_event *event = lane->count ? &lane->events[lane->count - 1] : NULL;
	__u32 owner = slot->is_new ? slot - lane->slots + 1 : 0;
	size_t len;

	if (!lane_grow(&lane->lines, &lane->lines_room, lane->lines_len, SF_LANE_LINE_BYTES))
		return 0;
	len = line_render(lane, slot, lane->lines + lane->lines_len);
	if (!len)
		return 0;
	if (!event || event->kind != SF_LANE_LINES || event->response_from != owner) {
		event = lane_event(lane, SF_LANE_LINES, 0);
		event->response_from = owner;
		event->ring_at = lane->lines_len;
	}
	lane->lines_len += len;
	event->request_from = lane->lines_len;
	event->at++;
	return 1;
}

static void lane_emit(struct sf_lane *lane, struct sf_lane_slot *slot)
{
	int is_counted = lane->tally && tally_note(lane, slot);
	int is_enough = lane->tally ? is_counted : lane->has_lines;

	slot->conn_seq++;
	if (!is_enough || (lane->has_lines && !lane_write(lane, slot))) {
		if (is_counted)
			tally_forget(lane);
		lane_pass_on(lane, slot);
	}
	lane_drop_body(lane, &slot->half[0]);
	lane_drop_body(lane, &slot->half[1]);
}

/* Takes the FIN of an end. Returns 0 if it has a payload, if an exchange is open, or if it is not the first. */
static int lane_close(struct sf_lane *lane, struct sf_lane_slot *slot, const struct sf_record *record, __u32 end)
{
	if (record->payload_len || slot->state != SF_LANE_IDLE || slot->closed & 1 << end)
		return 0;
	slot->closed |= 1 << end;
	slot->control++;
	slot->acked[end] = record->ack;
	slot->heard |= 1 << end;
	slot->last_ns = record->time_ns;
	if (slot->closed == 3) {
		lane_unlink(lane, slot);
		lane_event(lane, SF_LANE_CLOSED, slot - lane->slots);
	}
	return 1;
}

/* Returns how far end lies after start; negative if it lies before. Sequence numbers wrap (RFC 9293, 3.4). */
static __s32 distance(__u32 start, __u32 end)
{
	return end - start;
}

/* Whether a time is not before another, and neither is marked (sources/files/clocks.py), which makes it negative. */
static int is_behind(__u64 time_ns, __u64 other_ns)
{
	return (__s64)time_ns >= (__s64)other_ns && (__s64)other_ns >= 0;
}

/* Takes a record. Returns 0 if the connection must return to the road before this record. */
static int lane_take(struct sf_lane *lane, struct sf_lane_slot *slot, const struct sf_record *record,
		     const char *payload)
{
	struct sf_lane_half *request = &slot->half[0], *response = &slot->half[1];
	__u32 end = record->stream & 1;
	int is_request = end == slot->client_end;

	if (record->kind != SF_SEGMENT || record->tcp_flags & (TCP_SYN | TCP_RST) || record->seq != slot->next[end])
		return 0;
	if (!is_behind(record->time_ns, slot->last_ns))
		return 0;
	/* the segment acknowledges bytes that have not come */
	if (record->payload_len && distance(slot->next[!end], record->ack) > 0)
		return 0;
	if (record->tcp_flags & TCP_FIN)
		return lane_close(lane, slot, record, end);
	if (!record->payload_len || slot->closed)
		return 0;
	switch (slot->state) {
	case SF_LANE_IDLE:
		if (!is_request || !lane_begin(lane, slot, record, payload, 1))
			return 0;
		slot->state = request->missing ? SF_LANE_REQUEST : SF_LANE_WAITING;
		break;
	case SF_LANE_REQUEST:
		if (!is_request || !lane_go_on(lane, request, record, payload))
			return 0;
		if (!request->missing)
			slot->state = SF_LANE_WAITING;
		break;
	case SF_LANE_WAITING:
		/* a response must acknowledge bytes of the request */
		if (is_request || distance(request->seq, record->ack) <= 0 ||
		    !lane_begin(lane, slot, record, payload, 0))
			return 0;
		slot->state = SF_LANE_RESPONSE;
		break;
	case SF_LANE_RESPONSE:
		if (is_request || !lane_go_on(lane, response, record, payload))
			return 0;
		break;
	}
	slot->next[end] = record->seq + record->payload_len;
	slot->passed[end] += record->payload_len;
	slot->acked[end] = record->ack;
	slot->heard |= 1 << end;
	slot->last_ns = record->time_ns;
	if (slot->state == SF_LANE_RESPONSE && !response->missing) {
		slot->state = SF_LANE_IDLE;
		slot->has_ended = 1;
		lane_emit(lane, slot);
	}
	return 1;
}

/*
 * Takes the first record of a new connection. Each processor numbers its
 * connections in order, so that a number above all earlier ones is new. The
 * record must contain a request that directly follows the SYN. Returns 0 if
 * it does not.
 */
static int lane_open(struct sf_lane *lane, const struct sf_record *record, const char *payload, __u32 at)
{
	__u64 stream = record->stream & ~1ULL;
	__u32 cpu = stream >> 48, end = record->stream & 1;
	struct sf_lane_slot *slot;

	if (record->kind != SF_SEGMENT || cpu >= SF_LANE_CPUS || stream <= lane->last[cpu] || is_local(&record->flow))
		return 0;
	lane->last[cpu] = stream;
	if ((record->marks & ~SF_MARK_VLAN & ~SF_MARK_BARE) != (SF_MARK_ISN0 | SF_MARK_ISN1) || !record->payload_len ||
	    record->tcp_flags & (TCP_SYN | TCP_FIN | TCP_RST) || record->seq != record->isn[end] + 1 ||
	    record->ack != record->isn[!end] + 1 || !is_behind(record->synack_ns, record->syn_ns))
		return 0;
	slot = lane_take_slot(lane, stream, end);
	if (!slot)
		return 0;
	slot->next[end] = record->seq;
	slot->next[!end] = record->ack;
	slot->last_ns = record->synack_ns;
	if (lane->has_lines)
		line_route(slot, &record->flow);
	if (!lane_take(lane, slot, record, payload)) {
		sf_lane_leave(lane, slot - lane->slots);
		return 0;
	}
	slot->is_new = 1;
	lane_event(lane, SF_LANE_ENTERS, slot - lane->slots)->ring_at = at - sizeof(*record);
	return 1;
}

/* Passes a record to the road. Consecutive records share an event, as most are of connections that never enter. */
static void lane_pass(struct sf_lane *lane, __u32 offset)
{
	struct sf_lane_event *event = lane->count ? &lane->events[lane->count - 1] : NULL;

	if (!event || event->kind != SF_LANE_PASSED)
		event = lane_event(lane, SF_LANE_PASSED, lane->passed_count);
	lane->passed[lane->passed_count++] = offset;
	event->request_from = lane->passed_count;
}

/*
 * Takes at most SF_LANE_RECORDS records. Returns the number of events. The
 * events and their texts are valid until the next run. The slot of a connection
 * that leaves is valid until sf_lane_leave().
 */
static unsigned int sf_lane_run(struct sf_lane *lane, const char *ring, const __u32 *offsets, unsigned int records)
{
	unsigned int i;

	lane->count = 0;
	lane->passed_count = 0;
	lane->text_len = 0;
	lane->lines_len = 0;
	lane->bodies_len = 0;
	for (i = 0; i < records; i++) {
		const struct sf_record *record = (const struct sf_record *)(ring + offsets[i]);
		const char *frame = (const char *)(record + 1);
		struct sf_lane_slot *slot = lane_find(lane, record->stream & ~1ULL);
		__u32 at = offsets[i] + sizeof(*record);

		if (record->kind == SF_FRAME)
			continue;
		if (slot ? lane_take(lane, slot, record, frame + record->payload_off)
			 : lane_open(lane, record, frame + record->payload_off, at))
			continue;
		if (slot) {
			lane_unlink(lane, slot);
			lane_event(lane, SF_LANE_LEAVES, slot - lane->slots);
		}
		lane_pass(lane, offsets[i]);
	}
	return lane->count;
}

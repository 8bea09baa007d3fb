/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * See lane.h. Strict where the long road is not: what is taken here must read
 * the same there, and a test compares the two on the same packets. Included
 * by the file that cffi generates, so everything is static.
 */
#include <linux/types.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lane.h"

#define HASH_BITS 15
#define TCP_FIN 0x01
#define TCP_SYN 0x02
#define TCP_RST 0x04
/* digits of a Content-Length; what is longer takes the long road */
#define LENGTH_DIGITS 15

struct sf_lane {
	struct sf_lane_slot slots[SF_LANE_CONNECTIONS];
	__u32 hash[1 << HASH_BITS]; /* first slot of each chain, plus 1 */
	__u32 free;		    /* first free slot, plus 1 */
	__u32 used;		    /* slots that have been in use */
	int keeps_bodies;
	int decodes;
	unsigned int count; /* of events */
	__u32 reserved;
	size_t text_len;
	__u64 last[SF_LANE_CPUS]; /* of the streams that a processor has numbered, the last that was seen */
	/* a record makes its connection leave, and is one for the long road */
	struct sf_lane_event events[2 * SF_LANE_RECORDS];
	char text[SF_LANE_RECORDS * 2 * SF_LANE_HEAD_BYTES];
};

/* what a head says of its message */
struct head {
	size_t len;
	__u64 body_len;
	int status; /* 0 of a request */
	int has_length;
	int is_coded;
	int reserved;
};

/* what it takes and does not touch costs no memory */
static struct sf_lane *sf_lane_open(int keeps_bodies, int decodes)
{
	struct sf_lane *lane = calloc(1, sizeof(*lane));

	if (lane) {
		lane->keeps_bodies = keeps_bodies;
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
	}
	free(lane);
}

static __u32 *lane_chain(struct sf_lane *lane, __u64 stream)
{
	return &lane->hash[(stream >> 1) * 0x9e3779b97f4a7c15ULL >> (64 - HASH_BITS)];
}

/* of an even stream */
static struct sf_lane_slot *lane_find(struct sf_lane *lane, __u64 stream)
{
	__u32 at = *lane_chain(lane, stream);

	while (at && lane->slots[at - 1].stream != stream)
		at = lane->slots[at - 1].chain;
	return at ? &lane->slots[at - 1] : NULL;
}

/* NULL where there is no room. */
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
	slot->heard = 0;
	slot->closed = 0;
	slot->control = 0;
	slot->chain = *chain;
	*chain = at;
	return slot;
}

/* A connection that is at rest. Returns its slot, or -1 where there is no room. */
static int sf_lane_enter(struct sf_lane *lane, __u64 stream, int client_end, const __u32 *next, const __u32 *acked,
			 __u64 last_ns)
{
	struct sf_lane_slot *slot = lane_take_slot(lane, stream, client_end);

	if (!slot)
		return -1;
	memcpy(slot->next, next, sizeof(slot->next));
	memcpy(slot->acked, acked, sizeof(slot->acked));
	slot->heard = 3;
	slot->last_ns = last_ns;
	return slot - lane->slots;
}

static struct sf_lane_slot *sf_lane_slot(struct sf_lane *lane, unsigned int slot)
{
	return &lane->slots[slot];
}

/* no more records are taken for it; what it holds stays until sf_lane_leave() */
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

static const char *sf_lane_text(const struct sf_lane *lane, size_t *size)
{
	*size = lane->text_len;
	return lane->text;
}

/* the value of Content-Length; negative where it is not plain digits */
static long long read_length(const char *at, const char *end)
{
	long long value = 0;
	const char *first;

	while (at < end && (*at == ' ' || *at == '\t'))
		at++;
	for (first = at; at < end && *at >= '0' && *at <= '9'; at++) {
		if (at - first >= LENGTH_DIGITS)
			return -1;
		value = value * 10 + (*at - '0');
	}
	if (at == first)
		return -1;
	while (at < end && (*at == ' ' || *at == '\t'))
		at++;
	return at == end ? value : -1;
}

/* Whether the field at is name; -1 where it may be, written in an unusual way. */
static int is_field(const char *at, const char *end, const char *name, size_t len)
{
	if ((size_t)(end - at) <= len || strncasecmp(at, name, len))
		return 0;
	if (at[len] == ' ' || at[len] == '\t')
		return -1;
	return at[len] == ':';
}

#define IS_FIELD(name) is_field(at, end, name, sizeof(name) - 1)

/* A field that says how the body is framed. Returns 0 where the long road must look. */
static int read_field(const char *at, const char *end, struct head *head)
{
	long long length;
	int is;

	if ((*at | 0x20) == 't')
		return !IS_FIELD("transfer-encoding");
	is = IS_FIELD("content-encoding");
	if (is) {
		head->is_coded = 1;
		return is > 0;
	}
	is = IS_FIELD("content-length");
	if (!is)
		return 1;
	if (is < 0 || head->has_length)
		return 0;
	length = read_length(at + sizeof("content-length:") - 1, end);
	if (length < 0)
		return 0;
	head->has_length = 1;
	head->body_len = length;
	return 1;
}

/* METHOD SP target SP HTTP/1.x; not HEAD and CONNECT, whose responses are read in another way */
static int read_request_line(const char *at, const char *end)
{
	const char *first = at;

	while (at < end && ((*at >= 'A' && *at <= 'Z') || *at == '-'))
		at++;
	if (at - first < 3 || at - first > 17 || at == end || *at != ' ')
		return 0;
	if (!memcmp(first, "HEAD ", 5) || !memcmp(first, "PRI ", 4) ||
	    (at - first == 7 && !memcmp(first, "CONNECT", 7)))
		return 0;
	for (first = ++at; at < end && (unsigned char)*at > ' ' && *at != 0x7f; at++)
		;
	return at > first && end - at == 9 && !memcmp(at, " HTTP/1.", 8) && (at[8] == '1' || at[8] == '0');
}

/* HTTP/1.x SP status, and perhaps words; a final one */
static int read_status_line(const char *at, const char *end, struct head *head)
{
	if (end - at < 12 || memcmp(at, "HTTP/1.", 7) || (at[7] != '1' && at[7] != '0') || at[8] != ' ')
		return 0;
	if (at[9] < '2' || at[9] > '9' || at[10] < '0' || at[10] > '9' || at[11] < '0' || at[11] > '9')
		return 0;
	if (end - at > 12 && at[12] != ' ')
		return 0;
	head->status = (at[9] - '0') * 100 + (at[10] - '0') * 10 + at[11] - '0';
	return 1;
}

/* Returns 0 where the head is not whole, or the long road must read it. */
static int read_head(const char *at, size_t len, int is_request, struct head *head)
{
	const char *first = at, *end, *all = at + len;

	for (;;) {
		end = memchr(at, '\n', all - at);
		if (!end || end == at || end[-1] != '\r')
			return 0;
		if (end == at + 1)
			break;
		if (at == first) {
			if (!(is_request ? read_request_line(at, end - 1) : read_status_line(at, end - 1, head)))
				return 0;
		} else if (*at == ' ' || *at == '\t') {
			return 0;
		} else if (((*at | 0x20) == 'c' || (*at | 0x20) == 't') && !read_field(at, end - 1, head)) {
			return 0;
		}
		at = end + 1;
	}
	head->len = end + 1 - first;
	if (at == first || head->len > SF_LANE_HEAD_BYTES)
		return 0;
	if (is_request)
		return 1;
	if (head->status == 204 || head->status == 304)
		head->body_len = 0;
	else if (!head->has_length)
		return 0;
	return 1;
}

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

/* The beginning of a message. Returns 0 where it is not for the lane. */
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
	if (head.body_len && lane->keeps_bodies && (is_request || here < head.body_len))
		return 0;
	if (!keep_head(half, payload, head.len))
		return 0;
	half->start_ns = half->end_ns = record->time_ns;
	half->body_len = head.body_len;
	half->missing = head.body_len - here;
	half->seq = record->seq;
	half->ack = record->ack;
	return 1;
}

/* More of a message's body. Returns 0 where it is not all body. */
static int lane_go_on(struct sf_lane_half *half, const struct sf_record *record)
{
	if (record->payload_len > half->missing)
		return 0;
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

static __u32 lane_copy(struct sf_lane *lane, const struct sf_lane_half *half)
{
	memcpy(lane->text + lane->text_len, half->head, half->head_len);
	lane->text_len += half->head_len;
	return lane->text_len;
}

static void lane_emit(struct sf_lane *lane, struct sf_lane_slot *slot, __u32 body_at)
{
	const struct sf_lane_half *request = &slot->half[0], *response = &slot->half[1];
	struct sf_lane_event *event = lane_event(lane, SF_LANE_EXCHANGE, slot - lane->slots);

	event->request_from = lane->text_len;
	event->response_from = lane_copy(lane, request);
	event->response_to = lane_copy(lane, response);
	event->ring_at = body_at;
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
}

/* An end closes, between exchanges. Returns 0 where it has more to say with it. */
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

/* Returns 0 where the connection must take the long road, before this record. */
static int lane_take(struct sf_lane *lane, struct sf_lane_slot *slot, const struct sf_record *record,
		     const char *payload, __u32 at)
{
	struct sf_lane_half *request = &slot->half[0], *response = &slot->half[1];
	__u32 end = record->stream & 1;
	int is_request = end == slot->client_end;

	if (record->kind != SF_SEGMENT || record->tcp_flags & (TCP_SYN | TCP_RST) || record->seq != slot->next[end])
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
		if (!is_request || !lane_go_on(request, record))
			return 0;
		if (!request->missing)
			slot->state = SF_LANE_WAITING;
		break;
	case SF_LANE_WAITING:
		/* not a wrap's worth of doubt whether the server had received any of the request */
		if (is_request || record->ack <= request->seq || !lane_begin(lane, slot, record, payload, 0))
			return 0;
		slot->state = SF_LANE_RESPONSE;
		break;
	case SF_LANE_RESPONSE:
		if (is_request || !lane_go_on(response, record))
			return 0;
		break;
	}
	slot->next[end] = record->seq + record->payload_len;
	slot->acked[end] = record->ack;
	slot->heard |= 1 << end;
	slot->last_ns = record->time_ns;
	if (slot->state == SF_LANE_RESPONSE && !response->missing) {
		slot->state = SF_LANE_IDLE;
		slot->has_ended = 1;
		lane_emit(lane, slot, at + record->payload_off + response->head_len);
	}
	return 1;
}

/*
 * A processor numbers its connections in order, so that one with a higher
 * number than all before is new. Its first record begins it, where that is a
 * request behind the SYN, and nothing came before it. Returns 0 where it does not.
 */
static int lane_open(struct sf_lane *lane, const struct sf_record *record, const char *payload, __u32 at)
{
	__u64 stream = record->stream & ~1ULL;
	__u32 cpu = stream >> 48, end = record->stream & 1;
	struct sf_lane_slot *slot;

	if (record->kind != SF_SEGMENT || cpu >= SF_LANE_CPUS || stream <= lane->last[cpu])
		return 0;
	lane->last[cpu] = stream;
	if ((record->marks & ~SF_MARK_VLAN & ~SF_MARK_BARE) != (SF_MARK_ISN0 | SF_MARK_ISN1) || !record->payload_len ||
	    record->tcp_flags & (TCP_SYN | TCP_FIN | TCP_RST) || record->seq != record->isn[end] + 1 ||
	    record->ack != record->isn[!end] + 1)
		return 0;
	slot = lane_take_slot(lane, stream, end);
	if (!slot)
		return 0;
	slot->next[end] = record->seq;
	slot->next[!end] = record->ack;
	if (!lane_take(lane, slot, record, payload, at)) {
		sf_lane_leave(lane, slot - lane->slots);
		return 0;
	}
	lane_event(lane, SF_LANE_ENTERS, slot - lane->slots)->ring_at = at - sizeof(*record);
	return 1;
}

/*
 * Takes at most SF_LANE_RECORDS records. Returns how many events there are;
 * they and their texts stay until the next run, a slot that leaves until
 * sf_lane_leave().
 */
static unsigned int sf_lane_run(struct sf_lane *lane, const char *ring, const __u32 *offsets, unsigned int records)
{
	unsigned int i;

	lane->count = 0;
	lane->text_len = 0;
	for (i = 0; i < records; i++) {
		const struct sf_record *record = (const struct sf_record *)(ring + offsets[i]);
		const char *frame = (const char *)(record + 1);
		struct sf_lane_slot *slot = lane_find(lane, record->stream & ~1ULL);
		__u32 at = offsets[i] + sizeof(*record);

		if (record->kind == SF_FRAME)
			continue;
		if (slot ? lane_take(lane, slot, record, frame + record->payload_off, at)
			 : lane_open(lane, record, frame + record->payload_off, at))
			continue;
		if (slot) {
			lane_unlink(lane, slot);
			lane_event(lane, SF_LANE_LEAVES, slot - lane->slots);
		}
		lane_event(lane, SF_LANE_RECORD, offsets[i]);
	}
	return lane->count;
}

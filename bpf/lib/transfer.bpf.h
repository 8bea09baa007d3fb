/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0 */
/*
 * Sends up the bytes that a call has moved. They are gathered from all its buffers
 * into one record, or into a few where there are many, with TCP's sequence numbers.
 * Where both ends of a connection are observed, each byte goes up once.
 */
#ifndef SOCKFILTER_TRANSFER_BPF_H
#define SOCKFILTER_TRANSFER_BPF_H

#include "../tcp.h"
#include "buffers.bpf.h"
#include "http_sockets.bpf.h"
#include "records.bpf.h"
#include "skipping.bpf.h"
#include "sockmap.bpf.h"

/* bytes that are copied at once: a page, because each page may be unreadable by itself */
#define STEP_BYTES 4096
/* A buffer of so many bytes or more is read into the ring directly. */
#define LARGE_BYTES 16384
/* While the ring fills, a buffer of so many bytes or more is left out; a record alone takes some hundred. */
#define LEFT_OUT_BYTES 1024
/*
 * Turns of a loop; there are two, one inside the other. 1 089 steps of one part
 * are enough for all the buffers that a call may have (UIO_MAXIOV) and the pages of
 * large ones; 4 096 parts of one call are more than 100 MB. The bytes after that
 * are not sent, and the call is counted (SF_CALLS_NOT_SEEN).
 */
#define STEPS 33
#define PARTS 64

/* the connection and the end that a record is about, and its place in the stream */
struct source {
	struct tcp_end end;
	__u64 from; /* which end sent the bytes */
	__u32 seq;  /* of the next byte */
	__u32 ack;
};

/* What happens to the next bytes of a call. These are a part of it, and a part has one outcome. */
enum part_kind {
	PART_WHOLE,	 /* the bytes go up */
	PART_LENGTHS,	 /* only their number goes up: nobody needs them, or they are in no buffer */
	PART_UNREADABLE, /* only their number goes up: they could not be read */
	PART_QUIET,	 /* nothing goes up: user space skips them */
	PART_DUPLICATE,	 /* nothing goes up: they went up when the other end moved them */
	PART_LOST,	 /* nothing goes up: the ring has no room */
};

struct part {
	__u64 left;	 /* bytes that it may still take */
	__u32 len;	 /* bytes that it has taken */
	__u32 kept;	 /* of them, copied */
	__u8 kind;	 /* enum part_kind */
	bool is_pressed; /* the ring fills: the part ends before a buffer that is to be left out */
	__u8 reserved[6];
};

/* the largest value that a per-CPU map takes (PCPU_MIN_UNIT_SIZE) */
#define TRANSFER_BYTES 32768
#define DRAFT_BYTES                                                                                                    \
	(TRANSFER_BYTES - sizeof(struct source) - sizeof(struct walk) - sizeof(struct part) - 2 * sizeof(__u64) -      \
	 sizeof(struct sf_record))

/* a call that has moved bytes of HTTP, and the record that is made of the next of them */
struct transfer {
	struct source source;
	struct walk walk;
	struct part part;
	__u64 owner;   /* the thread that made the call: send_part() stops if another one's call is here */
	__u64 is_file; /* the kernel moves the bytes itself: they are in no buffer */
	struct sf_record record;
	char draft[DRAFT_BYTES];
};

_Static_assert(sizeof(struct transfer) == TRANSFER_BYTES, "too large for a per-CPU map");

/*
 * The call that this CPU works on. The verifier follows a loop turn by turn, so
 * each turn calls a function that is verified by itself, once. Before 5.12 such a
 * function takes numbers only, and so it finds the call here. The record is made
 * here too: its size is not known in advance, and the ring reserves constant sizes
 * only.
 */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct transfer);
} transfers SEC(".maps");

static __always_inline struct transfer *current_transfer(void)
{
	__u32 first = 0;

	return bpf_map_lookup_elem(&transfers, &first);
}

/* Counts a record. Atomic: another program that counts records may interrupt this one. */
static __always_inline void count_record(__u32 counter)
{
	__u64 *value = counter_here(counter);

	if (value)
		__sync_fetch_and_add(value, 1);
}

static __always_inline bool has_room(__u64 len)
{
	return bpf_ringbuf_query(&ring, BPF_RB_AVAIL_DATA) + sizeof(struct sf_record) + len <
	       bpf_ringbuf_query(&ring, BPF_RB_RING_SIZE);
}

/* Decides what happens to the next bytes, and how many they are at most. */
static __always_inline void begin_part(struct transfer *p, struct connection *c)
{
	__u64 from = p->source.from & 1, left = p->walk.left, hint = skip_hint(c->id | from);
	__s32 already_sent = c->sent[from] - p->source.seq, unneeded = bytes_to_skip(hint, p->source.seq);
	__u8 kind = PART_WHOLE;
	bool is_pressed = false;

	continue_run(&c->run, &c->run_from, from);
	/* A number that is far away says nothing here; user space will tell. */
	if (c->sent_known & 1 << from && already_sent > 0) {
		kind = PART_DUPLICATE;
		left = left < (__u64)already_sent ? left : (__u64)already_sent;
	} else if (unneeded > 0) {
		/* User space wants to know when the hint's end is reached: a record goes up there. */
		kind = left < (__u64)unneeded && is_quiet(&c->reported_ns) ? PART_QUIET : PART_LENGTHS;
		left = left < (__u64)unneeded ? left : (__u64)unneeded;
	} else if (p->is_file) {
		kind = PART_LENGTHS;
	} else {
		is_pressed = leaves_out_run(c->run);
		if (is_pressed && p->walk.len >= LEFT_OUT_BYTES) {
			/* The small buffers around it go up: some servers write chunk sizes that way. */
			kind = PART_LENGTHS;
			left = left < p->walk.len ? left : p->walk.len;
		} else {
			left = left < DRAFT_BYTES ? left : DRAFT_BYTES;
			if (left > STEP_BYTES && !has_room(left))
				kind = PART_LOST; /* do not copy for nothing */
		}
	}
	p->part.is_pressed = is_pressed;
	p->part.left = left;
	p->part.len = p->part.kept = 0;
	p->part.kind = kind;
}

static __always_inline void advance(struct transfer *p, __u64 len)
{
	p->part.len += len;
	p->part.left -= len;
	p->walk.base += len;
	p->walk.len -= len;
	p->walk.left -= len;
}

static __always_inline bool has_more(const struct walk *walk)
{
	return walk->len || walk->count || walk->messages_count;
}

/* Takes the next bytes: of one buffer, and of one page where they are copied. Returns whether more can follow. */
static __always_inline bool copy_step(struct transfer *p)
{
	struct walk *walk = &p->walk;
	__u64 len, at = p->part.kept;

	if (!walk->len)
		next_buffer(walk);
	if (p->part.is_pressed && p->part.len && walk->len >= LEFT_OUT_BYTES)
		return false;
	len = walk->len < p->part.left ? walk->len : p->part.left;
	if (p->part.kind == PART_WHOLE && len) {
		if (len > STEP_BYTES)
			len = STEP_BYTES;
		if (at > DRAFT_BYTES - STEP_BYTES)
			return false;
		BELOW_FOR_VERIFIER(at, DRAFT_BYTES - STEP_BYTES + 1);
		BELOW_FOR_VERIFIER(len, STEP_BYTES + 1);
		if (!bpf_probe_read_user(p->draft + at, len, (void *)walk->base)) {
			p->part.kept = at + len;
		} else if (at) {
			/* the bytes that could be read go up by themselves */
			return false;
		} else {
			count(SF_CALLS_UNREADABLE);
			p->part.kind = PART_UNREADABLE;
			p->part.left = len;
		}
	}
	advance(p, len);
	return p->part.left && has_more(walk);
}

/* Fills in everything but the flags of FIN and RST. */
static __always_inline void describe(struct sf_record *record, const struct source *source, const struct connection *c,
				     __u32 len, __u32 kept)
{
	__builtin_memset(record, 0, sizeof(*record));
	record->stream = c->id | (source->from & 1);
	record->seq = source->seq;
	record->ack = source->ack;
	record->payload_len = record->frame_len = len;
	record->payload_kept = record->frame_kept = kept;
	record->tcp_flags = TCP_ACK;
	record->kind = SF_SEGMENT;
	record->isn[0] = c->isn[0];
	record->isn[1] = c->isn[1];
	record->marks = c->isn_known * (SF_MARK_ISN0 | SF_MARK_ISN1) | c->is_http2 * SF_MARK_HTTP2;
	record->flow = source->end.flow;
	record->time_ns = bpf_ktime_get_ns();
}

/* Sends a part up if its kind says so. Returns its outcome. */
static __always_inline int outcome_of_part(struct transfer *p, const struct connection *c)
{
	__u64 kept = p->part.kept;

	if (p->part.kind == PART_DUPLICATE)
		return SF_DUPLICATE;
	if (p->part.kind == PART_QUIET)
		return SF_QUIET;
	if (p->part.kind == PART_LOST)
		return SF_RING_FULL;
	describe(&p->record, &p->source, c, p->part.len, kept);
	if (p->part.kind == PART_LENGTHS) {
		p->record.marks |= SF_MARK_LENGTHS;
		count_record(SF_LENGTHS);
	}
	BELOW_FOR_VERIFIER(kept, DRAFT_BYTES + 1);
	if (bpf_ringbuf_output(&ring, &p->record, sizeof(p->record) + kept, wakeup()))
		return SF_RING_FULL;
	return SF_SENT;
}

/* Counts a part that has ended, and moves on to the bytes after it. */
static __always_inline void note_part(struct transfer *p, struct connection *c, int outcome)
{
	__u64 from = p->source.from & 1;

	count_record(SF_SEEN);
	count_record(outcome);
	p->source.seq += p->part.len;
	if (outcome == SF_DUPLICATE)
		return;
	c->run += p->part.len;
	/* Unix sockets have no numbers of their own: lost bytes must be counted here, or nobody would miss them. */
	if (outcome == SF_RING_FULL && !c->is_unix)
		return;
	c->sent[from] = p->source.seq;
	c->sent_known |= 1 << from;
}

/*
 * Reads a large buffer into the ring directly, because copying it twice would
 * cost more than everything else. bytes is a literal, because the ring reserves
 * constant sizes only. Returns false where the buffer cannot be read as a whole.
 */
static __always_inline bool send_directly(struct transfer *p, struct connection *c, __u64 bytes)
{
	struct sf_record *record = bpf_ringbuf_reserve(&ring, sizeof(*record) + bytes, 0);

	if (record) {
		if (bpf_probe_read_user(record + 1, bytes, (void *)p->walk.base)) {
			bpf_ringbuf_discard(record, BPF_RB_NO_WAKEUP);
			return false;
		}
		describe(record, &p->source, c, bytes, bytes);
		bpf_ringbuf_submit(record, wakeup());
	}
	advance(p, bytes);
	note_part(p, c, record ? SF_SENT : SF_RING_FULL);
	return true;
}

/* Returns false where the next bytes are not in a large buffer. */
static __always_inline bool send_large(struct transfer *p, struct connection *c)
{
	__u64 len = p->walk.len < p->walk.left ? p->walk.len : p->walk.left;

	if (len >= 16 * LARGE_BYTES)
		return send_directly(p, c, 16 * LARGE_BYTES);
	if (len >= 4 * LARGE_BYTES)
		return send_directly(p, c, 4 * LARGE_BYTES);
	return len >= LARGE_BYTES && send_directly(p, c, LARGE_BYTES);
}

/* Does one step of the current part. Returns 0 where that was the last. */
__attribute__((noinline)) int copy_next(void)
{
	struct transfer *p = current_transfer();

	return p && copy_step(p);
}

/* Does several steps of the current part. Returns 0 where the last was among them. */
__attribute__((noinline)) int copy_steps(void)
{
	__u32 i;

	for (i = 0; i < STEPS; i++) {
		if (!copy_next())
			return 0;
	}
	return 1;
}

/* Sends up the next part of the call. Returns 0 where that was the last. */
__attribute__((noinline)) int send_part(void)
{
	struct transfer *p = current_transfer();
	struct connection *c;
	__u32 i;

	if (!p || p->owner != bpf_get_current_pid_tgid())
		return 0;
	c = bpf_map_lookup_elem(&connections, &p->source.end.flow);
	if (!c)
		return 0;
	if (!p->walk.len)
		next_buffer(&p->walk);
	begin_part(p, c);
	if (p->part.kind == PART_WHOLE && send_large(p, c))
		return p->walk.left && has_more(&p->walk);
	for (i = 0; i < STEPS; i++) {
		if (!copy_steps())
			break;
	}
	if (p->part.len)
		note_part(p, c, outcome_of_part(p, c));
	return p->walk.left && has_more(&p->walk);
}

/* Sends up several parts. Returns 0 where the last was among them. */
__attribute__((noinline)) int send_parts(void)
{
	__u32 i;

	for (i = 0; i < PARTS; i++) {
		if (!send_part())
			return 0;
	}
	return 1;
}

/* Sends up a call's bytes. */
static __always_inline void send_all(struct transfer *p, struct connection *c)
{
	__u32 i;

	/* Most calls are one step, which needs no loop and no second look-up of the connection. */
	if (p->walk.left <= STEP_BYTES && p->walk.len >= p->walk.left) {
		begin_part(p, c);
		copy_step(p);
		if (p->part.len)
			note_part(p, c, outcome_of_part(p, c));
		if (!p->walk.left)
			return;
	}
	for (i = 0; i < PARTS; i++) {
		if (!send_parts())
			return;
	}
	count(SF_CALLS_NOT_SEEN);
}

/* Sends up that one end has closed (TCP_FIN), or both at once (TCP_RST). */
static __always_inline void send_end(const struct source *source, const struct connection *c, __u8 flags)
{
	struct sf_record *record = bpf_ringbuf_reserve(&ring, sizeof(*record), 0);

	count_record(SF_SEEN);
	if (record) {
		describe(record, source, c, 0, 0);
		record->tcp_flags |= flags;
		bpf_ringbuf_submit(record, wakeup());
	}
	count_record(record ? SF_SENT : SF_RING_FULL);
}

#endif

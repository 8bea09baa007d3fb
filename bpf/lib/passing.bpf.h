/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0 */
/*
 * Passing on what a call has said: its bytes gathered from all its buffers into
 * one record, or a few where there are many, with TCP's numbers, once for both ends.
 */
#ifndef SOCKFILTER_PASSING_BPF_H
#define SOCKFILTER_PASSING_BPF_H

#include "../tcp.h"
#include "pieces.bpf.h"
#include "records.bpf.h"
#include "skipping.bpf.h"
#include "talks.bpf.h"

/* bytes that are copied at once: a page, as each may be missing by itself */
#define STEP_BYTES 4096
/* bytes of a buffer from which on they are not gathered first */
#define LARGE_BYTES 16384
/* bytes of a buffer from which on it is left out while the ring fills: a record takes some hundred without any */
#define SPARED_BYTES 1024
/*
 * Turns of a loop, of which there are two, one inside the other: 1 089 steps of
 * one part, for all the buffers that a call may have (UIO_MAXIOV) and the pages
 * of those that are large; 4 096 parts of one call, more than 100 MB of it. What
 * is behind them is not seen, and counted.
 */
#define STEPS 33
#define PARTS 64

/* whose bytes, or end, a record tells of, and where they stand */
struct source {
	struct tcp_end end;
	__u64 from; /* which end sent the bytes */
	__u32 seq;  /* of the next byte */
	__u32 ack;
};

/* What becomes of the next bytes of a call: a part of it, which has one outcome. */
enum part_kind {
	PART_WHOLE,	 /* they go up */
	PART_LENGTHS,	 /* their number goes up: they are not needed, or not to be had */
	PART_UNREADABLE, /* the same, as they could not be read */
	PART_QUIET,	 /* nothing goes up: they are not needed */
	PART_HEARD,	 /* nothing: the other end has told of them */
	PART_LOST,	 /* nothing: the ring has no room */
};

struct part {
	__u64 left;  /* bytes that it may still take */
	__u32 len;   /* bytes that it has taken */
	__u32 kept;  /* of them, copied */
	__u8 kind;   /* enum part_kind */
	bool spares; /* the ring fills: it ends before a buffer that is to be left out */
	__u8 reserved[6];
};

/* a value of a per-CPU map takes at most as much (PCPU_MIN_UNIT_SIZE) */
#define PASSING_BYTES 32768
#define DRAFT_BYTES                                                                                                    \
	(PASSING_BYTES - sizeof(struct source) - sizeof(struct walk) - sizeof(struct part) - 2 * sizeof(__u64) -       \
	 sizeof(struct sf_record))

/* a call that carries HTTP, and the record that is made of its next bytes */
struct passing {
	struct source source;
	struct walk walk;
	struct part part;
	__u64 owner;   /* the thread that has called: were it ever displaced here, it would know */
	__u64 is_file; /* the kernel reads the bytes itself: they are in no buffer */
	struct sf_record record;
	char draft[DRAFT_BYTES];
};

_Static_assert(sizeof(struct passing) == PASSING_BYTES, "too large for a per-CPU map");

/*
 * The call that is looked at on this CPU. A loop is verified turn by turn, so
 * that each turn calls a function that is verified by itself, once; before 5.12
 * such a function takes numbers alone, and finds the rest here. The record is
 * made here too: its size is not known beforehand, and the ring reserves
 * constant sizes only.
 */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct passing);
} passings SEC(".maps");

static __always_inline struct passing *passing_here(void)
{
	__u32 first = 0;

	return bpf_map_lookup_elem(&passings, &first);
}

/* Counts something else than calls: a program may be interrupted by one that does so too. */
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

/* Decides what becomes of the next bytes, and of how many of them at most. */
static __always_inline void begin_part(struct passing *p, struct talk *talk)
{
	__u64 from = p->source.from & 1, left = p->walk.left, hint = skip_hint(talk->id | from);
	__s32 heard = talk->sent[from] - p->source.seq, unneeded = bytes_to_skip(hint, p->source.seq);
	__u8 kind = PART_WHOLE;
	bool spares = false;

	continue_run(&talk->run, &talk->run_from, from);
	/* what lies far off is of no use here: user space will know */
	if (talk->sent_known & 1 << from && heard > 0) {
		kind = PART_HEARD;
		left = left < (__u64)heard ? left : (__u64)heard;
	} else if (unneeded > 0) {
		/* up to the hint's end, where user space wants to know that it has been reached */
		kind = left < (__u64)unneeded && is_quiet(&talk->reported_ns) ? PART_QUIET : PART_LENGTHS;
		left = left < (__u64)unneeded ? left : (__u64)unneeded;
	} else if (p->is_file) {
		kind = PART_LENGTHS;
	} else {
		spares = leaves_out_run(talk->run);
		if (spares && p->walk.len >= SPARED_BYTES) {
			/* but not the small buffers around it: chunk sizes, where a server writes them so */
			kind = PART_LENGTHS;
			left = left < p->walk.len ? left : p->walk.len;
		} else {
			left = left < DRAFT_BYTES ? left : DRAFT_BYTES;
			if (left > STEP_BYTES && !has_room(left))
				kind = PART_LOST; /* not copied in vain */
		}
	}
	p->part.spares = spares;
	p->part.left = left;
	p->part.len = p->part.kept = 0;
	p->part.kind = kind;
}

static __always_inline void take(struct passing *p, __u64 len)
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

/* Takes the next bytes that are in one buffer, and in one page if they are copied. Returns whether more can follow. */
static __always_inline bool take_step(struct passing *p)
{
	struct walk *walk = &p->walk;
	__u64 len, at = p->part.kept;

	if (!walk->len)
		next_piece(walk);
	if (p->part.spares && p->part.len && walk->len >= SPARED_BYTES)
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
			/* what could be read goes up by itself */
			return false;
		} else {
			count(SF_CALLS_UNREADABLE);
			p->part.kind = PART_UNREADABLE;
			p->part.left = len;
		}
	}
	take(p, len);
	return p->part.left && has_more(walk);
}

/* Everything but flags. */
static __always_inline void describe(struct sf_record *record, const struct source *source, const struct talk *talk,
				     __u32 len, __u32 kept)
{
	__builtin_memset(record, 0, sizeof(*record));
	record->stream = talk->id | (source->from & 1);
	record->seq = source->seq;
	record->ack = source->ack;
	record->payload_len = record->frame_len = len;
	record->payload_kept = record->frame_kept = kept;
	record->tcp_flags = TCP_ACK;
	record->kind = SF_SEGMENT;
	record->isn[0] = talk->isn[0];
	record->isn[1] = talk->isn[1];
	record->marks = talk->isn_known * (SF_MARK_ISN0 | SF_MARK_ISN1) | talk->is_http2 * SF_MARK_HTTP2;
	record->flow = source->end.flow;
	record->time_ns = bpf_ktime_get_ns();
}

/* Passes a part on, if it is to be. Returns its outcome. */
static __always_inline int outcome_of_part(struct passing *p, const struct talk *talk)
{
	__u64 kept = p->part.kept;

	if (p->part.kind == PART_HEARD)
		return SF_DUPLICATE;
	if (p->part.kind == PART_QUIET)
		return SF_QUIET;
	if (p->part.kind == PART_LOST)
		return SF_RING_FULL;
	describe(&p->record, &p->source, talk, p->part.len, kept);
	if (p->part.kind == PART_LENGTHS) {
		p->record.marks |= SF_MARK_LENGTHS;
		count_record(SF_LENGTHS);
	}
	BELOW_FOR_VERIFIER(kept, DRAFT_BYTES + 1);
	if (bpf_ringbuf_output(&ring, &p->record, sizeof(p->record) + kept, wakeup()))
		return SF_RING_FULL;
	return SF_SENT;
}

/* A part has ended: counts it, and goes on behind it. */
static __always_inline void note_part(struct passing *p, struct talk *talk, int outcome)
{
	__u64 from = p->source.from & 1;

	count_record(SF_SEEN);
	count_record(outcome);
	p->source.seq += p->part.len;
	if (outcome == SF_DUPLICATE)
		return;
	talk->run += p->part.len;
	/* what TCP does not number must be counted here, or what is lost would not be missed */
	if (outcome == SF_RING_FULL && !talk->is_unix)
		return;
	talk->sent[from] = p->source.seq;
	talk->sent_known |= 1 << from;
}

/*
 * A large buffer is read into the ring, as copying it twice would cost more
 * than all else. Inlined with a literal, as the ring reserves constant sizes
 * only. Returns false where it cannot be read as a whole.
 */
static __always_inline bool send_directly(struct passing *p, struct talk *talk, __u64 bytes)
{
	struct sf_record *record = bpf_ringbuf_reserve(&ring, sizeof(*record) + bytes, 0);

	if (record) {
		if (bpf_probe_read_user(record + 1, bytes, (void *)p->walk.base)) {
			bpf_ringbuf_discard(record, BPF_RB_NO_WAKEUP);
			return false;
		}
		describe(record, &p->source, talk, bytes, bytes);
		bpf_ringbuf_submit(record, wakeup());
	}
	take(p, bytes);
	note_part(p, talk, record ? SF_SENT : SF_RING_FULL);
	return true;
}

/* Returns false where the next bytes are not in a large buffer. */
static __always_inline bool send_large(struct passing *p, struct talk *talk)
{
	__u64 len = p->walk.len < p->walk.left ? p->walk.len : p->walk.left;

	if (len >= 16 * LARGE_BYTES)
		return send_directly(p, talk, 16 * LARGE_BYTES);
	if (len >= 4 * LARGE_BYTES)
		return send_directly(p, talk, 4 * LARGE_BYTES);
	return len >= LARGE_BYTES && send_directly(p, talk, LARGE_BYTES);
}

/* A step of the part that has begun. */
__attribute__((noinline)) int take_next(void)
{
	struct passing *p = passing_here();

	return p && take_step(p);
}

/* Several of them. Returns 0 where that was the last. */
__attribute__((noinline)) int take_steps(void)
{
	__u32 i;

	for (i = 0; i < STEPS; i++) {
		if (!take_next())
			return 0;
	}
	return 1;
}

/* Passes on the next bytes of the call. Returns 0 where those were the last. */
__attribute__((noinline)) int send_part(void)
{
	struct passing *p = passing_here();
	struct talk *talk;
	__u32 i;

	if (!p || p->owner != bpf_get_current_pid_tgid())
		return 0;
	talk = bpf_map_lookup_elem(&talks, &p->source.end.flow);
	if (!talk)
		return 0;
	if (!p->walk.len)
		next_piece(&p->walk);
	begin_part(p, talk);
	if (p->part.kind == PART_WHOLE && send_large(p, talk))
		return p->walk.left && has_more(&p->walk);
	for (i = 0; i < STEPS; i++) {
		if (!take_steps())
			break;
	}
	if (p->part.len)
		note_part(p, talk, outcome_of_part(p, talk));
	return p->walk.left && has_more(&p->walk);
}

/* Several times. Returns 0 where those were the last. */
__attribute__((noinline)) int send_parts(void)
{
	__u32 i;

	for (i = 0; i < PARTS; i++) {
		if (!send_part())
			return 0;
	}
	return 1;
}

/* Passes on a call's bytes. */
static __always_inline void send_all(struct passing *p, struct talk *talk)
{
	__u32 i;

	/* most calls are one step, which takes neither loops nor another look for the connection */
	if (p->walk.left <= STEP_BYTES && p->walk.len >= p->walk.left) {
		begin_part(p, talk);
		take_step(p);
		if (p->part.len)
			note_part(p, talk, outcome_of_part(p, talk));
		if (!p->walk.left)
			return;
	}
	for (i = 0; i < PARTS; i++) {
		if (!send_parts())
			return;
	}
	count(SF_CALLS_NOT_SEEN);
}

/* Passes on that an end has closed (TCP_FIN), or that both have at once (TCP_RST). */
static __always_inline void send_end(const struct source *source, const struct talk *talk, __u8 flags)
{
	struct sf_record record;

	describe(&record, source, talk, 0, 0);
	record.tcp_flags |= flags;
	count_record(SF_SEEN);
	count_record(bpf_ringbuf_output(&ring, &record, sizeof(record), wakeup()) ? SF_RING_FULL : SF_SENT);
}

#endif

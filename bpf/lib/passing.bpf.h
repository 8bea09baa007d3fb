/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0 */
/* Passing on what a call has said: a record for each piece, with TCP's numbers, once for both ends. */
#ifndef SOCKFILTER_PASSING_BPF_H
#define SOCKFILTER_PASSING_BPF_H

#include "narrowing.bpf.h"
#include "pieces.bpf.h"
#include "records.bpf.h"
#include "talks.bpf.h"

/* the largest piece: what the largest record holds */
#define PIECE_BYTES (SF_RECORD_BYTES_MAX - sizeof(struct sf_record))
/* pieces of one call (UIO_MAXIOV); what is behind them is not seen, and counted */
#define PIECES 1024
/* payload that nobody needs goes unsaid, but for a record in so many nanoseconds: that it goes on */
#define QUIET_NS 100000000
/* include/net/tcp.h */
#define FIN 0x01
#define RST 0x04
#define ACK 0x10

/* a call that carries HTTP, and what all its records have in common */
struct source {
	struct tcp_end end;
	struct walk walk;
	__u64 owner; /* the thread that has called: were it ever displaced here, it would know */
	__u64 from;  /* which end sent the bytes */
	__u32 seq;   /* of the next byte */
	__u32 ack;
};

/*
 * The call that is looked at on this CPU. A loop is verified turn by turn, so
 * that each turn calls a function that is verified by itself, once; before 5.12
 * such a function takes numbers alone, and finds the rest here.
 */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct source);
} sources SEC(".maps");

static __always_inline struct source *source_here(void)
{
	__u32 first = 0;

	return bpf_map_lookup_elem(&sources, &first);
}

/* whether user space has no need of the bytes, nor of being told of each */
static __always_inline bool is_quiet(struct talk *talk, __u64 order, __u32 after, __u64 now)
{
	if (order >> 32 != SF_ORDER_SKIP || (__s32)((__u32)order - after) <= 0)
		return false;
	if (now - talk->told_ns < QUIET_NS)
		return true;
	talk->told_ns = now;
	return false;
}

static __always_inline bool lengths_only(struct talk *talk, __u64 order, __u64 from, __u32 len, __u32 after)
{
	if (talk->run_from != from)
		talk->run = 0;
	talk->run_from = from;
	talk->run += len;
	if (order >> 32 == SF_ORDER_SKIP && (__s32)((__u32)order - after) >= 0)
		return true;
	return talk->run - len > config.run_bytes && ring_fills(config.pressure_bytes);
}

/* Everything but time and sizes. */
static __always_inline void describe(struct sf_record *record, const struct source *source, const struct talk *talk)
{
	__builtin_memset(record, 0, sizeof(*record));
	record->stream = talk->id | source->from;
	record->seq = source->seq;
	record->ack = source->ack;
	record->tcp_flags = ACK;
	record->kind = SF_SEGMENT;
	record->isn[0] = talk->isn[0];
	record->isn[1] = talk->isn[1];
	record->marks = talk->isn_known * (SF_MARK_ISN0 | SF_MARK_ISN1) | talk->is_http2 * SF_MARK_HTTP2;
	record->flow = source->end.flow;
	record->time_ns = bpf_ktime_get_ns();
}

static __always_inline int send_new(const struct source *source, struct talk *talk, __u64 base, __u32 len)
{
	__u64 from = source->from & 1, kept = len, order;
	__u32 seq = source->seq, after = seq + len;
	struct place place;
	__u8 marks = 0;
	__s32 old;

	if (talk->sent_known & 1 << from) {
		old = talk->sent[from] - seq;
		if (old >= (__s32)len)
			return SF_DUPLICATE;
		/* what lies far off is of no use here: user space will know */
		if (old > 0) {
			base += old;
			kept -= old;
			seq += old;
			len -= old;
		}
	}
	order = order_for(talk->id | from);
	if (is_quiet(talk, order, after, bpf_ktime_get_ns())) {
		talk->sent[from] = after;
		return SF_QUIET;
	}
	if (!base || lengths_only(talk, order, from, len, after)) {
		marks = SF_MARK_LENGTHS;
		kept = 0;
	}
	if (kept > config.frame_bytes)
		kept = config.frame_bytes;
	if (kept < len)
		count(marks ? SF_LENGTHS : SF_TRUNCATED);
	place = reserve(kept);
	if (!place.record) {
		/* what the kernel does not number must be counted, or what is lost would not be missed */
		if (talk->is_unix)
			talk->sent[from] = after;
		return SF_RING_FULL;
	}
	describe(place.record, source, talk);
	place.record->seq = seq;
	place.record->payload_len = place.record->frame_len = len;
	place.record->marks |= marks;
	if (kept) {
		BELOW_FOR_VERIFIER(kept, place.room + 1);
		if (bpf_probe_read_user(place.record + 1, kept, (void *)base)) {
			count(SF_CALLS_UNREADABLE);
			kept = 0;
		}
	}
	place.record->payload_kept = place.record->frame_kept = kept;
	bpf_ringbuf_submit(place.record, wakeup());
	talk->sent[from] = after;
	talk->sent_known |= 1 << from;
	return SF_SENT;
}

/* Passes on len bytes at base, those that are new. base: NULL where they are not to be had. Returns the outcome. */
__attribute__((noinline)) int send_piece(__u64 base, __u64 len)
{
	struct source *source = source_here();
	struct talk *talk;

	if (!source || source->owner != bpf_get_current_pid_tgid())
		return SF_RING_FULL;
	talk = bpf_map_lookup_elem(&talks, &source->end.flow);
	if (!talk)
		return SF_RING_FULL;
	return send_new(source, talk, base, len);
}

/* Passes on the next piece of the call, or a part of it. Returns 0 where that was the last. */
__attribute__((noinline)) int send_next(void)
{
	struct source *source = source_here();
	struct walk *walk;
	__u64 len;

	if (!source)
		return 0;
	walk = &source->walk;
	if (!walk->len)
		next_piece(walk);
	len = walk->len < walk->left ? walk->len : walk->left;
	if (len > PIECE_BYTES)
		len = PIECE_BYTES;
	if (len) {
		count(SF_SEEN);
		count(send_piece(walk->base, len));
	}
	source->seq += len;
	walk->base += len;
	walk->len -= len;
	walk->left -= len;
	return walk->left && (walk->len || walk->count || walk->messages_count);
}

/* Passes on a call's bytes. */
static __always_inline void send_all(void)
{
	__u32 i;

	for (i = 0; i < PIECES; i++) {
		if (!send_next())
			return;
	}
	count(SF_CALLS_NOT_SEEN);
}

/* Passes on that an end has closed, or that both have at once. */
static __always_inline void send_end(const struct source *source, const struct talk *talk, __u8 flags)
{
	struct place place;

	count(SF_SEEN);
	place = reserve(0);
	if (!place.record) {
		count(SF_RING_FULL);
		return;
	}
	describe(place.record, source, talk);
	place.record->tcp_flags |= flags;
	bpf_ringbuf_submit(place.record, wakeup());
	count(SF_SENT);
}

#endif

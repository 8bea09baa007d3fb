/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0 */
/* The ring, and how a record with the frame's bytes gets into it. */
#ifndef SOCKFILTER_RECORDS_BPF_H
#define SOCKFILTER_RECORDS_BPF_H

#include "counters.bpf.h"
#include "verifier.bpf.h"

/* max_entries is set before the load: the option -B */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 22);
} ring SEC(".maps");

struct sf_shared shared;

/*
 * A wake-up costs more than everything else about a record, so only a reader that
 * has said it would wait gets one; a busy reader looks again by itself.
 */
static __always_inline __u64 wakeup(void)
{
	volatile __u32 *asleep = &shared.asleep;

	if (!*asleep)
		return BPF_RB_NO_WAKEUP;
	*asleep = 0;
	return BPF_RB_FORCE_WAKEUP;
}

static __always_inline bool ring_fills(__u32 pressure_bytes)
{
	return bpf_ringbuf_query(&ring, BPF_RB_AVAIL_DATA) > pressure_bytes;
}

/* a record's place in the ring, and the bytes of the frame that fit after it */
struct place {
	struct sf_record *record; /* NULL: there is no room */
	__u64 room;
};

#define TAKE(bytes)                                                                                                    \
	if (size <= (bytes))                                                                                           \
		return (struct place)                                                                                  \
		{                                                                                                      \
			bpf_ringbuf_reserve(&ring, (bytes), 0), (bytes) - sizeof(struct sf_record)                     \
		}

/*
 * The ring reserves constant sizes only, so a record takes the next larger size of
 * a list: small steps for heads, which most records hold, then sizes just above the
 * usual segments (1460 bytes on Ethernet; 16, 32 and 64 KiB on loopback); the last
 * holds any frame (GSO_MAX_SIZE, 8 * 65 535). A scratch buffer for each CPU would
 * cost a second copy and would not be safe on preemptible kernels.
 */
static __always_inline struct place reserve(__u32 frame_kept)
{
	__u32 size = sizeof(struct sf_record) + frame_kept;

	TAKE(192);
	TAKE(256);
	TAKE(320);
	TAKE(384);
	TAKE(448);
	TAKE(512);
	TAKE(640);
	TAKE(768);
	TAKE(1024);
	TAKE(1280);
	TAKE(1664);
	TAKE(2304);
	TAKE(4608);
	TAKE(8704);
	TAKE(16896);
	TAKE(33280);
	TAKE(66048);
	TAKE(132096);
	TAKE(262656);
	TAKE(SF_RECORD_BYTES_MAX);
	return (struct place){};
}

#undef TAKE

/* Copies the frame after the record, and submits both. The record is filled in; its frame_kept is at least 1. */
static __always_inline int submit(struct __sk_buff *skb, struct place place)
{
	/*
	 * Read back, so that the verifier does not know the number: without CAP_PERFMON it also follows the way of
	 * a branch that cannot be taken, and there it would know a wrong one (kernel 9183671af6db).
	 */
	__u64 kept = *(volatile __u32 *)&place.record->frame_kept - 1;

	/* The verifier wants the bound next to the call, and 1 <= kept in a form that 5.10 understands. */
	BELOW_FOR_VERIFIER(kept, place.room);
	if (load_bytes_for_verifier(skb, 0, place.record + 1, kept + 1) < 0) {
		bpf_ringbuf_discard(place.record, BPF_RB_NO_WAKEUP);
		return SF_MALFORMED;
	}
	bpf_ringbuf_submit(place.record, wakeup());
	return SF_SENT;
}

#endif

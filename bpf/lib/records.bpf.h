/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0 */
/* The way up: the ring, and putting a record with the frame's bytes into it. */
#ifndef SOCKFILTER_RECORDS_BPF_H
#define SOCKFILTER_RECORDS_BPF_H

#include "counters.bpf.h"

/* max_entries is set before the load: the option -B */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 22);
} ring SEC(".maps");

struct sf_shared shared;

/*
 * A wake-up costs more than all else a record costs, so there is one only for
 * a reader that said it would wait; one that is busy looks again by itself.
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

/*
 * The ring reserves constant sizes only, so a record takes the next one of a
 * ladder. room: bytes for record and frame. A reservation is this record's
 * alone, where a scratch buffer for each CPU would cost a second copy and
 * would not be safe on preemptible kernels.
 */
static __always_inline int send_in(struct __sk_buff *skb, const struct sf_record *record, const __u32 room)
{
	__u32 kept = record->frame_kept;
	struct sf_record *place = bpf_ringbuf_reserve(&ring, room, 0);

	if (!place)
		return SF_RING_FULL;
	*place = *record;
	/* the verifier wants the bound at the call, and 1 <= kept in a form that 5.10 knows */
	kept -= 1;
	asm volatile("if %0 < %1 goto +1; %0 = 0" : "+r"(kept) : "i"(room - sizeof(*record)));
	if (bpf_skb_load_bytes(skb, 0, place + 1, kept + 1) < 0) {
		bpf_ringbuf_discard(place, BPF_RB_NO_WAKEUP);
		return SF_MALFORMED;
	}
	bpf_ringbuf_submit(place, wakeup());
	return SF_SENT;
}

/* frame_kept is at least 1; the largest step holds any frame (GSO_MAX_SIZE, 8 * 65 535) */
static __always_inline int send_record(struct __sk_buff *skb, const struct sf_record *record)
{
	__u32 size = sizeof(*record) + record->frame_kept;

	if (size <= 256)
		return send_in(skb, record, 256);
	if (size <= 512)
		return send_in(skb, record, 512);
	if (size <= 1024)
		return send_in(skb, record, 1024);
	if (size <= 2048)
		return send_in(skb, record, 2048);
	if (size <= 4096)
		return send_in(skb, record, 4096);
	if (size <= 16384)
		return send_in(skb, record, 16384);
	if (size <= 32768)
		return send_in(skb, record, 32768);
	if (size <= 66048)
		return send_in(skb, record, 66048);
	if (size <= 262144)
		return send_in(skb, record, 262144);
	return send_in(skb, record, 525312);
}

/* What user space ordered for this stream, SF_ORDER_NONE where nothing stands or it is not yet written whole. */
static __always_inline __u64 order_for(__u64 stream)
{
	__u32 slot = (stream ^ stream >> 40) & (SF_ORDERS - 1);
	volatile struct sf_order *order = &shared.orders[slot];
	__u64 word = order->order;

	return order->check == (stream ^ word) ? word : SF_ORDER_NONE;
}

#endif

/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0 */
/*
 * Which segments are out of order on their interface: bytes that come again, or ahead
 * of others. User space compares the interfaces that a connection crosses: what came
 * again on one of them and once on the next was lost between the two.
 */
#ifndef SOCKFILTER_ORDER_BPF_H
#define SOCKFILTER_ORDER_BPF_H

#include "connections.bpf.h"
#include "records.bpf.h"

/*
 * Reports a segment that is out of order. A global function, for the reason given at
 * leave_out().
 *
 * numbers: the number of its first byte, and above it the one that was expected
 */
__noinline int report_order(__u64 direction, __u64 numbers, __u64 payload_len)
{
	struct sf_record *record = bpf_ringbuf_reserve(&ring, sizeof(*record), 0);

	if (!record)
		return 0;
	__builtin_memset(record, 0, sizeof(*record));
	record->time_ns = bpf_ktime_get_ns();
	record->kind = SF_ORDER;
	record->seq = numbers;
	record->ack = numbers >> 32;
	record->payload_len = payload_len;
	record->syn_ns = direction;
	bpf_ringbuf_submit(record, wakeup());
	return 0;
}

/*
 * Whether a segment passes the interface in the same way as the first one of its end:
 * in, or out. A router with one interface sees each segment twice, which is no order.
 */
static __always_inline bool is_same_way(const struct __sk_buff *skb, struct connection *c, __u64 from)
{
	__u8 way = (skb->pkt_type == PACKET_OUTGOING ? WAY_OUT0 : WAY_IN0) << 2 * from;
	__u8 both = (WAY_IN0 | WAY_OUT0) << 2 * from;

	if (!(c->isn_known & both))
		c->isn_known |= way;
	return c->isn_known & way;
}

/*
 * Notes a segment with payload. Two processors may do so for one direction at the same
 * time: then a segment counts as out of order that is not, which says nothing wrong.
 */
static __always_inline void note_order(const struct __sk_buff *skb, struct connection *c, const struct packet *p,
				       __u64 from)
{
	__u32 seq = p->seq + !!(p->tcp_flags & TCP_SYN), end = seq + p->payload_len;
	/* by arithmetic, for the reason given at isn_of() */
	__u32 next = c->next[0] ^ ((c->next[0] ^ c->next[1]) & -from);

	if (!is_same_way(skb, c, from))
		return;
	if (!next)
		next = c->isn_known & 1 << from ? isn_of(c, from) + 1 : seq;
	/* Keep-alives and probes of a closed window repeat the last byte. */
	if (seq != next && !(p->payload_len == 1 && end == next))
		report_order(c->id | from, seq | (__u64)next << 32, p->payload_len);
	if ((__s32)(end - next) > 0) {
		c->next[0] ^= (c->next[0] ^ end) & (__u32)(from - 1);
		c->next[1] ^= (c->next[1] ^ end) & (__u32)-from;
	}
}

#endif

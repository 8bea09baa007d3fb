/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0 */
/*
 * In which bucket the end of a connection is. Read as C by the program and by
 * user space; cffi knows no function bodies, so this is not part of
 * tcp_events.h. The network namespace is not part of it, because a packet may be
 * dropped in another namespace than its ends are in.
 */
#ifndef SOCKFILTER_TCP_SLOT_H
#define SOCKFILTER_TCP_SLOT_H

#include "tcp_events.h"

static inline __attribute__((always_inline)) __u32 sf_tcp_hash(const struct sf_tcp_end *end)
{
	const __u32 *local = (const void *)end->local_addr, *peer = (const void *)end->peer_addr;
	/* odd factors spread the bits of neighbours (Knuth, The Art of Computer Programming, 6.4) */
	__u32 hash = (local[0] ^ local[1] ^ local[2] ^ local[3]) * 0x9e3779b1u;

	hash = (hash ^ (hash >> 15) ^ peer[0] ^ peer[1] ^ peer[2] ^ peer[3]) * 0x85ebca6bu;
	hash = (hash ^ (hash >> 13) ^ ((__u32)end->local_port << 16 | end->peer_port)) * 0xc2b2ae35u;
	return hash ^ (hash >> 16);
}

static inline __attribute__((always_inline)) __u32 sf_tcp_bucket_of(const struct sf_tcp_end *end)
{
	return sf_tcp_hash(end) & (SF_TCP_BUCKETS - 1);
}

#endif

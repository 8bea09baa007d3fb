/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0 */
/*
 * The open ends of connections, in memory that user space reads without a
 * system call. Writes to one socket's slot are in order, because its lock is
 * held; two sockets of one bucket may take the same slot at once, and then user
 * space finds sequence numbers that do not fit.
 */
#ifndef SOCKFILTER_TCP_SLOTS_BPF_H
#define SOCKFILTER_TCP_SLOTS_BPF_H

#include "../tcp_slot.h"
#include "tcp_sockets.bpf.h"

/* beyond all times */
#define OPEN (1ULL << 63)

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, SF_TCP_BUCKETS);
	__type(key, __u32);
	__type(value, struct sf_tcp_bucket);
} buckets SEC(".maps");

static __always_inline struct sf_tcp_bucket *bucket_of(const struct sf_tcp_end *end)
{
	__u32 number = sf_tcp_bucket_of(end);

	return bpf_map_lookup_elem(&buckets, &number);
}

/* The slot of a socket; NULL: it has none yet. */
static __always_inline struct sf_tcp_slot *slot_of(struct sf_tcp_bucket *bucket, __u64 socket)
{
	int i;

#pragma unroll
	for (i = 0; i < SF_TCP_WAYS; i++)
		if (bucket->sockets[i] == socket)
			return &bucket->slots[i];
	return NULL;
}

static __always_inline bool is_same(const struct sf_tcp_end *one, const struct sf_tcp_end *other)
{
	const __u64 *a = (const void *)one, *b = (const void *)other;

	return a[0] == b[0] && a[1] == b[1] && a[2] == b[2] && a[3] == b[3] && one->local_port == other->local_port &&
	       one->peer_port == other->peer_port;
}

/* 1 if both are equal, or else 0. Without a branch: the verifier would follow both ways of each. */
static __always_inline __u32 equal(__u64 one, __u64 other)
{
	__u64 differing = one ^ other;

	return ~(differing | -differing) >> 63;
}

/* The slot of an end, in whichever namespace; NULL: it has none. */
static __always_inline struct sf_tcp_slot *slot_of_end(const struct sf_tcp_end *end)
{
	__u32 hash = sf_tcp_hash(end), number = hash & (SF_TCP_BUCKETS - 1);
	struct sf_tcp_bucket *bucket = bpf_map_lookup_elem(&buckets, &number);
	struct sf_tcp_slot *slot;
	__u32 i, way = 0;

	if (!bucket)
		return NULL;
#pragma unroll
	for (i = 0; i < SF_TCP_WAYS; i++)
		way += equal(bucket->hashes[SF_TCP_WAYS - 1 - i], hash) * (SF_TCP_WAYS - 1 - i - way);
	/* the first of several, as of a port that is used again; other ends have other hashes, but for one in 2^32 */
	slot = &bucket->slots[way & (SF_TCP_WAYS - 1)];
	return is_same(&slot->end, end) ? slot : NULL;
}

static __always_inline struct sf_tcp_slot *begin_slot(struct sf_tcp_bucket *bucket, int way,
						      const struct sf_tcp_end *end, __u64 socket)
{
	struct sf_tcp_slot *slot = &bucket->slots[way & (SF_TCP_WAYS - 1)];

	__builtin_memset(slot, 0, sizeof(*slot));
	slot->end = *end;
	slot->socket = socket;
	bucket->hashes[way & (SF_TCP_WAYS - 1)] = sf_tcp_hash(end);
	bucket->sockets[way & (SF_TCP_WAYS - 1)] = socket;
	return slot;
}

/* The way that comes first: that of the oldest closed end, or else of the one that was not used for longest. */
static __attribute__((noinline)) int way_to_take(struct sf_tcp_bucket *bucket, __u64 socket)
{
	__u64 least = ~0ULL, age;
	int i, way = 0;

#pragma unroll
	for (i = 0; i < SF_TCP_WAYS; i++) {
		age = bucket->slots[i].used_ns | (bucket->sockets[i] ? OPEN : 0);
		if (bucket->sockets[i] == socket)
			age = 0;
		if (age < least) {
			least = age;
			way = i;
		}
	}
	return way;
}

/* Gives a socket a slot, without what was known of it before. */
static __always_inline struct sf_tcp_slot *new_slot(struct sf_tcp_bucket *bucket, const struct sf_tcp_end *end,
						    __u64 socket)
{
	return begin_slot(bucket, way_to_take(bucket, socket), end, socket);
}

/* The next socket may have the address of this one. */
static __always_inline void close_slot(struct sf_tcp_bucket *bucket, __u64 socket)
{
	int i;

#pragma unroll
	for (i = 0; i < SF_TCP_WAYS; i++) {
		if (bucket->sockets[i] == socket) {
			bucket->sockets[i] = 0;
			bucket->slots[i].socket = 0;
		}
	}
}

#endif

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
		if (bucket->slots[i].socket == socket)
			return &bucket->slots[i];
	return NULL;
}

static __always_inline bool is_same(const struct sf_tcp_end *one, const struct sf_tcp_end *other)
{
	const __u64 *a = (const void *)one, *b = (const void *)other;

	return a[0] == b[0] && a[1] == b[1] && a[2] == b[2] && a[3] == b[3] && one->local_port == other->local_port &&
	       one->peer_port == other->peer_port;
}

/* The slot of an end, in whichever namespace; NULL: it has none. */
static __always_inline struct sf_tcp_slot *slot_of_end(const struct sf_tcp_end *end)
{
	struct sf_tcp_bucket *bucket = bucket_of(end);
	int i;

	if (!bucket)
		return NULL;
#pragma unroll
	for (i = 0; i < SF_TCP_WAYS; i++)
		if (is_same(&bucket->slots[i].end, end))
			return &bucket->slots[i];
	return NULL;
}

/* The slot comes first that is closed, and then the one that was not used for longest. */
static __always_inline __u64 age_of(const struct sf_tcp_slot *slot)
{
	return slot->socket ? slot->used_ns | OPEN : slot->used_ns;
}

/* Takes the slot of the oldest closed end, or the oldest open one. Not inlined: new connections are rare. */
static __attribute__((noinline)) struct sf_tcp_slot *take_slot(struct sf_tcp_bucket *bucket)
{
	struct sf_tcp_slot *oldest = &bucket->slots[0];
	int i;

#pragma unroll
	for (i = 1; i < SF_TCP_WAYS; i++)
		if (age_of(&bucket->slots[i]) < age_of(oldest))
			oldest = &bucket->slots[i];
	return oldest;
}

/* Gives a socket a slot, without what was known of it before. */
static __always_inline struct sf_tcp_slot *new_slot(struct sf_tcp_bucket *bucket, const struct sf_tcp_end *end,
						    __u64 socket)
{
	struct sf_tcp_slot *slot = slot_of(bucket, socket);

	if (!slot)
		slot = take_slot(bucket);
	__builtin_memset(slot, 0, sizeof(*slot));
	slot->end = *end;
	slot->socket = socket;
	return slot;
}

#endif

/* SPDX-License-Identifier: BSD-3-Clause */
/* Finds what tcp.bpf.c has written about the end of a connection, in memory that both share. */
#include <string.h>

#include "tcp_slot.h"

/*
 * Copies the slots of an end into out, which has room for SF_TCP_WAYS: one for
 * each network namespace with such a connection. Returns how many there are. The
 * program may be writing: the caller checks that sequence numbers fit.
 */
static unsigned int sf_tcp_slots(const struct sf_tcp_bucket *buckets, const struct sf_tcp_end *end,
				 struct sf_tcp_slot *out)
{
	const struct sf_tcp_slot *slots = buckets[sf_tcp_bucket_of(end)].slots;
	const size_t compared = offsetof(struct sf_tcp_end, netns);
	unsigned int found = 0;
	int i;

	for (i = 0; i < SF_TCP_WAYS; i++)
		if (slots[i].used_ns && !memcmp(&slots[i].end, end, compared))
			out[found++] = slots[i];
	return found;
}

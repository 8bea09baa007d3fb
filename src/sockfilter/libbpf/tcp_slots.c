/* SPDX-License-Identifier: BSD-3-Clause */
/* Finds what tcp.bpf.c has written about the end of a connection, in memory that both share. */
#include <linux/perf_event.h>
#include <linux/types.h>
#include <stddef.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tcp_slot.h"

/* Opens a timer on the first CPU, for a program. Returns its descriptor; -1 with errno set on failure. */
static int sf_tcp_timer(__u64 period_ns)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE,
		.size = sizeof(attr),
		.config = PERF_COUNT_SW_CPU_CLOCK,
		.sample_period = period_ns,
		.disabled = 1,
	};

	return syscall(SYS_perf_event_open, &attr, -1, 0, -1, PERF_FLAG_FD_CLOEXEC);
}

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

/*
 * Returns when an end received the byte before a sequence number, or by time
 * anything from a time on; 0: the slot does not go back so far, or
 * it has not received it yet.
 */
static __u64 sf_tcp_received(const struct sf_tcp_slot *slot, __u32 seq, __u64 time_ns, int is_by_time)
{
	__u32 kept = slot->receives < SF_TCP_RECEIVES ? slot->receives : SF_TCP_RECEIVES, i;
	const struct sf_tcp_received *received;

	for (i = 0; i < kept; i++) {
		received = &slot->received[(slot->receives - kept + i) & (SF_TCP_RECEIVES - 1)];
		if (is_by_time ? received->time_ns < time_ns : (__s32)(received->copied_seq - seq) < 0)
			continue;
		/* the first one that is kept may not be the first that had it */
		return i || slot->receives == kept ? received->time_ns : 0;
	}
	return 0;
}

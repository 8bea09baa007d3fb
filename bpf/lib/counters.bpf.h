/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0 */
/* The kernel's counters: a row for each CPU, which the reader adds up. */
#ifndef SOCKFILTER_COUNTERS_BPF_H
#define SOCKFILTER_COUNTERS_BPF_H

#include "../events.h"
#include "verifier.bpf.h"

/*
 * User space reads the rows while they are written. A program counts a packet as seen when it begins, and its outcome
 * when it ends, so a row whose sums agree was read between two runs. max_entries is set before the load: a row for each
 * CPU. A per-CPU array cannot be mapped, and reading it takes a system call for each entry.
 */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, SF_COUNTER_ROW);
	__type(key, __u32);
	__type(value, __u64);
} counters SEC(".maps");

static __always_inline __u64 *counter_here(__u32 counter)
{
	return lookup_for_verifier(&counters, bpf_get_smp_processor_id() * SF_COUNTER_ROW + counter);
}

/* Adds one to this CPU's counter. Returns the sum. */
static __always_inline __u64 count(__u32 counter)
{
	__u64 *value = counter_here(counter);

	return value ? ++*value : 0;
}

/* A new connection's number, even and unique without an atomic: this CPU's number above its count of connections. */
static __always_inline __u64 next_connection_id(void)
{
	return (__u64)bpf_get_smp_processor_id() << 48 | count(SF_FOLLOWED) << 1;
}

#endif

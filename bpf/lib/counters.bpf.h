/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0 */
/* The kernel's half of the ledger: each counter once for every CPU, added up by the reader. */
#ifndef SOCKFILTER_COUNTERS_BPF_H
#define SOCKFILTER_COUNTERS_BPF_H

#include "../events.h"
#include "verifier.bpf.h"

#ifndef COUNTERS
#define COUNTERS SF_COUNTERS
#endif

/* an entry a counter: one entry with all of them would be indexed by a variable, which takes CAP_PERFMON */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, COUNTERS);
	__type(key, __u32);
	__type(value, __u64);
} counters SEC(".maps");

/* Returns the count after it, on this CPU. */
static __always_inline __u64 count(__u32 counter)
{
	__u64 *value = lookup_for_verifier(&counters, counter);

	return value ? ++*value : 0;
}

#endif

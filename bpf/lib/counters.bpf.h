/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0 */
/* The kernel's half of the ledger: one set of counters for each CPU, added up by the reader. */
#ifndef SOCKFILTER_COUNTERS_BPF_H
#define SOCKFILTER_COUNTERS_BPF_H

#include "../events.h"

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct sf_counters);
} counters SEC(".maps");

static __always_inline struct sf_counters *counters_here(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&counters, &zero);
}

#endif

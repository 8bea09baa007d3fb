/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0 */
/* The kernel's part of the filter: the ports and the network that are asked for. */
#ifndef SOCKFILTER_FILTER_BPF_H
#define SOCKFILTER_FILTER_BPF_H

#include "config.bpf.h"
#include "verifier.bpf.h"

/*
 * A map that is looked up, like skips, and not memory that is indexed: a single
 * variable offset makes the verifier, without CAP_PERFMON, compare all scalars on
 * all paths, and then it gives up after a million instructions (explore_alu_limits
 * in kernel/bpf/verifier.c).
 */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, SF_PORT_WORDS);
	__type(key, __u32);
	__type(value, __u64);
} ports SEC(".maps");

static __always_inline bool port_wanted(__be16 port)
{
	__u32 n = bpf_ntohs(port);
	__u64 *bits = lookup_for_verifier(&ports, n / 64);

	return bits && *bits >> n % 64 & 1;
}

static __always_inline bool is_host(const __u64 addr[2])
{
	const volatile __u64 *host = (const volatile __u64 *)config.host;
	const volatile __u64 *mask = (const volatile __u64 *)config.host_mask;

	return !((addr[0] ^ host[0]) & mask[0]) && !((addr[1] ^ host[1]) & mask[1]);
}

#endif

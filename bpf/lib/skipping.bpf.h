/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0 */
/* Which payload does not go up: what user space skips, and long runs while the ring fills. */
#ifndef SOCKFILTER_SKIPPING_BPF_H
#define SOCKFILTER_SKIPPING_BPF_H

#include "../skip_slot.h"
#include "config.bpf.h"
#include "records.bpf.h"

/* While bytes are skipped, one record in so many nanoseconds says that the connection goes on. */
#define QUIET_NS 100000000

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, SF_SKIPS);
	__type(key, __u32);
	__type(value, struct sf_skip);
} skips SEC(".maps");

/* The hint that user space has left for this stream; SF_SKIP_NONE: there is none, or it is half written. */
static __always_inline __u64 skip_hint(__u64 stream)
{
	volatile struct sf_skip *skip = lookup_for_verifier(&skips, sf_skip_slot(stream));
	__u64 hint;

	if (!skip)
		return SF_SKIP_NONE;
	hint = skip->hint;
	return skip->check == (stream ^ hint) ? hint : SF_SKIP_NONE;
}

/* How many bytes from seq on user space skips; below 0: it needs them. */
static __always_inline __s32 bytes_to_skip(__u64 hint, __u32 seq)
{
	return hint >> 32 == SF_SKIP_UNTIL ? (__s32)((__u32)hint - seq) : -1;
}

/* Whether skipped bytes need no record now. reported_ns: when the last record of skipped bytes went up. */
static __always_inline bool is_quiet(__u64 *reported_ns)
{
	__u64 now = bpf_ktime_get_ns();

	if (now - *reported_ns < QUIET_NS)
		return true;
	*reported_ns = now;
	return false;
}

/* A run is the payload of one direction since the other direction last sent any. */
static __always_inline void continue_run(__u32 *run, __u8 *run_from, __u64 from)
{
	if (*run_from != from)
		*run = 0;
	*run_from = from;
}

/* Whether bytes behind so many of the same run are left out, because the ring fills. */
static __always_inline bool leaves_out_run(__u32 run)
{
	return run > config.run_bytes && ring_fills(config.pressure_bytes);
}

#endif

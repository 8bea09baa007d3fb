/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The kernel's program on frames of a capture file: bpf/sockfilter.bpf.c,
 * compiled for user space, so that a frame says the same live and from a file.
 *
 * Read as C by replay.c and as declarations by cffi. Nothing here may have holes.
 */
#ifndef SOCKFILTER_REPLAY_H
#define SOCKFILTER_REPLAY_H

#include "events.h"

/* records in one run: as many as the reader of the ring takes at once */
#define SF_REPLAY_RECORDS 512
/* bytes of records in one run, in place of the ring; holds more than one of the largest frame */
#define SF_REPLAY_BYTES 4194304

struct sf_packet {
	__u64 time_ns;
	__u64 at;	/* where the frame begins in what was read of the file */
	__u32 len;	/* bytes that are there */
	__u32 wire_len; /* on the wire */
	__u32 ifindex;
	__u32 network;	/* where the network header begins in the frame, if protocol says which */
	__u16 protocol; /* EtherType, host order; 0: the frame has an Ethernet header */
	__u8 is_again;	/* has been counted, under outcome */
	__u8 outcome;	/* enum sf_counter, set by the run */
	__u8 is_cut;	/* it may carry HTTP, and is cut before that can be told; the run adds to it */
	__u8 reserved;
	__u16 reserved2;
};

struct sf_replay;
struct sf_replay *sf_replay_open(const struct sf_config *settings, const __u64 *ports_wanted);
void sf_replay_close(struct sf_replay *replay);
unsigned int sf_replay_run(struct sf_replay *replay, const char *frames, struct sf_packet *packets, unsigned int count);
const char *sf_replay_data(const struct sf_replay *replay);
const __u32 *sf_replay_offsets(const struct sf_replay *replay, unsigned int *count);
const __u64 *sf_replay_counters(const struct sf_replay *replay);
struct sf_skip *sf_replay_skips(struct sf_replay *replay);

#endif

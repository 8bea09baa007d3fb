/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Runs the kernel's program on the frames of a capture file: bpf/sockfilter.bpf.c
 * is compiled for user space, so that a frame gives the same records live and
 * from a file.
 *
 * replay.c reads this file as C, and cffi reads it as declarations. No struct
 * here may have padding.
 */
#ifndef SOCKFILTER_REPLAY_H
#define SOCKFILTER_REPLAY_H

#include "events.h"

/* records in one run, as many as the ring's reader takes at once */
#define SF_REPLAY_RECORDS 512
/* bytes of records in one run; the buffer replaces the ring and holds more than one record of the largest frame */
#define SF_REPLAY_BYTES 4194304

struct sf_packet {
	__u64 time_ns;
	__u64 at;	/* the offset of the frame in the memory of the run */
	__u32 len;	/* bytes in the file */
	__u32 wire_len; /* bytes on the wire */
	__u32 ifindex;
	__u32 network;	/* the offset of the network header in the frame, if protocol is not 0 */
	__u16 protocol; /* EtherType, host byte order; 0: the frame has an Ethernet header */
	__u8 is_again;	/* the packet has been counted already, under outcome */
	__u8 outcome;	/* enum sf_counter, set by the run */
	__u8 is_cut;	/* the packet may carry HTTP, but is cut too early to tell; the run may set it */
	__u8 filter;	/* the number of the filter that the frame must pass first; 0: none */
	__u16 reserved;
};

/* filters of classic BPF: one for each link type of a file */
#define SF_REPLAY_FILTERS 16

/* an instruction of classic BPF */
struct sf_cbpf {
	__u16 code;
	__u8 jt;
	__u8 jf;
	__u32 k;
};

struct sf_replay;
struct sf_replay *sf_replay_open(const struct sf_config *settings, const __u64 *ports_wanted);
int sf_replay_filter(struct sf_replay *replay, unsigned int number, const struct sf_cbpf *program, unsigned int count);
int sf_cbpf_accepts(const struct sf_cbpf *program, unsigned int count, const char *frame, __u32 len, __u32 wire_len);
void sf_replay_close(struct sf_replay *replay);
unsigned int sf_replay_run(struct sf_replay *replay, const char *frames, struct sf_packet *packets, unsigned int count);
const char *sf_replay_data(const struct sf_replay *replay);
const __u32 *sf_replay_offsets(const struct sf_replay *replay, unsigned int *count);
const __u64 *sf_replay_counters(const struct sf_replay *replay);
struct sf_skip *sf_replay_skips(struct sf_replay *replay);

#endif

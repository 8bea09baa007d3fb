/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0 */
/* Whether a packet's payload begins an HTTP message. */
#ifndef SOCKFILTER_PAYLOAD_BPF_H
#define SOCKFILTER_PAYLOAD_BPF_H

#include "config.bpf.h"
#include "http.bpf.h"
#include "packet.bpf.h"
#include "verifier.bpf.h"

/* the bytes of a payload that can be read: a capture file may have cut it (replay.c) */
#ifndef PAYLOAD_THERE
#define PAYLOAD_THERE(skb, p) ((p)->payload_len)
#endif

/* Loads the first START_BYTES of a payload, or all of a shorter one. prefix_counts: it may be cut within a token. */
static __always_inline int load_start(struct __sk_buff *skb, const struct packet *p, struct payload_start *s,
				      bool prefix_counts)
{
	__u32 last = PAYLOAD_THERE(skb, p) - 1;
	__u32 i;

	__builtin_memset(&s->counts, 0xff, sizeof(s->counts));
	s->len = START_BYTES;
	if (last >= START_BYTES - 1)
		return bpf_skb_load_bytes(skb, p->payload_off, s->text.bytes, START_BYTES);
	/* Hidden from the compiler, because the verifiers of 5.10 and 6.1 do not see 1 <= len in len != 0. */
	MASK_FOR_VERIFIER(last, 31);
	if (last > START_BYTES - 2)
		return -1;
	s->len = last + 1;
	if (prefix_counts) {
#pragma unroll
		for (i = 0; i < START_WORDS; i++)
			s->counts.words[i] = first_bytes(last + 1, i * 8);
	}
	return bpf_skb_load_bytes(skb, p->payload_off, s->text.bytes, last + 1);
}

/* first_payload, others: see what_begins() */
static __always_inline __u64 http_start(struct __sk_buff *skb, const struct packet *p, bool first_payload, bool others)
{
	struct payload_start start = {};
	__u64 found;

	if (load_start(skb, p, &start, first_payload) < 0)
		return START_OTHER;
	found = what_begins(&start, first_payload, others);
	/* User space looks at more than one frame, and rejects the connection if it is not HTTP/2. */
	if (found == START_OTHER && FINDS_FRAMES(others) && (config.frames | config.tls) && !first_payload &&
	    begins_frame(&start))
		return START_HTTP2;
	return found;
}

#endif

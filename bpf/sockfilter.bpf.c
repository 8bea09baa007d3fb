/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0 */
/*
 * Sees every packet of an interface and sends up the packets of HTTP connections.
 *
 * The way of a packet: seen -> TCP -> filters -> connection -> record. Each
 * packet leaves at one of these steps and is counted under one outcome of
 * enum sf_counter. A frame holds a packet, a TCP packet holds a segment:
 * outcome_of() -> outcome_of_packet() -> outcome_of_segment().
 */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_endian.h>

#ifndef NULL
#define NULL ((void *)0)
#endif
typedef _Bool bool;
#define true 1
#define false 0

#include "config.h"
#include "events.h"
#include "lib/connections.bpf.h"
#include "lib/fast_path.bpf.h"
#include "lib/filter.bpf.h"
#include "lib/frames.bpf.h"
#include "lib/order.bpf.h"
#include "lib/records.bpf.h"
#include "lib/skipping.bpf.h"

/* A segment may overtake the first payload by so many bytes: ten segments, the initial window (RFC 6928). */
#define OVERTAKING_BYTES 14600

/* holds nothing: puts the type into the BTF, where the layout is checked */
const struct sf_record *const volatile record_type;

static __always_inline bool addresses_wanted(const struct packet *p)
{
	if (config.family && config.family != p->family)
		return false;
	return !config.by_host || is_host(p->saddr) || is_host(p->daddr);
}

/* Fills in what a record says about the frame that it holds. */
static __always_inline void describe_frame(struct __sk_buff *skb, const struct packet *p, struct sf_record *record,
					   __u32 frame_kept)
{
	record->time_ns = p->time_ns ? p->time_ns : bpf_ktime_get_ns();
	record->frame_len = skb->len;
	record->frame_kept = frame_kept;
	record->packet_type = skb->pkt_type;
	record->protocol = bpf_ntohs(skb->protocol);
	record->vlan_tci = skb->vlan_tci;
	record->vlan_proto = bpf_ntohs(skb->vlan_proto);
	if (skb->vlan_present)
		record->marks |= SF_MARK_VLAN;
	record->marks |= p->is_bare * SF_MARK_BARE;
}

/* A fragment may lack the ports or the payload: user space puts the packet together and decides then. */
static __always_inline int send_fragment(struct __sk_buff *skb, const struct packet *p)
{
	__u32 kept = skb->len;
	struct place place;

	if (!addresses_wanted(p))
		return SF_FILTERED;
	count(SF_FRAGMENTS);
	place = reserve(kept);
	if (!place.record)
		return SF_RING_FULL;
	__builtin_memset(place.record, 0, sizeof(*place.record));
	place.record->kind = SF_FRAGMENT;
	place.record->flow.ifindex = skb->ifindex;
	/* where the innermost IP packet begins */
	place.record->payload_off = p->off;
	describe_frame(skb, p, place.record, kept);
	return submit(skb, place);
}

/* whether only the lengths of this payload are wanted */
static __always_inline bool lengths_only(const struct packet *p, struct connection *c, __u64 hint, __u64 from)
{
	continue_run(&c->run, &c->run_from, from);
	c->run += p->payload_len;
	if (bytes_to_skip(hint, p->seq + p->payload_len) >= 0)
		return true;
	/* HTTP/2 goes up whole, or is lost and counted: a header block that is left out makes later ones unreadable. */
	return c->state != CONNECTION_HTTP2 && leaves_out_run(c->run - p->payload_len);
}

static __always_inline int send_segment(struct __sk_buff *skb, struct packet *p, const struct sf_flow *flow,
					struct connection *c, __u64 hint, __u64 from, __u8 kind)
{
	__u64 kept = skb->len, payload_kept = 0;
	struct sf_record *record;
	struct place place;
	__u8 marks = 0;

	if (p->payload_len && lengths_only(p, c, hint, from)) {
		marks = SF_MARK_LENGTHS;
		kept = p->payload_off;
	} else if (kept > config.frame_bytes) {
		kept = config.frame_bytes;
	}
	if (kept > p->payload_off)
		payload_kept = kept - p->payload_off;
	/* The bytes after the payload are padding, and no loss. */
	if (payload_kept > p->payload_len)
		payload_kept = p->payload_len;
	if (payload_kept < p->payload_len)
		count(marks ? SF_LENGTHS : SF_TRUNCATED);
	kept = hide_from_verifier(p, kept);
	place = reserve(kept);
	if (!place.record)
		return SF_RING_FULL;
	record = place.record;
	/* 0 for SF_FRAME; a branch on the kind would double the paths that are verified from here on. */
	record->stream = (c->id | from) & ((__u64)(kind / SF_FRAME) - 1);
	record->seq = p->seq;
	record->ack = p->ack;
	record->payload_len = p->payload_len;
	record->payload_kept = payload_kept;
	record->payload_off = p->payload_off;
	record->tcp_flags = p->tcp_flags;
	record->kind = kind;
	marks |= (c->isn_known & 3) * SF_MARK_ISN0;
	marks |= (c->early & 3) * SF_MARK_EARLY0;
	if (c->state == CONNECTION_HTTP2)
		marks |= SF_MARK_HTTP2;
	record->marks = marks;
	record->isn[0] = c->isn[0];
	record->isn[1] = c->isn[1];
	record->stream_of_http2 = 0;
	record->syn_ns = c->syn_ns;
	record->synack_ns = c->synack_ns;
	record->flow = *flow;
	describe_frame(skb, p, record, kept);
	return submit(skb, place);
}

/* what is known of the sending end of a connection whose protocol is not known yet */
struct end {
	bool is_early;	    /* it has sent payload that was not HTTP, or there is no entry to note that in */
	bool first_payload; /* nothing of it has been seen before */
	bool overtook;	    /* this segment is ahead of the first one */
};

/*
 * Where the SYN was seen, a segment that overtook the first one does not show the
 * protocol: it goes up, and user space decides when the first one comes.
 */
static __always_inline struct end end_of(const struct connection *c, const struct packet *p, __u64 from)
{
	struct end end = {.is_early = c->early & 1 << from};
	__u32 ahead;

	if (c->isn_known & 1 << from && !end.is_early) {
		ahead = p->seq + !!(p->tcp_flags & TCP_SYN) - (isn_of(c, from) + 1);
		end.overtook = ahead && ahead <= OVERTAKING_BYTES;
		end.first_payload = true;
	}
	return end;
}

/* Looks for the beginning of a message. Returns the connection if it is followed from here on, else NULL. */
static __always_inline struct connection *
find_start(struct __sk_buff *skb, struct packet *p, const struct sf_flow *flow, struct end end, __u64 from, bool others)
{
	bool first_payload = hide_from_verifier(p, end.first_payload), is_early = hide_from_verifier(p, end.is_early);
	__u64 start = START_HTTP1; /* of enum start, in a whole word, for the reason of struct packet */
	struct connection *c;

	if (!config.every && !end.overtook)
		start = http_start(skb, p, first_payload, others);
	if (start != START_OTHER)
		return connection_follow(flow, start);
	if (!is_early) {
		c = bpf_map_lookup_elem(&connections, flow);
		if (c)
			c->early |= 1 << from;
	}
	return NULL;
}

static __always_inline bool says_nothing(const struct packet *p)
{
	return !p->payload_len && !(p->tcp_flags & (TCP_SYN | TCP_FIN | TCP_RST));
}

/*
 * Whether a segment of skipped bytes needs no record. User space takes what is
 * missing up to the hint's number for bytes that have passed.
 */
static __always_inline bool is_quiet_segment(const struct packet *p, struct connection *c, __u64 hint)
{
	if (!p->payload_len || bytes_to_skip(hint, p->seq + p->payload_len) <= 0 ||
	    p->tcp_flags & (TCP_SYN | TCP_FIN | TCP_RST))
		return false;
	return is_quiet(&c->reported_ns);
}

/*
 * The connection's state decides whether a segment goes up; the first payload
 * decides the state. A pointer that may be NULL is tested once, and is not used
 * where it was NULL: without CAP_PERFMON the verifier also follows the way of a
 * branch that cannot be taken, and there what was NULL is no pointer (kernel
 * 9183671af6db).
 */
static __always_inline int outcome_of_segment(struct __sk_buff *skb, struct packet *p, bool others, bool leaves)
{
	/* Without an entry there is nothing to note it in. */
	struct end end = {.is_early = true};
	struct sf_flow flow __attribute__((aligned(8)));
	__u64 from, hint = SF_SKIP_NONE;
	struct connection *c;
	__u32 kind;
	int result;

	from = flow_of(skb, p, &flow);
	if (p->tcp_flags & TCP_SYN)
		c = connection_syn(&flow, p, from);
	else
		c = bpf_map_lookup_elem(&connections, &flow);
	if (c) {
		if (c->state == CONNECTION_HTTP1 || c->state == CONNECTION_HTTP2) {
			hint = skip_hint(c->id | from);
			if (hint >> 32 == SF_SKIP_REJECT)
				c->state = CONNECTION_NOT_HTTP;
			else if (hint >> 32 == SF_SKIP_FORGET)
				c->state = CONNECTION_NEW;
		}
		if (c->state == CONNECTION_NOT_HTTP)
			return p->payload_len ? SF_NOT_HTTP : SF_NO_PAYLOAD;
		if (c->state != CONNECTION_NEW)
			goto send;
		/* The handshake goes up; a connection of another protocol is dropped at its first payload. */
		if (config.whole && !p->payload_len && !c->early)
			goto send;
		end = end_of(c, p, from);
	}
	if (!p->payload_len)
		return SF_NO_PAYLOAD;
	c = find_start(skb, p, &flow, end, from, others);
	if (!c)
		return SF_NOT_HTTP;
send:
	if (config.hops && p->payload_len)
		note_order(skb, c, p, from);
	if (is_quiet_segment(p, c, hint))
		return SF_QUIET;
	if (leaves && c->state == CONNECTION_HTTP2) {
		result = leave_out(skb, c->id | from,
				   p->payload_len | (__u64)p->payload_off << 32 | (__u64)p->tcp_flags << 48 |
					   (__u64)(c->isn_known >> from & 1) << 56,
				   isn_of(c, from) + 1, p->seq | (hint >> 32 == SF_SKIP_CONTENT ? hint << 32 : 0));
		if (result)
			return result;
	}
	kind = says_nothing(p) || c->state == CONNECTION_NEW ? SF_FRAME : SF_SEGMENT;
	return send_segment(skb, p, &flow, c, hint, from, hide_from_verifier(p, kind));
}

/*
 * Inlined although it is long: as a function of its own it makes the verifier of
 * 5.10 go through more than twice as many instructions, because old verifiers
 * recognize fewer states as the same across a call.
 */
static __always_inline int outcome_of_packet(struct __sk_buff *skb, const struct ipv4_tcp *plain, bool is_plain,
					     bool others, bool leaves)
{
	struct packet p = {};
	int result;

	/* lo passes each packet to this socket twice, out and in; its index is 1 in every namespace. */
	if (config.link == SF_LINK_DETECT && skb->ifindex == 1 && skb->pkt_type == PACKET_OUTGOING)
		return SF_DUPLICATE;
	result = is_plain ? read_plain(plain, &p) : read_packet(skb, config.link, &p);
	if (result == PACKET_IS_FRAGMENT)
		return send_fragment(skb, &p);
	if (result != PACKET_IS_TCP)
		return result;
	if (says_nothing(&p) && !config.whole)
		return SF_NO_PAYLOAD;
	if (!addresses_wanted(&p) || (config.by_port && !port_wanted(p.sport) && !port_wanted(p.dport)))
		return SF_FILTERED;
	return outcome_of_segment(skb, &p, others, leaves);
}

/* others, leaves: literals; see what_begins(), and whether content of HTTP/2 may be left out */
static __always_inline int outcome_of(struct __sk_buff *skb, bool others, bool leaves)
{
	int result = PACKET_GOES_ON;
	/* Set, because the verifier also follows the way on which it was not read: see outcome_of_segment(). */
	struct ipv4_tcp plain = {};

	if (config.link == SF_LINK_ETHERNET && !config.whole)
		result = fast_path(skb, &plain);
	if (result == PACKET_IS_TCP || result == PACKET_GOES_ON)
		return outcome_of_packet(skb, &plain, result == PACKET_IS_TCP, others, leaves);
	return result;
}

/* Always returns 0: anything else would clone the frame into a socket that nobody reads. */
SEC("socket")
int sockfilter(struct __sk_buff *skb)
{
	count(SF_SEEN);
	count(outcome_of(skb, false, false));
	return 0;
}

/* The same, which also follows the protocols beside HTTP that are wanted. One of the three is loaded. */
SEC("?socket")
int sockfilter_others(struct __sk_buff *skb)
{
	count(SF_SEEN);
	count(outcome_of(skb, true, false));
	return 0;
}

/*
 * The first, which also leaves out content of HTTP/2 that user space does not need.
 * Without CAP_PERFMON this is too much for the verifier of 5.10.
 */
SEC("?socket")
int sockfilter_frames(struct __sk_buff *skb)
{
	count(SF_SEEN);
	count(outcome_of(skb, false, true));
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";

/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0 */
/* The table of connections: what opens an entry, marks it as HTTP, and renews it. */
#ifndef SOCKFILTER_CONNECTIONS_BPF_H
#define SOCKFILTER_CONNECTIONS_BPF_H

#include "counters.bpf.h"
#include "payload.bpf.h"

/* the most that an IP packet carries */
#define SYN_PAYLOAD_BYTES_MAX 65535

/* in connection.isn_known: which way the payload of end 0 passes the interface; that of end 1 has the next two bits */
#define WAY_IN0 4
#define WAY_OUT0 8

enum connection_state {
	CONNECTION_NEW, /* opened; no payload has shown the protocol */
	CONNECTION_HTTP1,
	CONNECTION_HTTP2,
	CONNECTION_NOT_HTTP,
};

/* written by the program alone; indices are the end that sends, as in struct sf_flow */
struct connection {
	__u64 id; /* even */
	__u64 syn_ns;
	__u64 synack_ns;
	__u64 reported_ns; /* when a record of skipped payload last went up */
	__u32 isn[2];
	__u32 next[2]; /* the number behind the payload seen so far; 0: none was seen, or nobody asks */
	__u32 run;     /* payload bytes of end run_from in a row */
	__u8 run_from;
	__u8 state;	/* enum connection_state */
	__u8 isn_known; /* a bit for each end; above them, two for each end: see is_same_way() */
	__u8 early;	/* a bit for each end: it has sent payload that was not HTTP */
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, SF_CONNECTIONS);
	__type(key, struct sf_flow);
	__type(value, struct connection);
} connections SEC(".maps");

/* Fills the key and returns which end sent the packet. */
static __always_inline __u32 flow_of(struct __sk_buff *skb, struct packet *p, struct sf_flow *flow)
{
	__u64 from = 0;
	union {
		struct {
			__be16 port[2];
			__u32 ifindex;
		};
		__u64 word;
	} tail;

	if (p->sport != p->dport)
		from = bpf_ntohs(p->sport) > bpf_ntohs(p->dport);
	else if (p->saddr[1] != p->daddr[1])
		from = p->saddr[1] > p->daddr[1];
	else
		from = p->saddr[0] > p->daddr[0];
	__builtin_memcpy(flow->addr[0], from ? p->daddr : p->saddr, SF_ADDR_BYTES);
	__builtin_memcpy(flow->addr[1], from ? p->saddr : p->daddr, SF_ADDR_BYTES);
	tail.port[0] = from ? p->dport : p->sport;
	tail.port[1] = from ? p->sport : p->dport;
	tail.ifindex = skb->ifindex;
	/* as one word, for the reason given at struct packet */
	*(volatile __u64 *)flow->port = tail.word;
	return hide_from_verifier(p, from);
}

/* By arithmetic: an index is a variable offset, which takes CAP_PERFMON, and the compiler makes one of a branch. */
static __always_inline __u32 isn_of(const struct connection *c, __u64 end)
{
	return c->isn[0] ^ ((c->isn[0] ^ c->isn[1]) & -end);
}

static __always_inline void note_isn(struct connection *c, __u64 end, __u32 isn)
{
	c->isn[0] ^= (c->isn[0] ^ isn) & (end - 1);
	c->isn[1] ^= (c->isn[1] ^ isn) & -end;
	c->isn_known |= 1 << end;
}

/* One end's number at its place in the word of both, for the reason given at struct packet. */
static __always_inline __u64 one_isn(__u64 end, __u32 isn)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	return (__u64)isn << end * 32;
#else
	return (__u64)isn << (1 - end) * 32;
#endif
}

/* Returns the new entry. If the table takes none: the old entry, or NULL, tested once: see outcome_of_segment(). */
static __always_inline struct connection *connection_open(const struct sf_flow *flow, const struct connection *fresh)
{
	bpf_map_update_elem(&connections, flow, fresh, BPF_ANY);
	return bpf_map_lookup_elem(&connections, flow);
}

/*
 * A SYN begins a new life of the connection, unless it is a retransmission. The
 * SYN-ACK adds its time; where the SYN was not seen, it begins the new life.
 */
static __always_inline struct connection *connection_syn(const struct sf_flow *flow, struct packet *p, __u64 from)
{
	struct connection *c = bpf_map_lookup_elem(&connections, flow);
	struct connection fresh = {};
	__u64 isn;

	p->time_ns = bpf_ktime_get_ns();
	if (c) {
		if (c->isn_known & 1 << from && isn_of(c, from) == p->seq)
			return c;
		/*
		 * The SYN-ACK acknowledges the SYN and payload in it (RFC 7413).
		 * Of several SYN-ACKs with different numbers the last is kept;
		 * user space sees which of them the client accepted.
		 */
		if (p->tcp_flags & TCP_ACK && c->isn_known & 2 >> from &&
		    p->ack - (isn_of(c, !from) + 1) <= SYN_PAYLOAD_BYTES_MAX) {
			c->synack_ns = p->time_ns;
			note_isn(c, from, p->seq);
			return c;
		}
	}
	isn = one_isn(from, p->seq);
	if (p->tcp_flags & TCP_ACK) {
		/* It also gives the number of the SYN, which was not seen, or comes late. */
		isn |= one_isn(!from, p->ack - 1);
		fresh.isn_known = 3;
		fresh.synack_ns = p->time_ns;
	} else {
		fresh.isn_known = 1 << from;
		fresh.syn_ns = p->time_ns;
	}
	*(volatile __u64 *)fresh.isn = isn;
	return connection_open(flow, &fresh);
}

/* Follows the connection from here on, whose SYN may not have been seen. */
static __always_inline struct connection *connection_follow(const struct sf_flow *flow, __u64 start)
{
	struct connection *c = bpf_map_lookup_elem(&connections, flow);
	struct connection fresh = {};

	if (!c) {
		c = connection_open(flow, &fresh);
		if (!c)
			return NULL;
	}
	c->id = next_connection_id();
	c->state = start == START_HTTP2 ? CONNECTION_HTTP2 : CONNECTION_HTTP1;
	return c;
}

#endif

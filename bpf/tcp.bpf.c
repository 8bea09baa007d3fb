/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0 */
/*
 * What the kernel's TCP knows of connections: states, round-trip times, what it
 * sends again, what is dropped where and why, resets, and when a process receives.
 *
 * Each event has a program of its own, which is loaded only if somebody wants its
 * records. Figures are in memory (lib/tcp_slots.bpf.h); rare events are records in
 * a ring. The programs are attached by BTF (tp_btf), so that they read the
 * kernel's structs by plain loads.
 */
#include "internal.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include <stdbool.h>

#include "config.h"
#include "lib/tcp_slots.bpf.h"
#include "tcp.h"
#include "tcp_events.h"

/* include/linux/sched.h */
#define PF_KTHREAD 0x00200000
/* the network header that no skb has: include/linux/skbuff.h */
#define NO_HEADER 0xffff
/* 256 sockets of each CPU whose last change is known: more than change at the same time */
#define MARK_BITS 8
#define NS_PER_S 1000000000ULL

const volatile struct sf_tcp_config tcp_config;

/* user space reads it without a system call */
struct sf_tcp_shared tcp_shared;

/* max_entries is set before the load */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 20);
} tcp_ring SEC(".maps");

/* drops by reason and place, whoever's they are */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(max_entries, SF_TCP_PLACES);
	__type(key, struct sf_tcp_place);
	__type(value, __u64);
} places SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, SF_TCP_UNACCEPTED);
	__type(key, __u32);
	__type(value, struct sf_tcp_unaccepted);
} unaccepted SEC(".maps");

/* the change of state that tcp_state_by_packet ran for last */
struct mark {
	__u64 socket;
	int before;
	int state;
};

/* on each CPU, by the ports of the socket; two that share a place may tell of one change twice if one interrupts the other */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1 << MARK_BITS);
	__type(key, __u32);
	__type(value, struct mark);
} marks SEC(".maps");

/* one bit for each port, as in lib/filter.bpf.h */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, SF_PORT_WORDS);
	__type(key, __u32);
	__type(value, __u64);
} tcp_ports SEC(".maps");

/* how much of what is rate limited has been used in this second, on this CPU */
struct budget {
	__u64 second;
	__u32 stacks;
	__u32 syn_drops;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct budget);
} budgets SEC(".maps");

static __always_inline bool wants(__u32 what)
{
	return tcp_config.wants & what;
}

static __always_inline bool has(__u32 what)
{
	return tcp_config.has & what;
}

static __always_inline bool is_port(__u16 port)
{
	__u32 word = port / 64;
	__u64 *bits = bpf_map_lookup_elem(&tcp_ports, &word);

	return bits && *bits >> port % 64 & 1;
}

/* Whether a connection is one of those that are asked for. */
static __always_inline bool is_wanted(const struct sf_tcp_end *end)
{
	if (tcp_config.netns && tcp_config.netns != end->netns)
		return false;
	return !tcp_config.by_port || is_port(end->local_port) || is_port(end->peer_port);
}

static __always_inline __u64 wakeup(void)
{
	volatile __u32 *asleep = &tcp_shared.asleep;

	if (!*asleep)
		return BPF_RB_NO_WAKEUP;
	*asleep = 0;
	return BPF_RB_FORCE_WAKEUP;
}

static __always_inline void send(struct sf_tcp_event *event)
{
	__sync_fetch_and_add(&tcp_shared.sent, 1);
	bpf_ringbuf_submit(event, wakeup());
}

static __always_inline struct sf_tcp_event *reserve(__u8 kind)
{
	struct sf_tcp_event *event = bpf_ringbuf_reserve(&tcp_ring, sizeof(*event), 0);

	if (!event) {
		__sync_fetch_and_add(&tcp_shared.lost, 1);
		return NULL;
	}
	__builtin_memset(event, 0, sizeof(*event));
	event->time_ns = bpf_ktime_get_ns();
	event->kind = kind;
	return event;
}

/* A record about a socket, with its figures and what its slot knows. */
static __always_inline struct sf_tcp_event *reserve_for(__u8 kind, const struct tcp_sock *tp,
							const struct sf_tcp_end *end, const struct sf_tcp_slot *slot)
{
	struct sf_tcp_event *event = reserve(kind);

	if (!event)
		return NULL;
	event->socket = (__u64)tp;
	event->end = *end;
	event->state = tp->inet_conn.icsk_inet.sk.__sk_common.skc_state;
	put_figures(&event->figures, tp);
	if (slot) {
		event->begun_ns = slot->begun_ns;
		event->is_passive = slot->is_passive;
	}
	return event;
}

static __always_inline struct budget *budget_now(__u64 time_ns)
{
	__u32 zero = 0;
	struct budget *budget = bpf_map_lookup_elem(&budgets, &zero);

	if (budget && budget->second != time_ns / NS_PER_S) {
		budget->second = time_ns / NS_PER_S;
		budget->stacks = budget->syn_drops = 0;
	}
	return budget;
}

/* Names the current process, unless it is the kernel itself. */
static __always_inline void put_process(struct sf_tcp_event *event)
{
	struct task_struct *task = (void *)bpf_get_current_task(), *leader;
	struct bpf_pidns_info here = {};

	if (BPF_CORE_READ(task, flags) & PF_KTHREAD)
		return;
	/* a process that user space cannot see has no number */
	bpf_get_ns_current_pid_tgid(tcp_config.pidns_dev, tcp_config.pidns_ino, &here, sizeof(here));
	event->pid = here.tgid;
	event->cgroup = bpf_get_current_cgroup_id();
	/* a thread may have a name of its own */
	leader = BPF_CORE_READ(task, group_leader);
	bpf_probe_read_kernel_str(event->comm, sizeof(event->comm), &leader->comm);
}

/* Changes of state that the process itself makes; all others are made wherever a packet or a timer is handled. */
static __always_inline bool is_by_process(int before, int state)
{
	switch (state) {
	case TCP_SYN_SENT:
	case TCP_LISTEN:
		return before == TCP_CLOSE;
	case TCP_FIN_WAIT1:
		return before == TCP_ESTABLISHED;
	case TCP_LAST_ACK:
		return before == TCP_CLOSE_WAIT;
	case TCP_CLOSE:
		return before == TCP_LISTEN;
	}
	return false;
}

/* Takes the addresses of a socket. Returns their bucket; NULL if they are not wanted. */
static __always_inline struct sf_tcp_bucket *wanted_bucket(struct sf_tcp_end *end, const struct tcp_sock *tp)
{
	put_end(end, tp);
	return is_wanted(end) ? bucket_of(end) : NULL;
}

/* Changes of state that tell nothing that the next one does not tell. */
static __always_inline bool is_passing(int state)
{
	return state == TCP_SYN_RECV || state == TCP_FIN_WAIT2 || state == TCP_CLOSE_WAIT;
}

/* Notes that an end waits to be accepted. It may take the place of another. */
static __always_inline void note_unaccepted(const struct sf_tcp_slot *slot)
{
	__u32 place = bpf_get_prandom_u32() & (SF_TCP_UNACCEPTED - 1);
	struct sf_tcp_unaccepted *entry = bpf_map_lookup_elem(&unaccepted, &place);

	if (entry) {
		entry->bucket = sf_tcp_bucket_of(&slot->end);
		entry->socket = slot->socket;
	}
}

static __always_inline int change_state(struct sock *sk, int before, int state)
{
	struct tcp_sock *tp = bpf_skc_to_tcp_sock(sk);
	struct sf_tcp_bucket *bucket;
	struct sf_tcp_slot *slot;
	struct sf_tcp_event *event;
	struct sf_tcp_end end = {};
	bool is_listener = before == TCP_LISTEN ? state == TCP_CLOSE : state == TCP_LISTEN;

	if (!tp)
		return 0;
	bucket = wanted_bucket(&end, tp);
	if (!bucket)
		return 0;
	if (state == TCP_ESTABLISHED) {
		slot = new_slot(bucket, &end, (__u64)tp);
		slot->begun_ns = slot->used_ns = bpf_ktime_get_ns();
		slot->is_passive = before == TCP_SYN_RECV;
		if (slot->is_passive && wants(SF_TCP_WANT_ACCEPTS))
			note_unaccepted(slot);
	} else {
		slot = slot_of(bucket, (__u64)tp);
	}
	if (slot) {
		put_figures(&slot->figures, tp);
		if (state == TCP_CLOSE)
			close_slot(bucket, (__u64)tp);
	}
	if (!wants(SF_TCP_WANT_STATES) || (is_listener && !wants(SF_TCP_WANT_LISTENERS)))
		return 0;
	if (wants(SF_TCP_WANT_LIVES) && is_passing(state))
		return 0;
	event = reserve_for(SF_TCP_STATE, tp, &end, slot);
	if (!event)
		return 0;
	event->before = before;
	event->state = state;
	event->error = sk->sk_err;
	/* an ICMP message that came while the process was in connect() */
	if (!event->error && before == TCP_SYN_SENT)
		event->error = sk->sk_err_soft;
	if (is_listener) {
		event->backlog = sk->sk_ack_backlog;
		event->backlog_max = sk->sk_max_ack_backlog;
	}
	if (is_by_process(before, state))
		put_process(event);
	send(event);
	return 0;
}

/* This CPU's mark of a socket, and of those that share its place. */
static __always_inline struct mark *mark_of(const struct sock *sk)
{
	/* odd factors spread neighbours (Knuth, The Art of Computer Programming, 6.4) */
	__u32 place = sk->__sk_common.skc_portpair * 0x9e3779b1u >> (32 - MARK_BITS);

	return bpf_map_lookup_elem(&marks, &place);
}

/*
 * Several programs, because a packet or a timer may be handled while one of them
 * runs, and the kernel does not run an interrupted program again on the same CPU.
 */
SEC("tp_btf/inet_sock_set_state")
int tcp_state_by_process(__u64 *ctx)
{
	int before = ctx[1], state = ctx[2];

	return is_by_process(before, state) ? change_state((void *)ctx[0], before, state) : 0;
}

SEC("tp_btf/inet_sock_set_state")
int tcp_state_by_packet(__u64 *ctx)
{
	int before = ctx[1], state = ctx[2];
	struct mark *mark;

	if (is_by_process(before, state))
		return 0;
	mark = mark_of((void *)ctx[0]);
	if (mark) {
		mark->socket = ctx[0];
		mark->before = before;
		mark->state = state;
	}
	return change_state((void *)ctx[0], before, state);
}

/* Runs after tcp_state_by_packet, for the changes that the kernel did not run that one for. */
SEC("tp_btf/inet_sock_set_state")
int tcp_state_by_interrupt(__u64 *ctx)
{
	int before = ctx[1], state = ctx[2];
	struct mark *mark;

	if (is_by_process(before, state))
		return 0;
	mark = mark_of((void *)ctx[0]);
	/* the sockets last: where they are equal, the compiler may pass on the map's, which the verifier does not know */
	if (mark && mark->before == before && mark->state == state && mark->socket == ctx[0]) {
		mark->socket = 0;
		return 0;
	}
	return change_state((void *)ctx[0], before, state);
}

/* Each segment that is received. Its bytes are not in the socket yet. */
SEC("tp_btf/tcp_probe")
int tcp_arrive(__u64 *ctx)
{
	struct sock *sk = (void *)ctx[0];
	struct sk_buff *skb = (void *)ctx[1];
	struct tcp_sock *tp = bpf_skc_to_tcp_sock(sk);
	const struct tcp_skb_cb *cb;
	struct sf_tcp_bucket *bucket;
	struct sf_tcp_slot *slot;
	struct sf_tcp_end end = {};

	if (!tp || tp->copied_seq != tp->rcv_nxt)
		return 0;
	cb = (const void *)skb->cb;
	if (cb->seq == cb->end_seq)
		return 0;
	put_end(&end, tp);
	bucket = bucket_of(&end);
	slot = bucket ? slot_of(bucket, (__u64)tp) : NULL;
	if (slot)
		slot->arrived_ns = bpf_ktime_get_ns();
	return 0;
}

static __always_inline void send_receive(const struct tcp_sock *tp, const struct sf_tcp_slot *slot, __u64 now,
					 bool is_first)
{
	__u64 queued_ns = slot->arrived_ns ? now - slot->arrived_ns : 0;
	struct sf_tcp_event *event;

	/* who holds the end that connected is known already */
	if (wants(SF_TCP_WANT_LIVES) && !wants(SF_TCP_WANT_ARRIVALS) && slot->begun_ns && !slot->is_passive)
		return;
	if (!(is_first && wants(SF_TCP_WANT_FIRST)) && !(wants(SF_TCP_WANT_SLOW) && queued_ns >= tcp_config.slow_ns))
		return;
	event = reserve_for(SF_TCP_RECEIVE, tp, &slot->end, slot);
	if (!event)
		return;
	event->queued_ns = queued_ns;
	event->is_first = is_first;
	put_process(event);
	send(event);
}

/* A process has received bytes. This runs in that process. */
SEC("tp_btf/tcp_rcv_space_adjust")
int tcp_receive(__u64 *ctx)
{
	struct tcp_sock *tp = bpf_skc_to_tcp_sock((void *)ctx[0]);
	struct sf_tcp_bucket *bucket;
	struct sf_tcp_received *last;
	struct sf_tcp_slot *slot;
	struct sf_tcp_end end = {};
	__u32 copied_seq, number;
	bool is_first;
	__u64 now;

	if (!tp)
		return 0;
	bucket = wanted_bucket(&end, tp);
	if (!bucket)
		return 0;
	slot = slot_of(bucket, (__u64)tp);
	if (!slot)
		slot = new_slot(bucket, &end, (__u64)tp);
	copied_seq = tp->copied_seq;
	number = slot->receives;
	is_first = !slot->first_ns;
	last = &slot->received[(number - 1) & (SF_TCP_RECEIVES - 1)];
	if (!is_first && last->copied_seq == copied_seq) /* MSG_PEEK */
		return 0;
	now = bpf_ktime_get_ns();
	if (is_first)
		slot->first_ns = now;
	else if (last->unread)
		slot->lag_ns += now - last->time_ns;
	last = &slot->received[number & (SF_TCP_RECEIVES - 1)];
	last->time_ns = now;
	last->copied_seq = copied_seq;
	last->unread = tp->rcv_nxt - copied_seq;
	slot->receives = number + 1;
	slot->used_ns = now;
	slot->tid = bpf_get_current_pid_tgid();
	put_usual_figures(&slot->figures, tp);
	if (wants(SF_TCP_WANT_FIRST | SF_TCP_WANT_SLOW))
		send_receive(tp, slot, now, is_first);
	slot->arrived_ns = last->unread ? now : 0;
	return 0;
}

/*
 * Looks whether an end has been accepted, or need not be looked at again. Global, so that it is verified once and not
 * for each turn of the loop, which took a tenth of a second.
 */
__attribute__((noinline)) int look_at(__u32 place)
{
	struct sf_tcp_unaccepted *entry = bpf_map_lookup_elem(&unaccepted, &place);
	struct sf_tcp_bucket *bucket;
	struct sf_tcp_slot *slot;
	struct sock *sk;
	__u32 number;

	if (!entry || !entry->socket)
		return 0;
	number = entry->bucket;
	bucket = bpf_map_lookup_elem(&buckets, &number);
	slot = bucket ? slot_of(bucket, entry->socket) : NULL;
	sk = (void *)entry->socket;
	if (!slot || slot->first_ns) {
		entry->socket = 0;
		return 0;
	}
	/* the socket may be gone: then its slot says so, or its memory is another's for one look */
	if (BPF_CORE_READ(sk, sk_socket)) {
		slot->accepted_ns = bpf_ktime_get_ns();
		entry->socket = 0;
	} else {
		slot->unaccepted_ns = bpf_ktime_get_ns();
	}
	return 0;
}

/* A timer on one CPU: nothing else tells of accept() where there are no probes. */
SEC("perf_event")
int tcp_look(void *ctx)
{
	__u32 i;

	(void)ctx;
	for (i = 0; i < SF_TCP_UNACCEPTED; i++)
		look_at(i);
	return 0;
}

SEC("tp_btf/tcp_retransmit_skb")
int tcp_retransmit(__u64 *ctx)
{
	struct sk_buff *skb = (void *)ctx[1];
	struct tcp_sock *tp = bpf_skc_to_tcp_sock((void *)ctx[0]);
	const struct tcp_skb_cb *cb;
	struct sf_tcp_bucket *bucket;
	struct sf_tcp_slot *slot;
	struct sf_tcp_event *event;
	struct sf_tcp_end end = {};

	if (!tp)
		return 0;
	if (has(SF_TCP_HAS_ERROR) && (int)ctx[2]) /* it was not sent */
		return 0;
	bucket = wanted_bucket(&end, tp);
	if (!bucket)
		return 0;
	slot = slot_of(bucket, (__u64)tp);
	if (!slot) /* of a SYN: from now on its drops are followed */
		slot = new_slot(bucket, &end, (__u64)tp);
	slot->used_ns = bpf_ktime_get_ns();
	put_figures(&slot->figures, tp);
	__sync_fetch_and_add(&tcp_shared.retransmits, 1);
	event = reserve_for(SF_TCP_RETRANSMIT, tp, &end, slot);
	if (!event)
		return 0;
	cb = (const void *)skb->cb;
	event->seq = cb->seq;
	event->end_seq = cb->end_seq;
	event->segments = cb->tcp_gso_segs;
	if (!event->segments)
		event->segments = 1;
	event->ca_state = BPF_CORE_READ_BITFIELD(&tp->inet_conn, icsk_ca_state);
	event->pending = tp->inet_conn.icsk_pending;
	event->backoff = tp->inet_conn.icsk_backoff;
	send(event);
	return 0;
}

/* the headers of a packet, from its network header on: IPv6 without extension headers, and TCP */
union headers {
	struct iphdr ipv4;
	struct ipv6hdr ipv6;
	__u8 bytes[60];
};

/* what a dropped packet was */
struct segment {
	struct sf_tcp_end end; /* local is its sender */
	__u32 seq;
	__u32 end_seq;
	__u32 flags;
};

static __always_inline bool put_segment(struct segment *segment, const struct tcphdr *tcp, __u32 len)
{
	__u32 header = tcp->doff_res >> 4 << 2;

	segment->end.local_port = bpf_ntohs(tcp->source);
	segment->end.peer_port = bpf_ntohs(tcp->dest);
	segment->flags = tcp->flags;
	segment->seq = bpf_ntohl(tcp->seq);
	segment->end_seq = segment->seq + (tcp->flags & TCP_SYN ? 1 : 0) + (tcp->flags & TCP_FIN ? 1 : 0);
	if (len > header)
		segment->end_seq += len - header;
	return header >= sizeof(*tcp);
}

/* Reads a segment. False: it is not one of TCP, or a fragment. */
static __always_inline bool read_segment(struct segment *segment, const struct sk_buff *skb)
{
	const void *at = skb->head + skb->network_header;
	union headers headers;
	struct tcphdr tcp;
	__u32 ihl, len;

	if (!skb->network_header || skb->network_header == NO_HEADER)
		return false;
	if (bpf_probe_read_kernel(&headers, sizeof(headers), at))
		return false;
	if (headers.ipv4.version_ihl >> 4 == 6) {
		if (headers.ipv6.nexthdr != IPPROTO_TCP)
			return false;
		__builtin_memcpy(segment->end.local_addr, headers.ipv6.saddr, 16);
		__builtin_memcpy(segment->end.peer_addr, headers.ipv6.daddr, 16);
		len = bpf_ntohs(headers.ipv6.payload_len);
		if (!len) /* a jumbogram, which GSO makes */
			len = skb->len;
		__builtin_memcpy(&tcp, headers.bytes + sizeof(headers.ipv6), sizeof(tcp));
		return put_segment(segment, &tcp, len);
	}
	ihl = (headers.ipv4.version_ihl & 15) << 2;
	if (headers.ipv4.version_ihl >> 4 != 4 || headers.ipv4.protocol != IPPROTO_TCP || ihl < sizeof(headers.ipv4) ||
	    headers.ipv4.frag_off & bpf_htons(0x1fff))
		return false;
	put_ipv4(segment->end.local_addr, headers.ipv4.saddr);
	put_ipv4(segment->end.peer_addr, headers.ipv4.daddr);
	len = bpf_ntohs(headers.ipv4.tot_len);
	if (!len)
		len = skb->len;
	if (ihl == sizeof(headers.ipv4))
		__builtin_memcpy(&tcp, headers.bytes + sizeof(headers.ipv4), sizeof(tcp));
	else if (bpf_probe_read_kernel(&tcp, sizeof(tcp), at + ihl))
		return false;
	return put_segment(segment, &tcp, len - ihl);
}

static __always_inline void turn_round(struct sf_tcp_end *out, const struct sf_tcp_end *end)
{
	__builtin_memcpy(out->local_addr, end->peer_addr, 16);
	__builtin_memcpy(out->peer_addr, end->local_addr, 16);
	out->local_port = end->peer_port;
	out->peer_port = end->local_port;
	out->netns = end->netns;
}

static __always_inline void count_drop(__u64 location, __u32 reason)
{
	struct sf_tcp_place place = {.location = location, .reason = reason};
	__u64 *known = bpf_map_lookup_elem(&places, &place), one = 1;

	if (known)
		++*known;
	else if (bpf_map_update_elem(&places, &place, &one, BPF_NOEXIST))
		__sync_fetch_and_add(&tcp_shared.uncounted, 1);
}

static __always_inline void put_drop(struct sf_tcp_event *event, const struct segment *segment,
				     const struct sk_buff *skb, __u64 location, __u32 reason)
{
	const struct net_device *dev = skb->dev;

	event->end = segment->end;
	event->seq = segment->seq;
	event->end_seq = segment->end_seq;
	event->tcp_flags = segment->flags;
	event->location = location;
	event->reason = reason;
	if (dev) {
		event->ifindex = dev->ifindex;
		event->end.netns = dev->nd_net.net->ns.inum;
		bpf_probe_read_kernel_str(event->interface, sizeof(event->interface), dev->name);
	}
}

static __always_inline void send_drop(void *ctx, const struct segment *segment, const struct sk_buff *skb,
				      const struct sf_tcp_slot *slot, bool is_outgoing, __u32 reason, bool has_stack)
{
	struct sf_tcp_stacked *stacked;
	struct sf_tcp_event *event;
	__u64 location = ((__u64 *)ctx)[1];
	long len;

	if (has_stack) {
		stacked = bpf_ringbuf_reserve(&tcp_ring, sizeof(*stacked), 0);
		if (!stacked) {
			__sync_fetch_and_add(&tcp_shared.lost, 1);
			return;
		}
		event = &stacked->event;
		__builtin_memset(event, 0, sizeof(*event));
		event->time_ns = bpf_ktime_get_ns();
		event->kind = SF_TCP_DROP;
		len = bpf_get_stack(ctx, stacked->stack, sizeof(stacked->stack), 0);
		event->frames = len > 0 ? len / sizeof(__u64) : 0;
	} else {
		event = reserve(SF_TCP_DROP);
		if (!event)
			return;
	}
	put_drop(event, segment, skb, location, reason);
	event->is_outgoing = is_outgoing;
	if (slot) {
		event->socket = slot->socket;
		event->begun_ns = slot->begun_ns;
		event->is_passive = slot->is_passive;
	}
	send(event);
}

SEC("tp_btf/kfree_skb")
int tcp_drop(__u64 *ctx)
{
	struct sk_buff *skb = (void *)ctx[0];
	__u32 reason = has(SF_TCP_HAS_REASON) ? ctx[2] : 0;
	bool is_outgoing, has_stack = false;
	struct segment segment = {};
	struct sf_tcp_slot *slot;
	struct budget *budget = NULL;
	struct sf_tcp_end receiver;

	count_drop(ctx[1], reason);
	if (!wants(SF_TCP_WANT_DROPS | SF_TCP_WANT_SYN_DROPS))
		return 0;
	if (BPF_CORE_READ_BITFIELD(skb, pkt_type) == PACKET_OTHERHOST || !read_segment(&segment, skb))
		return 0;
	/* an acknowledgement, or the FIN of a socket that nobody holds any more */
	if (wants(SF_TCP_WANT_LIVES) && segment.end_seq == segment.seq + (segment.flags & TCP_FIN ? 1 : 0))
		return 0;
	slot = slot_of_end(&segment.end);
	is_outgoing = slot;
	if (!slot) {
		turn_round(&receiver, &segment.end);
		slot = slot_of_end(&receiver);
	}
	if (!slot || wants(SF_TCP_WANT_STACKS))
		budget = budget_now(bpf_ktime_get_ns());
	if (!slot) {
		/* a SYN may be dropped in another namespace than the one whose socket sends it */
		segment.end.netns = tcp_config.netns;
		if (!wants(SF_TCP_WANT_SYN_DROPS) || !(segment.flags & TCP_SYN) || !is_wanted(&segment.end) ||
		    !budget || budget->syn_drops >= tcp_config.syn_drops_per_s)
			return 0;
		budget->syn_drops++;
	}
	if (wants(SF_TCP_WANT_STACKS) && budget && budget->stacks < tcp_config.stacks_per_s) {
		budget->stacks++;
		has_stack = true;
	}
	__sync_fetch_and_add(&tcp_shared.drops, 1);
	send_drop(ctx, &segment, skb, slot, is_outgoing, reason, has_stack);
	return 0;
}

/* A reset is sent: for a socket, or for a segment that belongs to none. */
SEC("tp_btf/tcp_send_reset")
int tcp_reset_sent(__u64 *ctx)
{
	struct sock *sk = (void *)ctx[0];
	struct sk_buff *skb = (void *)ctx[1];
	struct tcp_sock *tp = sk ? bpf_skc_to_tcp_sock(sk) : NULL;
	struct segment segment = {};
	struct sf_tcp_bucket *bucket;
	struct sf_tcp_slot *slot;
	struct sf_tcp_event *event;
	struct sf_tcp_end end = {};

	if (tp) {
		put_end(&end, tp);
		if (!is_wanted(&end) || tp->inet_conn.icsk_inet.sk.__sk_common.skc_state == TCP_LISTEN)
			tp = NULL;
	}
	if (tp) {
		bucket = bucket_of(&end);
		slot = bucket ? slot_of(bucket, (__u64)tp) : NULL;
		event = reserve_for(SF_TCP_RESET_SENT, tp, &end, slot);
	} else {
		if (!skb || !read_segment(&segment, skb) || !is_wanted(&segment.end))
			return 0;
		event = reserve(SF_TCP_RESET_SENT);
		if (event)
			turn_round(&event->end, &segment.end);
	}
	if (!event)
		return 0;
	if (has(SF_TCP_HAS_RESET_REASON))
		event->reason = ctx[2];
	send(event);
	return 0;
}

SEC("tp_btf/tcp_receive_reset")
int tcp_reset_received(__u64 *ctx)
{
	struct tcp_sock *tp = bpf_skc_to_tcp_sock((void *)ctx[0]);
	struct sf_tcp_bucket *bucket;
	struct sf_tcp_event *event;
	struct sf_tcp_end end = {};

	if (!tp)
		return 0;
	put_end(&end, tp);
	if (!is_wanted(&end))
		return 0;
	bucket = bucket_of(&end);
	event = reserve_for(SF_TCP_RESET_RECEIVED, tp, &end, bucket ? slot_of(bucket, (__u64)tp) : NULL);
	if (event)
		send(event);
	return 0;
}

/*
 * This machine answers a segment with an ICMP message. One that answers a SYN while the process is in connect() is only
 * a passing error of the socket, which is gone when the process has asked for it: the close does not tell of it.
 */
SEC("tp_btf/icmp_send")
int tcp_icmp(__u64 *ctx)
{
	struct segment segment = {};
	struct sf_tcp_event *event;

	if (!read_segment(&segment, (void *)ctx[0]) || (segment.flags & (TCP_SYN | TCP_ACK)) != TCP_SYN)
		return 0;
	/* a router in another namespace may send it */
	segment.end.netns = tcp_config.netns;
	if (!is_wanted(&segment.end))
		return 0;
	event = reserve(SF_TCP_ICMP);
	if (!event)
		return 0;
	event->end = segment.end;
	event->error = ctx[1];
	event->reason = ctx[2];
	send(event);
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";

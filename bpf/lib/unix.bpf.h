/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0 */
/*
 * Unix stream sockets as connections. The kernel does not number their bytes, so
 * the program counts them, at the end that it observes first.
 */
#ifndef SOCKFILTER_UNIX_BPF_H
#define SOCKFILTER_UNIX_BPF_H

#include "http_sockets.bpf.h"

/* include/linux/net.h */
#define SOCK_STREAM 1
/* connections whose beginning was seen, and on which no byte has passed; the oldest make room */
#define FRESH 4096

/* a set: the values say nothing */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, FRESH);
	__type(key, struct sf_flow);
	__type(value, __u8);
} fresh_unix SEC(".maps");

/* by a connection's id */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, FRESH);
	__type(key, __u64);
	__type(value, struct sf_unix_name);
} unix_names SEC(".maps");

/* The addresses of both struct sock stand for the ends. Returns false where it is no such socket, or has no peer. */
static __always_inline bool unix_end_of(struct sock *sk, struct tcp_end *end)
{
	__u64 here = (__u64)sk, there;
	__u64 *first = (__u64 *)end->flow.addr[0], *second = (__u64 *)end->flow.addr[1];

	if (family_of(sk) != AF_UNIX || BPF_CORE_READ(sk, sk_type) != SOCK_STREAM)
		return false;
	there = (__u64)BPF_CORE_READ((struct unix_sock *)sk, peer);
	if (!there)
		return false;
	__builtin_memset(&end->flow, 0, sizeof(end->flow));
	end->family = AF_UNIX;
	end->local = here > there;
	first[1] = end->local ? there : here;
	second[1] = end->local ? here : there;
	return true;
}

/* Where both directions stand after a call that has moved so many bytes. A connection's first number is the clock's. */
static __always_inline void count_unix(struct tcp_end *end, const struct connection *c, bool is_read, __u32 moved)
{
	__u32 first = bpf_ktime_get_ns(), second = first;

	if (c) {
		first = c->sent[0];
		second = c->sent[1];
	}

	end->write_seq = (end->local ? second : first) + (is_read ? 0 : moved);
	end->copied_seq = (end->local ? first : second) + (is_read ? moved : 0);
}

static __always_inline bool name_of(struct sock *sk, struct sf_unix_name *name)
{
	struct unix_address *addr = BPF_CORE_READ((struct unix_sock *)sk, addr);

	if (!addr)
		return false;
	/* the address family is before the path */
	name->len = BPF_CORE_READ(addr, len) - sizeof(__u16);
	bpf_probe_read_kernel(name->path, sizeof(name->path),
			      (void *)addr + bpf_core_field_offset(struct unix_address, name) +
				      bpf_core_field_offset(struct sockaddr_un, sun_path));
	return name->len;
}

static __noinline void note_name(struct sock *sk, const struct tcp_end *end, __u64 id)
{
	struct sf_unix_name name = {};

	name.end = end->local;
	if (!name_of(sk, &name)) {
		name.end = !end->local;
		if (!name_of(BPF_CORE_READ((struct unix_sock *)sk, peer), &name))
			return;
	}
	bpf_map_update_elem(&unix_names, &id, &name, BPF_ANY);
}

/* A connection has just begun at one end: no byte of it has been missed. */
static __always_inline void begin_unix(struct sock *sk, bool is_accepted)
{
	struct tcp_end end = {};
	struct connection *c;
	__u8 there = 1;

	if (!unix_end_of(sk, &end))
		return;
	c = bpf_map_lookup_elem(&connections, &end.flow);
	/* The end that connected may send before the other end accepts. */
	if (is_accepted && c && !(c->observed & 1 << end.local))
		return;
	/* Earlier sockets may have had the same addresses. */
	if (c)
		bpf_map_delete_elem(&connections, &end.flow);
	bpf_map_update_elem(&fresh_unix, &end.flow, &there, BPF_ANY);
}

#endif

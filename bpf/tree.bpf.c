/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0 */
/*
 * Which TCP connections belong to a tree of processes: those that a member opened,
 * and those to a port that a member listens on. Members are a process that user
 * space names, and all its descendants.
 *
 * Raw tracepoints need no tracefs. inet_sock_set_state runs in the process that
 * connects or listens when a socket leaves TCP_CLOSE. When a socket becomes
 * established, it runs wherever the packet is handled.
 */
#include "internal.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>

#include "lib/members.bpf.h"
#include "lib/sockets.bpf.h"
#include "tree.h"

/* sockets between connect() and TCP_ESTABLISHED; the oldest make room */
#define CONNECTING 16384
/* connections that are remembered, open or not; the oldest make room (about 6 MB) */
#define PAIRS 65536
#define LISTENERS 16384

/* by the address of struct sock */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, CONNECTING);
	__type(key, __u64);
	__type(value, __u8);
} connecting SEC(".maps");

/* how many sockets listen on a port: with SO_REUSEPORT there may be several */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, LISTENERS);
	__type(key, struct sf_listener);
	__type(value, __u32);
} listeners SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, PAIRS);
	__type(key, struct sf_pair);
	__type(value, __u8);
} pairs SEC(".maps");

SEC("raw_tp/sched_process_fork")
int tree_fork(struct bpf_raw_tracepoint_args *ctx)
{
	note_fork(ctx);
	return 0;
}

SEC("raw_tp/sched_process_exit")
int tree_gone(struct bpf_raw_tracepoint_args *ctx __attribute__((unused)))
{
	note_exit();
	return 0;
}

static __always_inline void remember(struct sock *sk)
{
	struct sf_pair pair = {};

	read_addresses(sk, family_of(sk), &pair.local_addr, &pair.peer_addr);
	pair.local_port = local_port_of(sk);
	pair.peer_port = peer_port_of(sk);
	add_to_set(&pairs, &pair);
}

static __always_inline struct sf_listener listener_of(struct sock *sk)
{
	return (struct sf_listener){.netns = netns_of(sk), .port = local_port_of(sk)};
}

static __always_inline void begin_to_listen(const struct sf_listener *listener)
{
	__u32 *sockets = bpf_map_lookup_elem(&listeners, listener), one = 1;

	if (sockets)
		__sync_fetch_and_add(sockets, 1);
	else
		bpf_map_update_elem(&listeners, listener, &one, BPF_NOEXIST);
}

static __always_inline void end_to_listen(const struct sf_listener *listener)
{
	__u32 *sockets = bpf_map_lookup_elem(&listeners, listener);

	if (!sockets)
		return;
	if (*sockets > 1)
		__sync_fetch_and_sub(sockets, 1);
	else
		bpf_map_delete_elem(&listeners, listener);
}

/* arguments: the socket, its state, and its next one */
SEC("raw_tp/inet_sock_set_state")
int tree_state(struct bpf_raw_tracepoint_args *ctx)
{
	struct sock *sk = (void *)ctx->args[0];
	__u64 address = ctx->args[0];
	struct sf_listener listener;
	int before = ctx->args[1], state = ctx->args[2];

	if (before == TCP_CLOSE && state == TCP_SYN_SENT) {
		if (is_member())
			add_to_set(&connecting, &address);
		return 0;
	}
	if (state == TCP_ESTABLISHED && before == TCP_SYN_SENT) {
		if (!bpf_map_delete_elem(&connecting, &address))
			remember(sk);
		return 0;
	}
	if (before == TCP_SYN_SENT) {
		bpf_map_delete_elem(&connecting, &address);
		return 0;
	}
	listener = listener_of(sk);
	if (before == TCP_CLOSE && state == TCP_LISTEN && is_member())
		begin_to_listen(&listener);
	else if (before == TCP_LISTEN && state == TCP_CLOSE) /* an accepted one begins as a copy: LISTEN, SYN_RECV */
		end_to_listen(&listener);
	else if (before == TCP_SYN_RECV && state == TCP_ESTABLISHED && bpf_map_lookup_elem(&listeners, &listener))
		remember(sk);
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";

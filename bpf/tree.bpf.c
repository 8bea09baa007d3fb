/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0 */
/*
 * Which TCP connections belong to a tree of processes: those that a member
 * opened, and those to a port that a member listens on. Members are a process
 * that user space names, and all that it and they fork.
 *
 * Raw tracepoints need no tracefs. inet_sock_set_state runs in the process that
 * connects or listens when a socket leaves TCP_CLOSE; where it becomes
 * established, it runs wherever the packet was handled.
 */
#include "internal.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>

#include "tree.h"

/* processes at once; what is forked beyond that is not known */
#define MEMBERS 65536
/* sockets between connect() and established; the oldest make room */
#define CONNECTING 16384
/* connections that are remembered, open or not; the oldest make room (about 6 MB) */
#define PAIRS 65536
#define LISTENERS 16384

const volatile struct sf_tree_config tree_config;

/* struct bpf_raw_tracepoint_args, include/uapi/linux/bpf.h */
struct raw_args {
	__u64 args[3];
};

/* struct bpf_pidns_info, include/uapi/linux/bpf.h */
struct bpf_pidns_info {
	__u32 pid;
	__u32 tgid;
};

/* by thread group, as the kernel numbers them */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, MEMBERS);
	__type(key, __u32);
	__type(value, __u8);
} members SEC(".maps");

/* members that user space names, as it numbers them; they move to members when they do something */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, MEMBERS);
	__type(key, __u32);
	__type(value, __u8);
} named SEC(".maps");

/* by the address of struct sock */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, CONNECTING);
	__type(key, __u64);
	__type(value, __u8);
} connecting SEC(".maps");

/* how many sockets listen on a port: SO_REUSEPORT lets several */
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

/* a map as a set: its values say nothing */
static __always_inline void put(void *map, const void *key)
{
	__u8 there = 1;

	bpf_map_update_elem(map, key, &there, BPF_ANY);
}

static __always_inline int is_named(void)
{
	struct bpf_pidns_info here = {};

	if (bpf_get_ns_current_pid_tgid(tree_config.pidns_dev, tree_config.pidns_ino, (void *)&here, sizeof(here)))
		return 0;
	if (!bpf_map_lookup_elem(&named, &here.tgid))
		return 0;
	bpf_map_delete_elem(&named, &here.tgid);
	return 1;
}

static __always_inline int is_member(void)
{
	__u32 tgid = bpf_get_current_pid_tgid() >> 32;

	if (bpf_map_lookup_elem(&members, &tgid))
		return 1;
	if (!is_named())
		return 0;
	put(&members, &tgid);
	return 1;
}

/* arguments: the parent, which is the current process, and the child */
SEC("raw_tp/sched_process_fork")
int tree_fork(struct raw_args *ctx)
{
	struct task_struct *child = (void *)ctx->args[1];
	__u32 tgid;

	if (!is_member())
		return 0;
	tgid = BPF_CORE_READ(child, tgid);
	put(&members, &tgid);
	return 0;
}

/* the last of a process is its first thread: then its number may be another's */
SEC("raw_tp/sched_process_free")
int tree_free(struct raw_args *ctx)
{
	struct task_struct *task = (void *)ctx->args[0];
	__u32 tgid = BPF_CORE_READ(task, tgid);

	if (tgid == (__u32)BPF_CORE_READ(task, pid))
		bpf_map_delete_elem(&members, &tgid);
	return 0;
}

static __always_inline void map_v4(__u8 out[16], __be32 addr)
{
	__builtin_memset(out, 0, 10);
	out[10] = out[11] = 0xff;
	__builtin_memcpy(out + 12, &addr, sizeof(addr));
}

static __always_inline void remember(struct sock *sk)
{
	struct sf_pair pair = {};

	if (BPF_CORE_READ(sk, __sk_common.skc_family) == AF_INET6) {
		BPF_CORE_READ_INTO(&pair.local_addr, sk, __sk_common.skc_v6_rcv_saddr);
		BPF_CORE_READ_INTO(&pair.peer_addr, sk, __sk_common.skc_v6_daddr);
	} else {
		map_v4(pair.local_addr, BPF_CORE_READ(sk, __sk_common.skc_rcv_saddr));
		map_v4(pair.peer_addr, BPF_CORE_READ(sk, __sk_common.skc_daddr));
	}
	pair.local_port = BPF_CORE_READ(sk, __sk_common.skc_num);
	pair.peer_port = bpf_ntohs(BPF_CORE_READ(sk, __sk_common.skc_dport));
	put(&pairs, &pair);
}

static __always_inline struct sf_listener listener_of(struct sock *sk)
{
	struct sf_listener listener = {
		.netns = BPF_CORE_READ(sk, __sk_common.skc_net.net, ns.inum),
		.port = BPF_CORE_READ(sk, __sk_common.skc_num),
	};

	/* one that the kernel chose has been given back by the time that its socket closes (inet_put_port) */
	if (!listener.port)
		listener.port = bpf_ntohs(BPF_CORE_READ((struct inet_sock *)sk, inet_sport));
	return listener;
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
int tree_state(struct raw_args *ctx)
{
	struct sock *sk = (void *)ctx->args[0];
	__u64 address = ctx->args[0];
	struct sf_listener listener;
	int before = ctx->args[1], state = ctx->args[2];

	if (before == TCP_CLOSE && state == TCP_SYN_SENT) {
		if (is_member())
			put(&connecting, &address);
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

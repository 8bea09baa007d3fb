/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0 */
/*
 * Moves bytes between two sockets of one control group past TCP: from send() straight into
 * the queue of the other socket.
 *
 * A direction is decided by its first byte. It is redirected if both ends are known by then,
 * and it goes back to TCP for good if its reader leaves too much unread: TCP then blocks the
 * writer. So bytes keep their order. A dry run only counts, and touches no socket.
 *
 * On many kernels splice(2) from such a socket hangs. As soon as a process of the group calls
 * it, all directions go back to TCP.
 */
#include "internal.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_endian.h>
#include <stdbool.h>

#include "accelerate.h"
#include "lib/calls.bpf.h"
#include "lib/descriptors.bpf.h"
#include "lib/socket_contexts.bpf.h"

/* arch/x86/entry/syscalls/syscall_64.tbl, include/uapi/asm-generic/unistd.h */
#define SPLICE_X86 275
#define SPLICE_GENERIC 76

/* include/linux/socket.h */
#define MSG_PEEK 2

const volatile struct sf_accelerate_config accelerate_config;

/* an end of a connection; IPv4 addresses as ::ffff:a.b.c.d (RFC 4291, 2.5.5.2) */
struct end {
	__u64 netns; /* its cookie */
	__be32 local[4];
	__be32 peer[4];
	__u32 local_port;
	__u32 peer_port;
};

struct end_state {
	__s64 waiting;	/* redirected bytes that it has not read yet */
	__u32 by_tcp;	/* what it sends goes by TCP from here on */
	__u32 has_peer; /* the other end is in the control group too */
};

struct {
	__uint(type, BPF_MAP_TYPE_SOCKHASH);
	__uint(max_entries, SF_ACCELERATE_ENDS);
	__type(key, struct end);
	__type(value, __u64);
} sockets SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, SF_ACCELERATE_ENDS);
	__type(key, struct end);
	__type(value, struct end_state);
} ends SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, SF_ACCELERATE_COUNTERS);
	__type(key, __u32);
	__type(value, __u64);
} counters SEC(".maps");

/* by the number of the process */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, SF_ACCELERATE_SPLICERS);
	__type(key, __u32);
	__type(value, struct sf_splicer);
} splicers SEC(".maps");

static __always_inline bool is_spliced(void)
{
	__u32 at = SF_ACCELERATE_SPLICES;
	__u64 *counter = bpf_map_lookup_elem(&counters, &at);

	return counter && *counter;
}

static __always_inline void add(__u32 at, __u64 amount)
{
	__u64 *counter = bpf_map_lookup_elem(&counters, &at);

	if (counter)
		__sync_fetch_and_add(counter, amount);
}

/* The kernel rewrites each read of a context, so its offset must be a constant: the branches must stay apart. */
#define STAY_APART asm volatile("" ::: "memory")

#define READ_END(end, context)                                                                                         \
	do {                                                                                                           \
		(end).netns = bpf_get_netns_cookie(context);                                                           \
		if ((context)->family == AF_INET6) {                                                                   \
			(end).local[0] = (context)->local_ip6[0];                                                      \
			(end).local[1] = (context)->local_ip6[1];                                                      \
			(end).local[2] = (context)->local_ip6[2];                                                      \
			(end).local[3] = (context)->local_ip6[3];                                                      \
			(end).peer[0] = (context)->remote_ip6[0];                                                      \
			(end).peer[1] = (context)->remote_ip6[1];                                                      \
			(end).peer[2] = (context)->remote_ip6[2];                                                      \
			(end).peer[3] = (context)->remote_ip6[3];                                                      \
			STAY_APART;                                                                                    \
		} else {                                                                                               \
			(end).local[2] = (end).peer[2] = bpf_htonl(0xffff);                                            \
			(end).local[3] = (context)->local_ip4;                                                         \
			(end).peer[3] = (context)->remote_ip4;                                                         \
		}                                                                                                      \
		(end).local_port = (context)->local_port;                                                              \
		(end).peer_port = bpf_ntohl((context)->remote_port);                                                   \
	} while (0)

static __always_inline struct end other_of(const struct end *end)
{
	struct end other = {.netns = end->netns, .local_port = end->peer_port, .peer_port = end->local_port};

	__builtin_memcpy(other.local, end->peer, sizeof(other.local));
	__builtin_memcpy(other.peer, end->local, sizeof(other.peer));
	return other;
}

static __always_inline void note_opened(struct bpf_sock_ops *context)
{
	struct end end = {}, other;
	struct end_state fresh = {}, *peer;

	READ_END(end, context);
	other = other_of(&end);
	/* with TCP Fast Open, a byte has been sent already */
	fresh.by_tcp = context->data_segs_out != 0;
	peer = bpf_map_lookup_elem(&ends, &other);
	fresh.has_peer = peer != NULL;
	if (bpf_sock_ops_cb_flags_set(context, BPF_SOCK_OPS_STATE_CB_FLAG))
		return;
	if (!accelerate_config.dry_run && bpf_sock_hash_update(context, &sockets, &end, BPF_ANY))
		return;
	if (bpf_map_update_elem(&ends, &end, &fresh, BPF_ANY) || !peer)
		return;
	peer->has_peer = 1;
	add(SF_ACCELERATE_CONNECTIONS, 1);
}

static __always_inline void note_closed(struct bpf_sock_ops *context)
{
	__u32 before = context->args[0];
	__u64 received = context->bytes_received;
	struct end_state *state;
	struct end end = {};

	READ_END(end, context);
	state = bpf_map_lookup_elem(&ends, &end);
	if (!state)
		return;
	/* the kernel counts the end of the stream as a byte */
	if (received && before != TCP_ESTABLISHED && before != TCP_FIN_WAIT1)
		received--;
	if (state->has_peer)
		add(SF_ACCELERATE_TCP_BYTES, received);
	bpf_map_delete_elem(&ends, &end);
}

SEC("sockops")
int accelerate_note(struct bpf_sock_ops *context)
{
	__u32 op = context->op;

	if (op == BPF_SOCK_OPS_ACTIVE_ESTABLISHED_CB || op == BPF_SOCK_OPS_PASSIVE_ESTABLISHED_CB)
		note_opened(context);
	else if (op == BPF_SOCK_OPS_STATE_CB && context->args[1] == TCP_CLOSE)
		note_closed(context);
	return 1;
}

SEC("sk_msg")
int accelerate_redirect(struct sk_msg_md *message)
{
	struct end_state *own, *peer;
	struct end end = {}, other;
	__u32 size = message->size;

	READ_END(end, message);
	other = other_of(&end);
	own = bpf_map_lookup_elem(&ends, &end);
	if (!own || own->by_tcp)
		return SK_PASS;
	peer = bpf_map_lookup_elem(&ends, &other);
	/* a socket that is being closed is not in the map any more: TCP then gives the writer its error */
	if (!peer || is_spliced() || peer->waiting >= SF_ACCELERATE_WAITING_MAX ||
	    bpf_msg_redirect_hash(message, &sockets, &other, BPF_F_INGRESS) != SK_PASS) {
		own->by_tcp = 1;
		add(SF_ACCELERATE_LEFT, 1);
		return SK_PASS;
	}
	__sync_fetch_and_add(&peer->waiting, size);
	add(SF_ACCELERATE_MESSAGES, 1);
	add(SF_ACCELERATE_BYTES, size);
	return SK_PASS;
}

/* arguments: the registers, and the number of the call */
SEC("tp_btf/sys_enter")
int accelerate_splice(__u64 *ctx)
{
	const struct pt_regs *regs = (const void *)ctx[0];
	__u32 process = bpf_get_current_pid_tgid() >> 32;
	struct sf_splicer fresh = {}, *known;
	struct sock *sk;

	if (ctx[1] != (is_arm64() ? SPLICE_GENERIC : SPLICE_X86) ||
	    bpf_get_current_cgroup_id() != accelerate_config.group || is_32_bit(regs))
		return 0;
	sk = sock_of(argument(regs, 0));
	if (!sk || BPF_CORE_READ(sk, sk_protocol) != IPPROTO_TCP)
		return 0;
	add(SF_ACCELERATE_SPLICES, 1);
	known = bpf_map_lookup_elem(&splicers, &process);
	if (known) {
		__sync_fetch_and_add(&known->calls, 1);
		return 0;
	}
	fresh.calls = 1; /* not in its initializer, which would be where user space writes the configuration */
	bpf_get_current_comm(fresh.comm, sizeof(fresh.comm));
	bpf_map_update_elem(&splicers, &process, &fresh, BPF_ANY);
	return 0;
}

/*
 * A process has taken bytes from a socket. Arguments: the socket, the number of bytes, and the flags (Linux 6.3).
 * Without it, a direction goes back to TCP after SF_ACCELERATE_WAITING_MAX bytes.
 */
SEC("tp_btf/sock_recv_length")
int accelerate_taken(__u64 *ctx)
{
	struct tcp_sock *tp = bpf_skc_to_tcp_sock((void *)ctx[0]);
	const struct sock_common *common;
	struct end_state *state;
	struct end end = {};
	int count = ctx[1];

	if (!tp || count <= 0 || (ctx[2] & MSG_PEEK))
		return 0;
	common = &tp->inet_conn.icsk_inet.sk.__sk_common;
	end.netns = common->skc_net.net->net_cookie;
	if (common->skc_family == AF_INET6) {
		__builtin_memcpy(end.local, &common->skc_v6_rcv_saddr, sizeof(end.local));
		__builtin_memcpy(end.peer, &common->skc_v6_daddr, sizeof(end.peer));
	} else {
		end.local[2] = end.peer[2] = bpf_htonl(0xffff);
		end.local[3] = common->skc_rcv_saddr;
		end.peer[3] = common->skc_daddr;
	}
	end.local_port = common->skc_num;
	end.peer_port = bpf_ntohs(common->skc_dport);
	state = bpf_map_lookup_elem(&ends, &end);
	if (state)
		__sync_fetch_and_add(&state->waiting, -(__s64)count);
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";

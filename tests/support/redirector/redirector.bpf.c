/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0 */
/*
 * What accelerators of local connections do: every TCP socket of a cgroup goes into a
 * sockhash, and what one sends goes straight into the queue of its peer. A direction
 * that has sent a byte by TCP stays with TCP, so that bytes keep their order.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_endian.h>

#define AF_INET6 10
#define SOCKETS 4096

/* 0: the sockets are in the map, and nothing else is done */
const volatile __u32 redirects = 1;

struct end {
	__u32 local[4];
	__u32 peer[4];
	__u32 local_port;
	__u32 peer_port;
};

struct {
	__uint(type, BPF_MAP_TYPE_SOCKHASH);
	__uint(max_entries, SOCKETS);
	__type(key, struct end);
	__type(value, __u64);
} sf_test_ends SEC(".maps");

/* which ends are in the map, and whether they have sent by TCP */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, SOCKETS);
	__type(key, struct end);
	__type(value, __u32);
} states SEC(".maps");

/* The kernel rewrites each read of a context, so its place must be a constant: the two branches must stay apart. */
#define STAY_APART asm volatile("" ::: "memory")

#define READ_END(end, context)                                                                                         \
	do {                                                                                                           \
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
			(end).local[3] = (context)->local_ip4;                                                         \
			(end).peer[3] = (context)->remote_ip4;                                                         \
		}                                                                                                      \
		(end).local_port = (context)->local_port;                                                              \
		(end).peer_port = bpf_ntohl((context)->remote_port);                                                   \
	} while (0)

SEC("sockops")
int sf_test_note(struct bpf_sock_ops *context)
{
	struct end end = {};
	__u32 fresh = 0;

	if (context->op != BPF_SOCK_OPS_ACTIVE_ESTABLISHED_CB && context->op != BPF_SOCK_OPS_PASSIVE_ESTABLISHED_CB)
		return 1;
	READ_END(end, context);
	if (!bpf_sock_hash_update(context, &sf_test_ends, &end, BPF_ANY))
		bpf_map_update_elem(&states, &end, &fresh, BPF_ANY);
	return 1;
}

SEC("sk_msg")
int sf_test_redirect(struct sk_msg_md *context)
{
	struct end end = {}, peer = {};
	__u32 *by_tcp, plain = 1;

	if (!redirects)
		return SK_PASS;
	READ_END(end, context);
	__builtin_memcpy(peer.local, end.peer, sizeof(end.peer));
	__builtin_memcpy(peer.peer, end.local, sizeof(end.local));
	peer.local_port = end.peer_port;
	peer.peer_port = end.local_port;
	by_tcp = bpf_map_lookup_elem(&states, &end);
	if (by_tcp && !*by_tcp && bpf_map_lookup_elem(&states, &peer))
		return bpf_msg_redirect_hash(context, &sf_test_ends, &peer, BPF_F_INGRESS);
	bpf_map_update_elem(&states, &end, &plain, BPF_ANY);
	return SK_PASS;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";

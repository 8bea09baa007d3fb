/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0 */
/* The addresses and ports of a TCP socket, read from the kernel's own structures. */
#ifndef SOCKFILTER_SOCKETS_BPF_H
#define SOCKFILTER_SOCKETS_BPF_H

#include "internal.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>

#include "../config.h"

/* as ::ffff:a.b.c.d (RFC 4291, 2.5.5.2) */
static __always_inline void map_ipv4(__u8 (*out)[SF_ADDR_BYTES], __be32 addr)
{
	__builtin_memset(out, 0, 10);
	(*out)[10] = (*out)[11] = 0xff;
	__builtin_memcpy(*out + 12, &addr, sizeof(addr));
}

static __always_inline __u16 family_of(struct sock *sk)
{
	return BPF_CORE_READ(sk, __sk_common.skc_family);
}

static __always_inline void read_addresses(struct sock *sk, __u16 family, __u8 (*local)[SF_ADDR_BYTES],
					   __u8 (*peer)[SF_ADDR_BYTES])
{
	if (family == AF_INET6) {
		BPF_CORE_READ_INTO(local, sk, __sk_common.skc_v6_rcv_saddr);
		BPF_CORE_READ_INTO(peer, sk, __sk_common.skc_v6_daddr);
	} else {
		map_ipv4(local, BPF_CORE_READ(sk, __sk_common.skc_rcv_saddr));
		map_ipv4(peer, BPF_CORE_READ(sk, __sk_common.skc_daddr));
	}
}

/* both ports, as struct sock_common has them next to each other: one read in place of two */
struct ports {
	__be16 peer;
	__u16 local;
};

static __always_inline struct ports ports_of(struct sock *sk)
{
	__u32 both = BPF_CORE_READ(sk, __sk_common.skc_portpair);
	struct ports ports;

	__builtin_memcpy(&ports, &both, sizeof(ports));
	/* a port that the kernel chose has been given back before its socket closes (inet_put_port) */
	if (!ports.local)
		ports.local = bpf_ntohs(BPF_CORE_READ((struct inet_sock *)sk, inet_sport));
	return ports;
}

static __always_inline __u16 local_port_of(struct sock *sk)
{
	return ports_of(sk).local;
}

static __always_inline __u16 peer_port_of(struct sock *sk)
{
	return bpf_ntohs(BPF_CORE_READ(sk, __sk_common.skc_dport));
}

/* the number of its network namespace in nsfs */
static __always_inline __u32 netns_of(struct sock *sk)
{
	return BPF_CORE_READ(sk, __sk_common.skc_net.net, ns.inum);
}

#endif

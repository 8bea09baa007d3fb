/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0 */
/*
 * The kernel-internal types that programs read: not UAPI, so each kernel has
 * its own layout, and libbpf moves the reads to where that kernel's BTF says
 * (preserve_access_index). Only the fields that are read. An object that takes
 * this in needs /sys/kernel/btf/vmlinux.
 */
#ifndef SOCKFILTER_INTERNAL_H
#define SOCKFILTER_INTERNAL_H

#include "vmlinux.h"

/* what lies between the fields is the kernel's */
#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wpadded"
#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

/* include/linux/sched.h */
struct task_struct {
	__s32 pid;
	__s32 tgid;
};

/* include/linux/ns_common.h */
struct ns_common {
	__u32 inum;
};

/* include/net/net_namespace.h */
struct net {
	struct ns_common ns;
};

/* include/net/net_namespace.h */
typedef struct {
	struct net *net;
} possible_net_t;

/* include/uapi/linux/in6.h */
struct in6_addr {
	__u8 in6_u[16];
};

/* include/net/sock.h */
struct sock_common {
	__be32 skc_daddr;
	__be32 skc_rcv_saddr;
	__be16 skc_dport;
	__u16 skc_num;
	__u16 skc_family;
	possible_net_t skc_net;
	struct in6_addr skc_v6_daddr;
	struct in6_addr skc_v6_rcv_saddr;
};

/* include/net/sock.h */
struct sock {
	struct sock_common __sk_common;
};

/* include/net/inet_sock.h */
struct inet_sock {
	struct sock sk;
	__be16 inet_sport;
};

#pragma clang attribute pop
#pragma clang diagnostic pop

/* include/net/tcp_states.h */
enum tcp_state {
	TCP_ESTABLISHED = 1,
	TCP_SYN_SENT = 2,
	TCP_SYN_RECV = 3,
	TCP_CLOSE = 7,
	TCP_LISTEN = 10,
};

/* include/linux/socket.h */
#define AF_INET 2
#define AF_INET6 10

#endif

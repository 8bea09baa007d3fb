/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0 */
/* The contexts of programs at sockets, as far as they are read (include/uapi/linux/bpf.h). */
#ifndef SOCKFILTER_SOCKET_CONTEXTS_BPF_H
#define SOCKFILTER_SOCKET_CONTEXTS_BPF_H

#include "vmlinux.h"

#define BPF_SOCK_OPS_ACTIVE_ESTABLISHED_CB 4
#define BPF_SOCK_OPS_PASSIVE_ESTABLISHED_CB 5
#define BPF_SOCK_OPS_STATE_CB 10
#define BPF_SOCK_OPS_STATE_CB_FLAG (1 << 2)

#define SK_PASS 1

struct bpf_sock_ops {
	__u32 op;
	__u32 args[4];
	__u32 family;
	__be32 remote_ip4;
	__be32 local_ip4;
	__be32 remote_ip6[4];
	__be32 local_ip6[4];
	__u32 remote_port; /* in network byte order */
	__u32 local_port;  /* in host byte order */
	__u32 not_read[20];
	__u32 data_segs_out;
	__u32 not_read_either[3];
	__u64 bytes_received;
	__u64 bytes_acked;
};

struct sk_msg_md {
	void *data;
	void *data_end;
	__u32 family;
	__be32 remote_ip4;
	__be32 local_ip4;
	__be32 remote_ip6[4];
	__be32 local_ip6[4];
	__u32 remote_port; /* in network byte order */
	__u32 local_port;  /* in host byte order */
	__u32 size;
};

#endif

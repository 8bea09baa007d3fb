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

/* include/linux/fs.h */
struct inode {
	__u16 i_mode;
};

/* include/linux/fdtable.h */
struct fdtable {
	struct file **fd;
};

/* include/linux/fdtable.h */
struct files_struct {
	struct fdtable *fdt;
};

/* include/linux/types.h */
typedef struct {
	int counter;
} atomic_t;

/* include/linux/sched/signal.h */
struct signal_struct {
	atomic_t live;
};

/* arch/x86/include/asm/ptrace.h */
struct pt_regs {
	unsigned long r10;
	unsigned long dx;
	unsigned long si;
	unsigned long di;
	unsigned long orig_ax;
	unsigned long cs;
};

/* arch/arm64/include/asm/ptrace.h; the first register is overwritten by the result, orig_x0 keeps it */
struct pt_regs___arm64 {
	__u64 regs[31];
	__u64 pstate;
	__u64 orig_x0;
	__s32 syscallno;
};

/* include/linux/ns_common.h */
struct ns_common {
	__u32 inum;
};

/* include/linux/pid_namespace.h */
struct pid_namespace {
	struct ns_common ns;
};

/* include/linux/pid.h */
struct upid {
	__s32 nr;
	struct pid_namespace *ns;
};

/* include/linux/pid.h */
struct pid {
	__u32 level;
	struct upid numbers[1];
};

/* include/linux/dcache.h */
struct qstr {
	const unsigned char *name;
};

/* include/linux/dcache.h */
struct dentry {
	struct dentry *d_parent;
	struct qstr d_name;
};

/* include/linux/mount.h */
struct vfsmount {
	struct dentry *mnt_root;
};

/* fs/mount.h */
struct mount {
	struct mount *mnt_parent;
	struct dentry *mnt_mountpoint;
	struct vfsmount mnt;
};

/* include/linux/path.h */
struct path {
	struct vfsmount *mnt;
	struct dentry *dentry;
};

/* include/linux/fs.h */
struct file {
	const void *f_op;
	void *private_data;
	struct inode *f_inode;
	struct path f_path;
};

/* include/linux/mm_types.h */
struct mm_struct {
	struct file *exe_file;
	unsigned long arg_start;
	unsigned long arg_end;
};

/* include/linux/kernfs.h; parent is __parent from 6.15 on */
struct kernfs_node {
	const char *name;
	struct kernfs_node *__parent;
};

struct kernfs_node___old {
	struct kernfs_node *parent;
};

/* include/linux/cgroup-defs.h */
struct cgroup {
	struct kernfs_node *kn;
};

/* before 6.1: the numbers of the cgroups above it, from the root down to itself */
struct cgroup___old {
	__s32 level;
	__u64 ancestor_ids[];
};

/* include/linux/cgroup-defs.h */
struct css_set {
	struct cgroup *dfl_cgrp;
};

/* include/linux/sched.h */
struct task_struct {
	__u32 flags;
	__s32 pid;
	__s32 tgid;
	struct task_struct *group_leader;
	struct pid *thread_pid;
	struct mm_struct *mm;
	struct css_set *cgroups;
	struct files_struct *files;
	struct signal_struct *signal;
	__u64 start_boottime;
	__u64 self_exec_id;
	char comm[16];
};

/* include/net/net_namespace.h */
struct net {
	struct ns_common ns;
	__u64 net_cookie;
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
	__u32 skc_portpair; /* both, in a union with them */
	__u16 skc_family;
	__u8 skc_state;
	possible_net_t skc_net;
	unsigned long skc_flags;
	struct in6_addr skc_v6_daddr;
	struct in6_addr skc_v6_rcv_saddr;
};

/* include/linux/skbuff.h */
struct sk_buff_head {
	__u32 qlen;
};

/* include/net/sock.h */
struct sock {
	struct sock_common __sk_common;
	struct sk_buff_head sk_receive_queue;
	const void *sk_socket;
	__u32 sk_ack_backlog;
	__u32 sk_max_ack_backlog;
	__u16 sk_type;
	__u16 sk_protocol;
	__u8 sk_shutdown;
	int sk_err;
	int sk_err_soft;
	void *sk_user_data;
	unsigned long sk_lingertime;
};

/* include/linux/net.h */
struct socket {
	struct sock *sk;
};

/* include/net/inet_sock.h */
struct inet_sock {
	struct sock sk;
	__be16 inet_sport;
};

/* include/net/inet_connection_sock.h */
struct inet_connection_sock {
	struct inet_sock icsk_inet;
	const void *icsk_ulp_ops;
	__u8 icsk_ca_state : 5;
	__u8 icsk_pending;
	__u8 icsk_backoff;
};

/* include/linux/win_minmax.h */
struct minmax_sample {
	__u32 v;
};

/* include/linux/win_minmax.h */
struct minmax {
	struct minmax_sample s[3];
};

/* include/linux/skmsg.h */
struct sk_psock {
	struct sock *sk;
};

/* include/linux/tcp.h */
struct tcp_sock {
	struct inet_connection_sock inet_conn;
	__u32 rcv_nxt;
	__u32 copied_seq;
	__u32 snd_una;
	__u32 write_seq;
	__u32 snd_wnd;
	__u32 rcv_wnd;
	__u32 snd_cwnd;
	__u32 srtt_us;
	__u32 mdev_us;
	__u32 total_retrans;
	struct minmax rtt_min;
	__u32 chrono_start;
	__u32 chrono_stat[3];
	__u8 chrono_type : 2;
	__u64 bytes_sent;
	__u64 bytes_retrans;
	__u64 bytes_received;
	__u64 bytes_acked;
};

/* include/net/tcp.h */
struct tcp_skb_cb {
	__u32 seq;
	__u32 end_seq;
	__u16 tcp_gso_segs;
};

/* include/linux/netdevice.h */
struct net_device {
	int ifindex;
	char name[16];
	possible_net_t nd_net;
};

/* include/linux/skbuff.h */
struct sk_buff {
	struct net_device *dev;
	struct sock *sk;
	char cb[48];
	unsigned int len;
	__u8 pkt_type : 3;
	__u16 transport_header;
	__u16 network_header;
	unsigned char *head;
};

/* include/net/request_sock.h */
struct request_sock {
	struct sock_common __req_common;
};

/* include/uapi/linux/un.h */
struct sockaddr_un {
	char sun_path[108];
};

/* include/net/af_unix.h */
struct unix_address {
	int len;
	struct sockaddr_un name[0];
};

/* include/net/af_unix.h */
struct unix_sock {
	struct unix_address *addr;
	struct sock *peer;
};

#pragma clang attribute pop
#pragma clang diagnostic pop

/* include/net/tcp_states.h */
enum tcp_state {
	TCP_ESTABLISHED = 1,
	TCP_SYN_SENT = 2,
	TCP_SYN_RECV = 3,
	TCP_FIN_WAIT1 = 4,
	TCP_FIN_WAIT2 = 5,
	TCP_CLOSE = 7,
	TCP_CLOSE_WAIT = 8,
	TCP_LAST_ACK = 9,
	TCP_LISTEN = 10,
};

/* include/linux/socket.h */
#define AF_UNIX 1
#define AF_INET 2
#define AF_INET6 10

#endif

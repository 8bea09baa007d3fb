/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0 */
/*
 * Two more places at which packets of an interface are counted: where TCP gives a
 * segment to an established socket, and where the kernel drops a packet. They read
 * the kernel's structs, so they are an object of their own.
 */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>

#include "count.h"

/* the header that no skb has (include/linux/skbuff.h) */
#define NO_HEADER 0xffff

#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wpadded"
#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct ns_common___count {
	__u32 inum;
};

struct net___count {
	struct ns_common___count ns;
};

struct net_device___count {
	int ifindex;
	struct {
		struct net___count *net;
	} nd_net;
};

struct sock_common___count {
	struct {
		struct net___count *net;
	} skc_net;
};

struct sock___count {
	struct sock_common___count __sk_common;
};

struct skb_shared_info___count {
	__u16 gso_segs;
};

/* include/linux/skbuff.h */
struct sk_buff___count {
	struct net_device___count *dev;
	struct sock___count *sk;
	unsigned int len;
	int skb_iif;
	__u16 mac_header;
	unsigned int end;
	unsigned char *head, *data;
};

#pragma clang attribute pop
#pragma clang diagnostic pop

const volatile struct sf_count_config config;

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct sf_counted);
} delivered SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(max_entries, SF_COUNT_REASONS);
	__type(key, struct sf_drop_key);
	__type(value, struct sf_counted);
} drops SEC(".maps");

/* Drops may interrupt each other: atomic, on this CPU's own counters. */
static __always_inline void add(struct sf_counted *counted, struct sk_buff___count *skb)
{
	struct skb_shared_info___count *shared = (void *)(skb->head + skb->end);
	__u16 segments = 0;
	__u64 before = 0;

	if (skb->mac_header != NO_HEADER)
		before = (__u64)skb->data - (__u64)skb->head - skb->mac_header;
	bpf_core_read(&segments, sizeof(segments), &shared->gso_segs);
	__sync_fetch_and_add(&counted->packets, 1);
	__sync_fetch_and_add(&counted->bytes, skb->len + (before <= NO_HEADER ? before : 0));
	__sync_fetch_and_add(&counted->segments, segments ?: 1);
}

SEC("tp_btf/tcp_probe")
int stations_delivered(__u64 *ctx)
{
	struct sock___count *sk = (void *)ctx[0];
	struct sk_buff___count *skb = (void *)ctx[1];
	struct sf_counted *counted;
	__u32 zero = 0;

	if ((__u32)skb->skb_iif != config.ifindex || sk->__sk_common.skc_net.net->ns.inum != config.netns)
		return 0;
	counted = bpf_map_lookup_elem(&delivered, &zero);
	if (counted)
		add(counted, skb);
	return 0;
}

/* The network namespace of a packet; 0: it is not known. Its device may be gone, or UDP may have put numbers in its place. */
static __always_inline __u32 netns_of(struct sk_buff___count *skb, struct sock___count *rx_sk)
{
	struct net_device___count *dev = skb->dev;
	struct sock___count *sk = skb->sk;
	__u32 netns = dev ? dev->nd_net.net->ns.inum : 0;

	if (!netns && rx_sk)
		netns = rx_sk->__sk_common.skc_net.net->ns.inum;
	if (!netns && sk)
		netns = sk->__sk_common.skc_net.net->ns.inum;
	return netns;
}

static __always_inline int count_drop(struct sk_buff___count *skb, __u32 reason, struct sock___count *rx_sk)
{
	struct sf_drop_key key = {.reason = reason};
	struct sf_counted *counted, none = {};
	struct net_device___count *dev = skb->dev;
	__u32 ifindex = skb->skb_iif, netns;

	if (!ifindex && dev) {
		key.is_out = 1;
		ifindex = dev->ifindex;
	}
	if (ifindex != config.ifindex)
		return 0;
	netns = netns_of(skb, rx_sk);
	if (netns && netns != config.netns)
		return 0;
	counted = bpf_map_lookup_elem(&drops, &key);
	if (!counted) {
		bpf_map_update_elem(&drops, &key, &none, BPF_NOEXIST);
		counted = bpf_map_lookup_elem(&drops, &key);
	}
	if (counted)
		add(counted, skb);
	return 0;
}

/* one of them is loaded, by the number of arguments that the kernel gives: the reason is new in 5.17, rx_sk in 6.11 */
SEC("tp_btf/kfree_skb")
int stations_drop2(__u64 *ctx)
{
	return count_drop((void *)ctx[0], 0, NULL);
}

SEC("tp_btf/kfree_skb")
int stations_drop3(__u64 *ctx)
{
	return count_drop((void *)ctx[0], ctx[2], NULL);
}

SEC("tp_btf/kfree_skb")
int stations_drop4(__u64 *ctx)
{
	return count_drop((void *)ctx[0], ctx[2], (void *)ctx[3]);
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";

/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0 */
/*
 * What a TCP socket knows, by plain loads: the verifier knows the types of a
 * tracepoint's arguments where programs are attached by BTF, and a plain load
 * costs a quarter of bpf_probe_read_kernel().
 */
#ifndef SOCKFILTER_TCP_SOCKETS_BPF_H
#define SOCKFILTER_TCP_SOCKETS_BPF_H

#include "internal.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include <stdbool.h>

#include "../tcp_events.h"

/* include/linux/tcp.h, enum tcp_chrono; times are kept from the second on */
enum chrono {
	CHRONO_BUSY = 1,
	CHRONO_WINDOW_LIMITED = 2,
	CHRONO_BUFFER_LIMITED = 3,
};

static __always_inline void put_ipv4(__u8 *out, __be32 addr)
{
	__u32 *words = (__u32 *)out;

	words[0] = words[1] = 0;
	words[2] = bpf_htonl(0xffff);
	words[3] = addr;
}

static __always_inline void put_ipv6(__u8 *out, const struct in6_addr *addr)
{
	const __u64 *from = (const void *)addr;
	__u64 *to = (__u64 *)out;

	to[0] = from[0];
	to[1] = from[1];
}

/* The addresses, ports and namespace of a socket. A port that the kernel chose is given back before its socket closes. */
static __always_inline void put_end(struct sf_tcp_end *end, const struct tcp_sock *tp)
{
	const struct inet_sock *inet = &tp->inet_conn.icsk_inet;
	const struct sock_common *common = &inet->sk.__sk_common;

	if (common->skc_family == AF_INET6) {
		put_ipv6(end->local_addr, &common->skc_v6_rcv_saddr);
		put_ipv6(end->peer_addr, &common->skc_v6_daddr);
	} else {
		put_ipv4(end->local_addr, common->skc_rcv_saddr);
		put_ipv4(end->peer_addr, common->skc_daddr);
	}
	end->local_port = common->skc_num;
	if (!end->local_port)
		end->local_port = bpf_ntohs(inet->inet_sport);
	end->peer_port = bpf_ntohs(common->skc_dport);
	end->netns = common->skc_net.net->ns.inum;
}

/* Adds the time since the state began, if the sender is in it. */
static __always_inline __u32 chrono_ticks(const struct tcp_sock *tp, __u32 chrono, __u32 now, __u32 current)
{
	__u32 ticks = tp->chrono_stat[chrono - 1];

	return current == chrono ? ticks + now - tp->chrono_start : ticks;
}

/* The figures that are worth their cost at each receive: each line of a socket's memory that nobody else reads costs. */
static __always_inline void put_usual_figures(struct sf_tcp_figures *figures, const struct tcp_sock *tp)
{
	__u32 current = BPF_CORE_READ_BITFIELD(tp, chrono_type), min = tp->rtt_min.s[0].v;
	__u32 now = current ? bpf_jiffies64() : 0;

	figures->srtt_us = tp->srtt_us >> 3;
	figures->rtt_min_us = min == ~0U ? 0 : min;
	figures->cwnd = tp->snd_cwnd;
	figures->copied_seq = tp->copied_seq;
	figures->window_limited_ticks = chrono_ticks(tp, CHRONO_WINDOW_LIMITED, now, current);
	figures->buffer_limited_ticks = chrono_ticks(tp, CHRONO_BUFFER_LIMITED, now, current);
	/* the kernel keeps the limited times apart, and tcp_get_info_chrono_stats() adds them up */
	figures->busy_ticks = chrono_ticks(tp, CHRONO_BUSY, now, current) + figures->window_limited_ticks +
			      figures->buffer_limited_ticks;
}

static __always_inline void put_figures(struct sf_tcp_figures *figures, const struct tcp_sock *tp)
{
	put_usual_figures(figures, tp);
	figures->bytes_acked = tp->bytes_acked;
	figures->bytes_received = tp->bytes_received;
	figures->bytes_sent = tp->bytes_sent;
	figures->bytes_retransmitted = tp->bytes_retrans;
	figures->rttvar_us = tp->mdev_us >> 2;
	figures->retransmits = tp->total_retrans;
	figures->snd_wnd = tp->snd_wnd;
	figures->rcv_wnd = tp->rcv_wnd;
	figures->write_seq = tp->write_seq;
	figures->snd_una = tp->snd_una;
	figures->rcv_nxt = tp->rcv_nxt;
}

#endif

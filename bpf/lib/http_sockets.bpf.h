/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0 */
/* The connections of sockets that carry HTTP, and up to where each direction has been sent up. */
#ifndef SOCKFILTER_HTTP_SOCKETS_BPF_H
#define SOCKFILTER_HTTP_SOCKETS_BPF_H

#include "counters.bpf.h"
#include "sockets.bpf.h"

/* include/uapi/linux/in.h; Multipath TCP has another one, and sequence numbers of its own */
#define IPPROTO_TCP 6
/* include/net/sock.h, of sk_shutdown */
#define RCV_SHUTDOWN 1
#define SHUTDOWN_MASK 3
/* include/net/sock.h, bits of sk_flags: no process has the socket any more; a FIN has come; SO_LINGER is set */
#define SOCK_DEAD 0
#define SOCK_DONE 1
#define SOCK_LINGER 4

enum reset {
	RESET_NONE,
	RESET_DUE,  /* it has happened, and no record has gone up */
	RESET_SENT, /* its record has gone up */
};

/*
 * What the program knows of a connection. Only the program writes it. An end is
 * observed when a process of this program's choice has moved bytes on its socket.
 * Indices are the end that sends, as in struct sf_flow.
 */
struct connection {
	__u64 id;	   /* even */
	__u64 reported_ns; /* when a record of skipped bytes last went up */
	__u64 socks[2];	   /* struct sock of each observed end; 0: not known */
	__u32 isn[2];	   /* the number before the first of each end */
	__u32 begin[2];	   /* the first byte that was sent up */
	__u32 sent[2];	   /* the byte after the last one that was sent up */
	__u32 run;	   /* bytes of end run_from in a row */
	__u8 run_from;
	__u8 isn_known;	 /* both numbers are known */
	__u8 sent_known; /* a bit for each end */
	__u8 is_http2;
	__u8 observed;	/* a bit for each end */
	__u8 ended;	/* a bit for each end: a record of its close has gone up */
	__u8 closed;	/* a bit for each end: nothing more is sent or received there */
	__u8 destroyed; /* a bit for each end: its socket has been destroyed */
	__u8 is_unix;
	__u8 only_end; /* 1 + the end that both directions are taken from, because the ends count apart; 0: both */
	__u8 is_past_network; /* bytes have gone past TCP: see sockmap.bpf.h */
	__u8 reset;	      /* enum reset */
};

/* The key has the number of the network namespace in place of an interface's index. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, SF_CONNECTIONS);
	__type(key, struct sf_flow);
	__type(value, struct connection);
} connections SEC(".maps");

/* a socket: its connection, which end of it the socket is, and where both directions stand */
struct tcp_end {
	struct sf_flow flow;
	__u32 local; /* which end of the flow this socket is */
	__u32 write_seq;
	__u32 copied_seq;
	__u32 written_past; /* bytes before write_seq that TCP does not count: see sockmap.bpf.h */
	__u32 read_past;    /* the same of copied_seq */
	__u16 family;
	__u8 is_counted; /* enum counted_from */
	__u8 reserved;
};

/* big-endian words compare as the bytes do */
static __always_inline int is_above(const __u8 a[SF_ADDR_BYTES], const __u8 b[SF_ADDR_BYTES])
{
	const __u64 *x = (const __u64 *)a, *y = (const __u64 *)b;

	if (x[1] != y[1])
		return x[1] > y[1];
	return x[0] > y[0];
}

/* By TCP's numbers. Returns false where it is no TCP socket, or has no peer. */
static __always_inline bool read_tcp_end(struct sock *sk, struct tcp_end *end)
{
	__u8 here[SF_ADDR_BYTES] __attribute__((aligned(8))), there[SF_ADDR_BYTES] __attribute__((aligned(8)));
	struct ports ports;
	__u16 peer_port;
	__u64 local;

	end->family = family_of(sk);
	if ((end->family != AF_INET && end->family != AF_INET6) || BPF_CORE_READ(sk, sk_protocol) != IPPROTO_TCP)
		return false;
	read_addresses(sk, end->family, &here, &there);
	ports = ports_of(sk);
	if (!ports.peer)
		return false;
	peer_port = bpf_ntohs(ports.peer);
	local = ports.local != peer_port ? ports.local > peer_port : is_above(here, there);
	__builtin_memcpy(end->flow.addr[0], local ? there : here, SF_ADDR_BYTES);
	__builtin_memcpy(end->flow.addr[1], local ? here : there, SF_ADDR_BYTES);
	end->flow.port[0] = local ? ports.peer : bpf_htons(ports.local);
	end->flow.port[1] = local ? bpf_htons(ports.local) : ports.peer;
	end->flow.ifindex = netns_of(sk);
	end->local = local;
	end->write_seq = BPF_CORE_READ((struct tcp_sock *)sk, write_seq);
	end->copied_seq = BPF_CORE_READ((struct tcp_sock *)sk, copied_seq);
	/* A FIN that has been read takes a number too. */
	if (BPF_CORE_READ(sk, __sk_common.skc_flags) & 1 << SOCK_DONE &&
	    end->copied_seq == BPF_CORE_READ((struct tcp_sock *)sk, rcv_nxt))
		end->copied_seq--;
	end->written_past = end->read_past = end->is_counted = 0;
	return true;
}

/* whether no process has the socket any more */
static __always_inline bool is_orphan(struct sock *sk)
{
	return BPF_CORE_READ(sk, __sk_common.skc_flags) & 1 << SOCK_DEAD;
}

/*
 * The number after the last byte that has come by TCP. A FIN takes a number too, which is not counted. Of bytes that
 * came another way, only those that have been read are known.
 */
static __always_inline __u32 received_by(struct sock *sk, const struct tcp_end *end)
{
	return BPF_CORE_READ((struct tcp_sock *)sk, rcv_nxt) -
	       (BPF_CORE_READ(sk, __sk_common.skc_flags) >> SOCK_DONE & 1) + end->read_past;
}

/* whether bytes have come that its process may still read */
static __always_inline bool has_unread(struct sock *sk, const struct tcp_end *end)
{
	return (__s32)(received_by(sk, end) - BPF_CORE_READ((struct tcp_sock *)sk, copied_seq) - end->read_past) > 0;
}

/*
 * Whether nothing had been read or written before these numbers. At the end that
 * connected, the number of its SYN counts as acknowledged too. A packet that comes
 * at this moment moves two numbers, one after the other, so a single read may find
 * one moved and the other not: hence three reads.
 */
static __always_inline bool is_at_begin(struct sock *sk, __u32 write_seq, __u32 copied_seq)
{
	struct tcp_sock *tp = (void *)sk;
	__u32 read_from, wrote_from, i;

#pragma unroll
	for (i = 0; i < 3; i++) {
		read_from = BPF_CORE_READ(tp, rcv_nxt) - (__u32)BPF_CORE_READ(tp, bytes_received);
		wrote_from = BPF_CORE_READ(tp, snd_una) - (__u32)BPF_CORE_READ(tp, bytes_acked);
		if (copied_seq == read_from && write_seq - wrote_from <= 1)
			return true;
	}
	return false;
}

#endif

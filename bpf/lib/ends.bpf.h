/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0 */
/*
 * How a connection ends. What ends it may be seen before the calls that it ends
 * have come back: user space waits for the bytes in front of it, and the
 * connection stays in the table until nobody is left who could say something.
 */
#ifndef SOCKFILTER_ENDS_BPF_H
#define SOCKFILTER_ENDS_BPF_H

#include "passing.bpf.h"
#include "unix.bpf.h"

/* Passes on that an end has closed, once. seq: behind its last byte; ack: what it had received. */
static __always_inline void tell_close(const struct tcp_end *end, struct talk *talk, __u64 from, __u32 seq, __u32 ack)
{
	struct source source = {.end = *end, .from = from & 1, .seq = seq, .ack = ack};

	if (talk->ended & 1 << source.from)
		return;
	talk->ended |= 1 << source.from;
	/* what was not read by now is heard by nobody */
	if (!(talk->heard & 1 << source.from) && talk->gone & 2 >> source.from)
		source.seq = talk->sent[source.from];
	send_end(&source, talk, TCP_FIN);
}

/*
 * Passes on a reset that has happened, once. Where both ends are heard, the one
 * that learns of it last tells, as it knows all that has crossed. Where one is,
 * the other's bytes are told when they are read, and the reset behind them.
 */
static __always_inline void tell_reset(struct sock *sk, const struct tcp_end *end, struct talk *talk, bool is_all_read)
{
	struct source source = {.end = *end, .from = end->local & 1, .seq = end->write_seq, .ack = end->copied_seq};
	__u8 here = 1 << source.from, other = here ^ 3;

	if (talk->reset != RESET_DUE || !(talk->heard & here))
		return;
	if (!talk->is_unix) {
		if (talk->heard & other & ~talk->closed)
			return;
		if (talk->heard & other)
			source.ack = received_by(sk);
		else if (!is_all_read && has_unread(sk))
			return;
	}
	talk->reset = RESET_TOLD;
	send_end(&source, talk, TCP_RST);
}

/* Whether the other end is in this network namespace too. One that has two addresses here counts as elsewhere. */
static __always_inline bool is_on_one_host(const struct sf_flow *flow)
{
	const __u64 *first = (const __u64 *)flow->addr[0], *second = (const __u64 *)flow->addr[1];

	if (first[0] == second[0] && first[1] == second[1])
		return true;
	/* ::ffff:127.0.0.0/104 */
	return !first[0] && flow->addr[0][10] == 0xff && flow->addr[0][11] == 0xff && flow->addr[0][12] == 127;
}

/* An end's socket is no more. */
static __always_inline void leave(struct sock *sk, const struct tcp_end *end, struct talk *talk)
{
	struct source source = {.end = *end, .from = end->local & 1};
	__u64 local = source.from;
	__u8 other = 2 >> local;

	talk->closed |= 1 << local;
	talk->gone |= 1 << local;
	tell_reset(sk, end, talk, true);
	if (!(talk->gone & other) && (talk->heard & other || is_on_one_host(&end->flow)))
		return;
	/* nobody is left who could say something on it, nor read that the other end has closed, or reset it */
	source.seq = talk->sent[local];
	source.ack = talk->sent[!local];
	if (talk->reset == RESET_DUE) {
		send_end(&source, talk, TCP_RST);
	} else if (talk->reset == RESET_NONE) {
		tell_close(end, talk, local, end->write_seq, end->copied_seq);
		tell_close(end, talk, !local, end->copied_seq, end->write_seq);
	}
	bpf_map_delete_elem(&talks, &end->flow);
}

/*
 * Whether a connection that ends is broken off by its own process: by a socket
 * that is closed with bytes unread, or with SO_LINGER at 0, or used again.
 */
static __always_inline bool is_aborting(struct sock *sk, int before)
{
	if (BPF_CORE_READ(sk, sk_err))
		return false;
	return before == TCP_ESTABLISHED || before == TCP_CLOSE_WAIT ||
	       (BPF_CORE_READ(sk, __sk_common.skc_flags) & 1 << SOCK_LINGER && !BPF_CORE_READ(sk, sk_lingertime) &&
		BPF_CORE_READ(sk, sk_shutdown) == SHUTDOWN_MASK && !is_orphan(sk));
}

/* An end's connection is over: there is nothing to be sent on it any more, though what has come may still be read. */
static __always_inline void take_close(struct sock *sk, const struct tcp_end *end, struct talk *talk, int before)
{
	bool is_abort = is_aborting(sk, before);

	talk->closed |= 1 << (end->local & 1);
	if (talk->reset == RESET_NONE && (is_abort || BPF_CORE_READ(sk, sk_err)))
		talk->reset = RESET_DUE;
	if (is_abort)
		/* from here on the socket may have no addresses */
		leave(sk, end, talk);
	else
		tell_reset(sk, end, talk, is_orphan(sk));
}

/*
 * A read of a Unix socket has found the end of the other's bytes, or a write that nobody takes more of its own: from
 * is whose bytes have ended. Nothing tells that such a socket is closed, but that the other can do neither any more.
 */
static __always_inline void end_unix(struct sock *sk, const struct tcp_end *end, struct talk *talk, __u64 from)
{
	bool is_mine = (from & 1) == (end->local & 1);

	tell_close(end, talk, from, is_mine ? end->write_seq : end->copied_seq,
		   is_mine ? end->copied_seq : end->write_seq);
	if (BPF_CORE_READ(sk, sk_shutdown) != SHUTDOWN_MASK || BPF_CORE_READ(sk, sk_receive_queue.qlen))
		return;
	tell_close(end, talk, !from, is_mine ? end->copied_seq : end->write_seq,
		   is_mine ? end->write_seq : end->copied_seq);
	bpf_map_delete_elem(&talks, &end->flow);
}

#endif

/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0 */
/*
 * How a connection ends. The program may see the end before the calls that it
 * interrupts have returned. User space waits for the bytes before the end, and the
 * connection stays in the table while a call on it may still return.
 */
#ifndef SOCKFILTER_ENDS_BPF_H
#define SOCKFILTER_ENDS_BPF_H

#include "transfer.bpf.h"
#include "unix.bpf.h"

/* Sends up that an end has closed, once. seq: after its last byte; ack: up to where it had received. */
static __always_inline void send_close(const struct tcp_end *end, struct connection *c, __u64 from, __u32 seq,
				       __u32 ack)
{
	struct source source = {.end = *end, .from = from & 1, .seq = seq, .ack = ack};

	if (c->ended & 1 << source.from)
		return;
	c->ended |= 1 << source.from;
	/* Nobody can read any more what has not been read by now. */
	if (!(c->observed & 1 << source.from) && c->destroyed & 2 >> source.from)
		source.seq = c->sent[source.from];
	send_end(&source, c, TCP_FIN);
}

/*
 * Sends up a reset that has happened, once. Where both ends are observed, the end
 * that learns of it last sends it, because it knows all the bytes that have crossed.
 * Where one end is observed, the other end's bytes go up when they are read, and the
 * reset goes up after them.
 */
static __always_inline void send_reset(struct sock *sk, const struct tcp_end *end, struct connection *c,
				       bool is_all_read)
{
	struct source source = {.end = *end, .from = end->local & 1, .seq = end->write_seq, .ack = end->copied_seq};
	__u8 here = 1 << source.from, other = here ^ 3;

	if (c->reset != RESET_DUE || !(c->observed & here))
		return;
	if (!c->is_unix) {
		if (c->observed & other & ~c->closed)
			return;
		if (c->observed & other)
			source.ack = received_by(sk, end);
		else if (!is_all_read && has_unread(sk, end))
			return;
	}
	c->reset = RESET_SENT;
	send_end(&source, c, TCP_RST);
}

/* Whether both ends are in this network namespace. A host's different addresses count as different hosts. */
static __always_inline bool is_on_one_host(const struct sf_flow *flow)
{
	const __u64 *first = (const __u64 *)flow->addr[0], *second = (const __u64 *)flow->addr[1];

	if (first[0] == second[0] && first[1] == second[1])
		return true;
	/* ::ffff:127.0.0.0/104 */
	return !first[0] && flow->addr[0][10] == 0xff && flow->addr[0][11] == 0xff && flow->addr[0][12] == 127;
}

/* The socket of an end is destroyed. */
static __always_inline void end_socket(struct sock *sk, const struct tcp_end *end, struct connection *c)
{
	struct source source = {.end = *end, .from = end->local & 1};
	__u64 local = source.from;
	__u8 other = 2 >> local;

	c->closed |= 1 << local;
	c->destroyed |= 1 << local;
	send_reset(sk, end, c, true);
	if (!(c->destroyed & other) && (c->observed & other || is_on_one_host(&end->flow)))
		return;
	/* No call can come any more that moves bytes, or that reads the other end's close or reset. */
	source.seq = c->sent[local];
	source.ack = c->sent[!local];
	if (c->reset == RESET_DUE) {
		send_end(&source, c, TCP_RST);
	} else if (c->reset == RESET_NONE) {
		send_close(end, c, local, end->write_seq, end->copied_seq);
		send_close(end, c, !local, end->copied_seq, end->write_seq);
	}
	bpf_map_delete_elem(&connections, &end->flow);
}

/*
 * Whether the process at this end aborts the connection: it closes the socket with
 * bytes unread or with SO_LINGER at 0, or disconnects it to use it again.
 */
static __always_inline bool is_aborting(struct sock *sk, int before)
{
	if (BPF_CORE_READ(sk, sk_err))
		return false;
	return before == TCP_ESTABLISHED || before == TCP_CLOSE_WAIT ||
	       (BPF_CORE_READ(sk, __sk_common.skc_flags) & 1 << SOCK_LINGER && !BPF_CORE_READ(sk, sk_lingertime) &&
		BPF_CORE_READ(sk, sk_shutdown) == SHUTDOWN_MASK && !is_orphan(sk));
}

/* The connection is over for an end: it sends nothing more, but bytes that have come may still be read. */
static __always_inline void take_close(struct sock *sk, const struct tcp_end *end, struct connection *c, int before)
{
	bool is_abort = is_aborting(sk, before);

	c->closed |= 1 << (end->local & 1);
	if (c->reset == RESET_NONE && (is_abort || BPF_CORE_READ(sk, sk_err)))
		c->reset = RESET_DUE;
	if (is_abort)
		/* after this the socket may have no addresses */
		end_socket(sk, end, c);
	else
		send_reset(sk, end, c, is_orphan(sk));
}

/*
 * A read of a Unix socket has found the end of the peer's bytes, or a write has failed because the peer reads no more.
 * from: the end whose bytes have ended. No tracepoint says that a Unix socket is closed; where both directions are shut
 * down, it is.
 */
static __always_inline void end_unix(struct sock *sk, const struct tcp_end *end, struct connection *c, __u64 from)
{
	bool is_mine = (from & 1) == (end->local & 1);

	send_close(end, c, from, is_mine ? end->write_seq : end->copied_seq,
		   is_mine ? end->copied_seq : end->write_seq);
	if (BPF_CORE_READ(sk, sk_shutdown) != SHUTDOWN_MASK || BPF_CORE_READ(sk, sk_receive_queue.qlen))
		return;
	send_close(end, c, !from, is_mine ? end->copied_seq : end->write_seq,
		   is_mine ? end->write_seq : end->copied_seq);
	bpf_map_delete_elem(&connections, &end->flow);
}

#endif

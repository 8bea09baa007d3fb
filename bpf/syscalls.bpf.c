/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0 */
/*
 * Sees every system call that has moved bytes, and sends up those of TCP
 * sockets that carry HTTP.
 *
 * The way of a call: seen -> whose -> socket -> connection -> pieces -> records.
 * A piece is a buffer that the call was given, or a part of a large one; it has
 * the TCP sequence number of its first byte, so that user space takes it as a
 * segment, and what both ends of a connection saw is passed on once.
 *
 * Raw tracepoints need no tracefs; at a call's end alone, nothing is kept of
 * calls that have not ended, and nothing is left behind by those that never do.
 */
#include "internal.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>

#ifndef NULL
#define NULL ((void *)0)
#endif
typedef _Bool bool;
#define true 1
#define false 0

#include "syscalls.h"
_Static_assert(SF_CALL_COUNTERS <= SF_COUNTER_ROW, "a row of counters is too short");
#include "lib/calls.bpf.h"
#include "lib/descriptors.bpf.h"
#include "lib/members.bpf.h"
#include "lib/narrowing.bpf.h"
#include "lib/passing.bpf.h"
#include "lib/unix.bpf.h"

/* include/linux/socket.h */
#define MSG_OOB 1
#define MSG_PEEK 2
#define MSG_TRUNC 0x20
#define MSG_ERRQUEUE 0x2000
/* include/uapi/asm-generic/errno.h */
#define ECONNRESET 104

const volatile struct sf_calls_config calls_config SEC(".rodata.calls");
/* holds nothing: puts the type into the BTF, where the layout is checked */
const struct sf_record *const volatile record_type;

static __always_inline bool is_wanted(void)
{
	char comm[SF_COMM_BYTES] __attribute__((aligned(8)));
	const volatile __u64 *asked = (const volatile __u64 *)calls_config.comm;
	const __u64 *words = (const __u64 *)comm;
	struct task_struct *task;
	__u32 tgid;

	if (calls_config.by_tree) {
		tgid = bpf_get_current_pid_tgid() >> 32;
		if (!bpf_map_lookup_elem(&members, &tgid) && (!calls_config.is_named || !is_member()))
			return false;
	}
	if (calls_config.by_comm) {
		/* of the process, as ps has it: its threads may have names of their own */
		task = (void *)bpf_get_current_task();
		BPF_CORE_READ_INTO(&comm, task, group_leader, comm);
		if (words[0] != asked[0] || words[1] != asked[1])
			return false;
	}
	return !calls_config.cgroup ||
	       bpf_get_current_ancestor_cgroup_id(calls_config.cgroup_level) == calls_config.cgroup;
}

static __always_inline bool is_in_range(const struct sf_flow *flow, __u16 family)
{
	if (family == AF_UNIX)
		return !config.by_port && !config.by_host && !config.family;
	if (config.by_port && !port_wanted(flow->port[0]) && !port_wanted(flow->port[1]))
		return false;
	if (config.by_host && !is_host((const __u64 *)flow->addr[0]) && !is_host((const __u64 *)flow->addr[1]))
		return false;
	return !config.family || config.family == (family == AF_INET ? 4 : 6);
}

/* A connection is HTTP from here on. */
static __always_inline struct talk *begin_talk(const struct tcp_end *end, struct sock *sk, enum start start,
					       bool is_whole, __u32 write_seq, __u32 copied_seq)
{
	struct talk fresh = {.is_http2 = start == START_HTTP2, .isn_known = is_whole};

	fresh.begin[0] = end->local ? copied_seq : write_seq;
	fresh.begin[1] = end->local ? write_seq : copied_seq;
	fresh.sent[0] = fresh.begin[0];
	fresh.sent[1] = fresh.begin[1];
	fresh.isn[0] = fresh.begin[0] - 1;
	fresh.isn[1] = fresh.begin[1] - 1;
	fresh.id = next_id();
	if (end->family == AF_UNIX) {
		fresh.is_unix = true;
		fresh.claim = end->local;
		note_name(sk, end, fresh.id);
		bpf_map_delete_elem(&fresh_unix, &end->flow);
	}
	/* both ends may be here at the same time, on two processors: the first is believed */
	bpf_map_update_elem(&talks, &end->flow, &fresh, BPF_NOEXIST);
	return bpf_map_lookup_elem(&talks, &end->flow);
}

/* A read that gave nothing: the peer has closed, and all it sent has been read. */
static __always_inline int take_end(struct sock *sk)
{
	struct source source = {};
	struct talk *talk;
	__u64 peer;

	if (!tcp_end_of(sk, &source.end) && (!calls_config.unix_too || !unix_end_of(sk, &source.end)))
		return SF_CALLS_OTHER;
	if (source.end.family != AF_UNIX && !(BPF_CORE_READ(sk, sk_shutdown) & RCV_SHUTDOWN))
		return SF_CALLS_OTHER;
	talk = bpf_map_lookup_elem(&talks, &source.end.flow);
	peer = !source.end.local;
	if (talk && talk->is_unix && talk->claim != source.end.local)
		return SF_CALLS_OTHER;
	if (!talk || talk->ended & 1 << peer || !(talk->sent_known & 1 << peer))
		return SF_CALLS_OTHER;
	talk->ended |= 1 << peer;
	source.from = peer;
	source.seq = peer ? talk->sent[1] : talk->sent[0];
	source.ack = source.end.write_seq;
	send_end(&source, talk, FIN);
	return SF_CALLS_HTTP;
}

/* A read has told that the peer has reset the connection, and all that had come before has been read. */
static __always_inline int take_reset(struct sock *sk)
{
	struct source source = {};
	struct talk *talk;

	if (!tcp_end_of(sk, &source.end))
		return SF_CALLS_OTHER;
	talk = bpf_map_lookup_elem(&talks, &source.end.flow);
	if (!talk)
		return SF_CALLS_OTHER;
	source.from = source.end.local;
	source.seq = source.end.write_seq;
	source.ack = source.end.copied_seq;
	send_end(&source, talk, RST);
	bpf_map_delete_elem(&talks, &source.end.flow);
	return SF_CALLS_HTTP;
}

/* What is known of the connection; NULL: it is not HTTP, or has not said so. */
static __always_inline struct talk *talk_of(const struct source *source)
{
	struct talk *talk = bpf_map_lookup_elem(&talks, &source->end.flow);

	if (!talk)
		return NULL;
	if (order_for(talk->id | source->from) >> 32 == SF_ORDER_FORGET) {
		bpf_map_delete_elem(&talks, &source->end.flow);
		return NULL;
	}
	return talk;
}

static __always_inline int take_bytes(const struct pt_regs *regs, struct call call, struct sock *sk, __u64 moved)
{
	struct source *source = source_here();
	__u32 write_seq, copied_seq;
	struct talk *talk;
	enum start start;
	bool is_whole;

	if (!source)
		return SF_CALLS_OTHER;
	if (!tcp_end_of(sk, &source->end) && (!calls_config.unix_too || !unix_end_of(sk, &source->end)))
		return SF_CALLS_NOT_STREAM;
	if (!is_in_range(&source->end.flow, source->end.family))
		return SF_CALLS_FILTERED;
	begin_walk(&source->walk, regs, call, moved);
	moved = source->walk.left;
	source->owner = bpf_get_current_pid_tgid();
	source->from = call.is_read ? !source->end.local : source->end.local;
	talk = talk_of(source);
	if (source->end.family == AF_UNIX)
		count_unix(&source->end, talk, call.is_read, moved);
	/* where both directions stood before the call */
	write_seq = source->end.write_seq - (call.is_read ? 0 : moved);
	copied_seq = source->end.copied_seq - (call.is_read ? moved : 0);
	source->seq = call.is_read ? copied_seq : write_seq;
	/* of what is read it is only known what its sender had acknowledged by now */
	if (!call.is_read)
		source->ack = copied_seq;
	else
		source->ack = source->end.family == AF_UNIX ? write_seq : BPF_CORE_READ((struct tcp_sock *)sk, snd_una);
	if (!talk) {
		if (call.form == CALL_FILE)
			return SF_CALLS_NOT_HTTP;
		if (source->end.family == AF_UNIX)
			is_whole = bpf_map_lookup_elem(&fresh_unix, &source->end.flow);
		else
			is_whole = is_at_begin(sk, write_seq, copied_seq);
		start = start_of(&source->walk, is_whole);
		if (start == START_OTHER)
			return SF_CALLS_NOT_HTTP;
		talk = begin_talk(&source->end, sk, start, is_whole, write_seq, copied_seq);
		if (!talk)
			return SF_CALLS_NOT_HTTP;
	} else if (order_for(talk->id | source->from) >> 32 == SF_ORDER_REJECT) {
		return SF_CALLS_NOT_HTTP;
	}
	talk->heard |= 1 << source->end.local;
	/* the other end says the same, and there are no numbers to tell */
	if (talk->is_unix && talk->claim != source->end.local)
		return SF_CALLS_HTTP;
	if (call.form != CALL_FILE) {
		send_all();
	} else if (!(talk->heard & 2 >> source->end.local)) {
		/* else whoever reads them will tell what they are */
		count(SF_SEEN);
		count(send_piece(0, moved));
	}
	return SF_CALLS_HTTP;
}

/* a connection of Unix sockets begins */
static __always_inline int take_begin(const struct pt_regs *regs, struct call call, __s64 result)
{
	struct sock *sk = sock_of(call.form == CALL_ACCEPT ? (__u64)result : argument(regs, 0));

	if (sk && !is_32_bit(regs))
		begin_unix(sk, call.form == CALL_ACCEPT);
	return SF_CALLS_OTHER;
}

static __always_inline int outcome_of(const struct pt_regs *regs, __s64 result)
{
	struct call call;
	struct sock *sk;
	__u64 flags = 0;

	if (result < 0 && result != -ECONNRESET)
		return SF_CALLS_OTHER;
	if (!is_wanted())
		return SF_CALLS_EXCLUDED;
	call = call_of(regs);
	if (call.form >= CALL_CONNECT)
		return calls_config.unix_too && result >= 0 ? take_begin(regs, call, result) : SF_CALLS_OTHER;
	if (call.form == CALL_OTHER || (result <= 0 && !call.is_read))
		return SF_CALLS_OTHER;
	sk = sock_of(argument(regs, 0));
	if (!sk)
		return SF_CALLS_NOT_SOCKET;
	if (is_32_bit(regs))
		return SF_CALLS_OTHER;
	if (call.flags_at)
		flags = call.flags_at == 2 ? argument(regs, 2) : argument(regs, 3);
	if (flags & (MSG_PEEK | MSG_OOB | MSG_ERRQUEUE))
		return SF_CALLS_OTHER;
	if (result <= 0)
		return result ? take_reset(sk) : take_end(sk);
	/* TCP throws such bytes away instead of giving them (tcp(7)) */
	if (flags & MSG_TRUNC)
		call.form = CALL_FILE;
	return take_bytes(regs, call, sk, result);
}

/* arguments: the saved registers, and the result */
SEC("raw_tp/sys_exit")
int calls_exit(struct raw_args *ctx)
{
	count(SF_CALLS_SEEN);
	count(outcome_of((const struct pt_regs *)ctx->args[0], ctx->args[1]));
	return 0;
}

/* arguments: the socket, its state, and its next one */
SEC("raw_tp/inet_sock_set_state")
int calls_state(struct raw_args *ctx)
{
	struct sock *sk = (void *)ctx->args[0];
	int before = ctx->args[1], state = ctx->args[2];
	struct source source = {};
	struct talk *talk;
	__u64 local;

	if (state != TCP_ESTABLISHED && state != TCP_FIN_WAIT1 && state != TCP_LAST_ACK && state != TCP_CLOSE)
		return 0;
	if (!tcp_end_of(sk, &source.end))
		return 0;
	talk = bpf_map_lookup_elem(&talks, &source.end.flow);
	if (!talk)
		return 0;
	local = source.end.local & 1;
	if (state == TCP_ESTABLISHED) {
		/* the ports are those of an earlier connection; unless bytes in the SYN were passed on before (RFC 7413) */
		if (!talk->isn_known || talk->begin[local] - source.end.write_seq > 1)
			bpf_map_delete_elem(&talks, &source.end.flow);
		return 0;
	}
	source.from = local;
	source.seq = source.end.write_seq;
	source.ack = source.end.copied_seq;
	if (state != TCP_CLOSE && !(talk->ended & 1 << local)) {
		talk->ended |= 1 << local;
		send_end(&source, talk, FIN);
	}
	if (state != TCP_CLOSE)
		return 0;
	/* what came before a reset can still be read, and the reset is what is read then: take_reset() */
	if (talk->heard & 1 << local && has_unread(sk))
		return 0;
	if (before == TCP_ESTABLISHED || before == TCP_CLOSE_WAIT || BPF_CORE_READ(sk, sk_err))
		send_end(&source, talk, RST);
	talk->closed |= 1 << local;
	/* nobody is left who could say something on it */
	if (!(talk->heard & ~talk->closed))
		bpf_map_delete_elem(&talks, &source.end.flow);
	return 0;
}

SEC("raw_tp/sched_process_fork")
int calls_fork(struct raw_args *ctx)
{
	note_fork(ctx);
	return 0;
}

SEC("raw_tp/sched_process_exit")
int calls_gone(struct raw_args *ctx __attribute__((unused)))
{
	note_exit();
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";

/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0 */
/*
 * Sees every system call that has moved bytes, and sends up the bytes of sockets
 * that carry HTTP.
 *
 * The way of a call: seen -> process -> socket -> connection -> parts -> records.
 * Most calls are one part, whose bytes are gathered from all the buffers of the
 * call. A part has the TCP sequence number of its first byte, so user space takes
 * it as a segment, and bytes that both ends of a connection have moved go up once.
 *
 * Raw tracepoints need no tracefs. The program runs at a call's end only, so it
 * keeps nothing of calls that have not ended, and calls that never end leave
 * nothing behind.
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
#include "lib/ends.bpf.h"
#include "lib/members.bpf.h"
#include "lib/filter.bpf.h"

/* include/linux/socket.h */
#define MSG_OOB 1
#define MSG_PEEK 2
#define MSG_TRUNC 0x20
#define MSG_ERRQUEUE 0x2000
/* include/uapi/asm-generic/errno-base.h, errno.h */
#define EPIPE 32
#define ECONNRESET 104

const volatile struct sf_calls_config calls_config SEC(".rodata.calls");
/* holds nothing: puts the type into the BTF, where the layout is checked */
const struct sf_record *const volatile record_type;

/* whether the name of the current process is one of those that are asked for */
static __always_inline bool has_name(void)
{
	char comm[SF_COMM_BYTES] __attribute__((aligned(8)));
	const volatile __u64 *asked = (const volatile __u64 *)calls_config.comms;
	const __u64 *words = (const __u64 *)comm;
	struct task_struct *task = (void *)bpf_get_current_task();
	int i;

	/* of the process, as ps shows it: its threads may have names of their own */
	BPF_CORE_READ_INTO(&comm, task, group_leader, comm);
#pragma unroll
	for (i = 0; i < SF_COMMS; i++)
		if (i < calls_config.by_comm && words[0] == asked[2 * i] && words[1] == asked[2 * i + 1])
			return true;
	return false;
}

/* Whether the current process is in the cgroup that is asked for, or below it. */
static __always_inline bool is_in_cgroup(void)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	const struct cgroup___old *cgroup = NULL;
	__u64 level = calls_config.cgroup_level, found = 0;

	/* The helper is there for tracepoints since 5.14 (kernel commit 95b861a7935b); the field went away with 6.1. */
	if (!bpf_core_field_exists(cgroup->ancestor_ids))
		return bpf_get_current_ancestor_cgroup_id(level) == calls_config.cgroup;
	cgroup = (const void *)BPF_CORE_READ(task, cgroups, dfl_cgrp);
	if ((__u32)BPF_CORE_READ(cgroup, level) < level)
		return false;
	bpf_probe_read_kernel(&found, sizeof(found),
			      (const void *)cgroup + bpf_core_field_offset(struct cgroup___old, ancestor_ids) +
				      level * sizeof(found));
	return found == calls_config.cgroup;
}

static __always_inline bool is_wanted(void)
{
	__u32 tgid;

	if (calls_config.by_tree) {
		tgid = bpf_get_current_pid_tgid() >> 32;
		if (!bpf_map_lookup_elem(&members, &tgid) && (!calls_config.is_named || !is_member()))
			return false;
	}
	if (calls_config.by_comm && !has_name())
		return false;
	return !calls_config.cgroup || is_in_cgroup();
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

/* Takes a connection that carries HTTP into the table. */
static __always_inline struct connection *open_connection(const struct tcp_end *end, struct sock *sk, enum start start,
							  bool is_whole, __u32 write_seq, __u32 copied_seq)
{
	struct connection fresh = {.is_http2 = start == START_HTTP2, .isn_known = is_whole};

	fresh.begin[0] = end->local ? copied_seq : write_seq;
	fresh.begin[1] = end->local ? write_seq : copied_seq;
	fresh.sent[0] = fresh.begin[0];
	fresh.sent[1] = fresh.begin[1];
	fresh.isn[0] = fresh.begin[0] - 1;
	fresh.isn[1] = fresh.begin[1] - 1;
	fresh.id = next_connection_id();
	if (end->family == AF_UNIX) {
		fresh.is_unix = true;
		fresh.only_end = 1 + end->local;
		note_name(sk, end, fresh.id);
		bpf_map_delete_elem(&fresh_unix, &end->flow);
	}
	/* Both ends may do this at the same time, on two CPUs: the first entry stays. */
	bpf_map_update_elem(&connections, &end->flow, &fresh, BPF_NOEXIST);
	return bpf_map_lookup_elem(&connections, &end->flow);
}

/* The connection that a socket is an end of. NULL: there is none, or it is not known as HTTP. */
static __always_inline struct connection *connection_of_socket(struct sock *sk, struct tcp_end *end)
{
	struct connection *c;

	if (tcp_end_of(sk, end))
		return bpf_map_lookup_elem(&connections, &end->flow);
	if (!calls_config.unix_too || !unix_end_of(sk, end))
		return NULL;
	c = bpf_map_lookup_elem(&connections, &end->flow);
	count_unix(end, c, false, 0);
	return c;
}

/* A read has returned 0: the peer has closed or reset the connection, and all its bytes have been read. */
static __noinline int take_end(struct sock *sk)
{
	struct tcp_end end = {};
	struct connection *c = connection_of_socket(sk, &end);

	/* a read of 0 bytes returns 0 too */
	if (!c || !(BPF_CORE_READ(sk, sk_shutdown) & RCV_SHUTDOWN))
		return SF_CALLS_OTHER;
	if (c->is_unix) {
		end_unix(sk, &end, c, !end.local);
		return SF_CALLS_HTTP;
	}
	send_reset(sk, &end, c, true);
	if (c->reset != RESET_SENT)
		send_close(&end, c, !end.local, end.copied_seq, end.write_seq);
	return SF_CALLS_HTTP;
}

/* A read has returned ECONNRESET: the peer has reset the connection, and all earlier bytes have been read. */
static __noinline int take_reset(struct sock *sk)
{
	struct tcp_end end = {};
	struct connection *c = connection_of_socket(sk, &end);

	if (!c)
		return SF_CALLS_OTHER;
	if (c->reset == RESET_NONE)
		c->reset = RESET_DUE;
	send_reset(sk, &end, c, true);
	if (c->is_unix)
		bpf_map_delete_elem(&connections, &end.flow);
	return SF_CALLS_HTTP;
}

/* A write has returned EPIPE: nobody will read it. For TCP, calls_state() does this. */
static __noinline int take_broken_pipe(struct sock *sk)
{
	struct tcp_end end = {};
	struct connection *c = connection_of_socket(sk, &end);

	if (!c || !c->is_unix)
		return SF_CALLS_OTHER;
	end_unix(sk, &end, c, end.local);
	return SF_CALLS_HTTP;
}

/* The connection of a call's socket. NULL: it is not known as HTTP. */
static __always_inline struct connection *connection_of_call(const struct source *source, struct sock *sk)
{
	struct connection *c = bpf_map_lookup_elem(&connections, &source->end.flow);
	__u64 known;

	if (!c)
		return NULL;
	known = c->socks[source->end.local & 1];
	if ((!known || known == (__u64)sk) && skip_hint(c->id | source->from) >> 32 != SF_SKIP_FORGET)
		return c;
	/* user space wants it recognized again, or it was an earlier one with the same addresses and ports */
	bpf_map_delete_elem(&connections, &source->end.flow);
	return NULL;
}

/*
 * Up to where the sender of bytes had received the other direction. It has read
 * everything up to copied_seq. It may answer bytes after that unread, but only
 * bytes that have gone up count: user space does not know any others.
 */
static __always_inline __u32 received_before(const struct source *source, const struct connection *c, struct sock *sk,
					     __u32 copied_seq)
{
	__u32 received, sent;

	if (!c || c->is_unix || !(c->sent_known & 2 >> source->from))
		return copied_seq;
	sent = c->sent[!source->from];
	received = received_by(sk, &source->end);
	if ((__s32)(sent - received) > 0)
		sent = received;
	return (__s32)(sent - copied_seq) > 0 ? sent : copied_seq;
}

static __always_inline int take_bytes(const struct pt_regs *regs, struct call call, struct sock *sk, __u64 moved)
{
	struct transfer *p = current_transfer();
	__u32 write_seq, copied_seq;
	struct source *source;
	struct connection *c;
	enum start start;
	bool is_whole;
	__u64 local;

	if (!p)
		return SF_CALLS_OTHER;
	source = &p->source;
	if (!tcp_end_of(sk, &source->end) && (!calls_config.unix_too || !unix_end_of(sk, &source->end)))
		return SF_CALLS_NOT_STREAM;
	if (!is_in_range(&source->end.flow, source->end.family))
		return SF_CALLS_FILTERED;
	begin_walk(&p->walk, regs, call, moved);
	moved = p->walk.left;
	p->owner = bpf_get_current_pid_tgid();
	p->is_file = call.form == CALL_FILE;
	local = source->end.local & 1;
	source->from = call.is_read ? !local : local;
	c = connection_of_call(source, sk);
	if (source->end.family == AF_UNIX)
		count_unix(&source->end, c, call.is_read, moved);
	else if (is_in_sockmap(sk))
		count_moved(sk, &source->end, c, call.is_read, moved);
	/* Where both directions were before the call. */
	write_seq = source->end.write_seq - (call.is_read ? 0 : moved);
	copied_seq = source->end.copied_seq - (call.is_read ? moved : 0);
	source->seq = call.is_read ? copied_seq : write_seq;
	/* For bytes that are read, it is only known what their sender has acknowledged by now. */
	if (!call.is_read)
		source->ack = received_before(source, c, sk, copied_seq);
	else
		source->ack = source->end.family == AF_UNIX
				      ? write_seq
				      : BPF_CORE_READ((struct tcp_sock *)sk, snd_una) + source->end.written_past;
	if (!c) {
		if (p->is_file)
			return SF_CALLS_NOT_HTTP;
		/* Most bytes fail even the laxer test, and is_whole costs more to know. */
		start = start_of(&p->walk, true);
		if (start == START_OTHER)
			return SF_CALLS_NOT_HTTP;
		if (source->end.family == AF_UNIX)
			is_whole = bpf_map_lookup_elem(&fresh_unix, &source->end.flow);
		else
			is_whole = source->end.is_counted != COUNTED_LATE && is_at_begin(sk, write_seq, copied_seq);
		if (!is_whole && start_of(&p->walk, false) == START_OTHER)
			return SF_CALLS_NOT_HTTP;
		c = open_connection(&source->end, sk, start, is_whole, write_seq, copied_seq);
		if (!c)
			return SF_CALLS_NOT_HTTP;
		/* A reset has answered the connection's first call: the other end was closed before. */
		if (BPF_CORE_READ(sk, __sk_common.skc_state) == TCP_CLOSE && BPF_CORE_READ(sk, sk_err)) {
			c->reset = RESET_DUE;
			c->closed = c->destroyed = 2 >> local;
		}
	} else if (skip_hint(c->id | source->from) >> 32 == SF_SKIP_REJECT) {
		return SF_CALLS_NOT_HTTP;
	}
	if (source->end.is_counted == COUNTED_LATE && !c->only_end)
		c->only_end = 1 + (c->observed & 2 >> local ? !local : local);
	if (source->end.written_past + source->end.read_past && !c->is_past_network) {
		c->is_past_network = true;
		count(SF_CALLS_PAST_NETWORK);
	}
	/* The other end's close goes up when this one reads it: its own numbers would be wrong here. */
	if (c->only_end && c->only_end != 1 + local && !c->is_unix)
		return SF_CALLS_HTTP;
	c->observed |= 1 << local;
	c->socks[local] = (__u64)sk;
	/* The other end moves the same bytes, and without numbers nobody could see that they are the same. */
	if (c->only_end && c->only_end != 1 + local)
		return SF_CALLS_HTTP;
	/* Bytes of a file are in no buffer here; the end that reads them sends them up. */
	if (!p->is_file || !(c->observed & 2 >> local))
		send_all(p, c);
	send_reset(sk, &source->end, c, false);
	return SF_CALLS_HTTP;
}

/* A connection of Unix sockets begins. */
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

	if (result < 0 && result != -ECONNRESET && result != -EPIPE)
		return SF_CALLS_OTHER;
	if (!is_wanted())
		return SF_CALLS_EXCLUDED;
	call = call_of(regs);
	if (call.form >= CALL_CONNECT)
		return calls_config.unix_too && result >= 0 ? take_begin(regs, call, result) : SF_CALLS_OTHER;
	if (call.form == CALL_OTHER || (call.is_read ? result == -EPIPE : result <= 0 && result != -EPIPE))
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
	if (result == -EPIPE)
		return take_broken_pipe(sk);
	if (result <= 0)
		return result ? take_reset(sk) : take_end(sk);
	/* TCP discards such bytes and copies none (tcp(7)) */
	if (flags & MSG_TRUNC)
		call.form = CALL_FILE;
	return take_bytes(regs, call, sk, result);
}

/* arguments: the saved registers, and the result */
SEC("raw_tp/sys_exit")
int calls_exit(struct bpf_raw_tracepoint_args *ctx)
{
	count(SF_CALLS_SEEN);
	count(outcome_of((const struct pt_regs *)ctx->args[0], ctx->args[1]));
	return 0;
}

/* arguments: the socket, its state, and its next one */
SEC("raw_tp/inet_sock_set_state")
int calls_state(struct bpf_raw_tracepoint_args *ctx)
{
	struct sock *sk = (void *)ctx->args[0];
	int before = ctx->args[1], state = ctx->args[2];
	struct tcp_end end = {};
	struct connection *c;
	__u64 local, known;

	if (state != TCP_ESTABLISHED && state != TCP_FIN_WAIT1 && state != TCP_LAST_ACK && state != TCP_CLOSE)
		return 0;
	if (!tcp_end_of(sk, &end))
		return 0;
	if (state == TCP_ESTABLISHED && has_sockmaps())
		begin_to_count(sk, &end);
	c = bpf_map_lookup_elem(&connections, &end.flow);
	if (!c)
		return 0;
	local = end.local & 1;
	known = c->socks[local];
	if (state == TCP_ESTABLISHED) {
		/* An earlier connection had these ports, unless bytes of the SYN have gone up already (RFC 7413). */
		if (!c->isn_known || c->begin[local] - end.write_seq > 1)
			bpf_map_delete_elem(&connections, &end.flow);
	} else if (known && known != (__u64)sk) {
		/* a later connection has these ports */
		return 0;
	} else if (state == TCP_CLOSE) {
		take_close(sk, &end, c, before);
	} else if (c->observed & 1 << local) {
		/* For an end that is not observed, the close goes up when the other end reads it, after all the bytes. */
		send_close(&end, c, local, end.write_seq, end.copied_seq);
	}
	return 0;
}

/* arguments: the socket */
SEC("raw_tp/tcp_destroy_sock")
int calls_destroy(struct bpf_raw_tracepoint_args *ctx)
{
	struct sock *sk = (void *)ctx->args[0];
	struct tcp_end end = {};
	struct connection *c;
	__u64 known;

	if (!tcp_end_of(sk, &end))
		return 0;
	if (end.is_counted)
		stop_counting(sk);
	c = bpf_map_lookup_elem(&connections, &end.flow);
	if (!c)
		return 0;
	known = c->socks[end.local & 1];
	if (!known || known == (__u64)sk)
		end_socket(sk, &end, c);
	return 0;
}

SEC("raw_tp/sched_process_fork")
int calls_fork(struct bpf_raw_tracepoint_args *ctx)
{
	note_fork(ctx);
	return 0;
}

SEC("raw_tp/sched_process_exit")
int calls_gone(struct bpf_raw_tracepoint_args *ctx __attribute__((unused)))
{
	note_exit();
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";

/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0 */
/*
 * TCP sockets whose bytes may go past TCP. A program on a sockmap or sockhash can
 * put what one socket sends straight into the queue of another one (sk_msg), and
 * then no sequence number moves: neither write_seq at the sender nor copied_seq at
 * the reader. The program counts the bytes of the calls at each end, and adds to
 * TCP's numbers what they do not have. A socket that is merely in such a map keeps
 * TCP's numbers, because its calls and its numbers move by the same bytes.
 *
 * Both ends count alike only from the first byte on. An end that is met later is
 * counted too, but then both directions are taken from one end.
 */
#ifndef SOCKFILTER_SOCKMAP_BPF_H
#define SOCKFILTER_SOCKMAP_BPF_H

#include "http_sockets.bpf.h"

/* sockets in such maps, whether their connections carry HTTP or not; the oldest make room (about 1.5 MB) */
#define COUNTED 16384
/* include/linux/skmsg.h, net/sock.h: the lowest bits of sk_user_data are flags */
#define USER_DATA_FLAGS 7ULL

enum counted_from {
	COUNTED_NOT,
	COUNTED_FRESH, /* from the first byte on */
	COUNTED_LATE,
};

/* Indices: 0 what the socket sends, 1 what it reads. */
struct counts {
	__u64 past[2]; /* bytes of calls that TCP's numbers do not have */
	__u32 last[2]; /* TCP's numbers at the last call */
	__u64 from;    /* enum counted_from */
};

/* by the address of struct sock */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, COUNTED);
	__type(key, __u64);
	__type(value, struct counts);
} counted SEC(".maps");

/* Set by user space where such maps exist, and by the first socket in one: without them, nothing is looked up. */
__u64 sockmaps_seen SEC(".data.sockmaps");

static __always_inline bool has_sockmaps(void)
{
	return *(volatile __u64 *)&sockmaps_seen;
}

/* Others keep something in sk_user_data too, but only a psock points back at its socket. */
static __always_inline bool is_in_sockmap(struct sock *sk)
{
	struct sk_psock *psock = NULL;

	if (!bpf_core_field_exists(psock->sk))
		return false;
	psock = (void *)((__u64)BPF_CORE_READ(sk, sk_user_data) & ~USER_DATA_FLAGS);
	return psock && BPF_CORE_READ(psock, sk) == sk;
}

/* What is left of past, when TCP's number has moved: bytes that were held back may go by TCP later (bpf_msg_cork_bytes). */
static __always_inline __u64 past_at(const struct counts *counts, __u64 way, __u32 number, __u64 moved)
{
	__u64 past = counts->past[way & 1] + moved, by_tcp = number - counts->last[way & 1];

	return past > by_tcp ? past - by_tcp : 0;
}

static __always_inline void add_counted(struct sock *sk, struct tcp_end *end)
{
	__u64 key = (__u64)sk;
	struct counts *counts = bpf_map_lookup_elem(&counted, &key);

	if (!counts)
		return;
	end->is_counted = counts->from;
	end->written_past = past_at(counts, 0, end->write_seq, 0);
	end->read_past = past_at(counts, 1, end->copied_seq, 0);
	end->write_seq += end->written_past;
	end->copied_seq += end->read_past;
}

/* Returns false where it is no TCP socket, or has no peer. */
static __always_inline bool tcp_end_of(struct sock *sk, struct tcp_end *end)
{
	if (!read_tcp_end(sk, end))
		return false;
	if (has_sockmaps())
		add_counted(sk, end);
	return true;
}

/* A connection begins: from here on, both ends count alike. */
static __always_inline void begin_to_count(struct sock *sk, const struct tcp_end *end)
{
	struct counts fresh = {.last = {end->write_seq, end->copied_seq}, .from = COUNTED_FRESH};
	__u64 key = (__u64)sk;

	bpf_map_update_elem(&counted, &key, &fresh, BPF_NOEXIST);
}

/* The socket is destroyed: a later one may have its address. */
static __always_inline void stop_counting(struct sock *sk)
{
	__u64 key = (__u64)sk;

	bpf_map_delete_elem(&counted, &key);
}

/* Whether TCP's number did not move by a call, as far as it can be told: the bytes before it had gone up already. */
static __always_inline bool is_past_tcp(const struct connection *c, const struct tcp_end *end, bool is_read,
					__u32 before)
{
	__u64 local = end->local & 1, from = is_read ? !local : local;

	if (!c || !(c->sent_known & 1 << from) || (is_read && c->observed & 2 >> local))
		return false;
	return (__s32)(c->sent[from & 1] - before) > 0;
}

/*
 * Counts a call that has moved so many bytes. A function of its own, because the stack of the caller and of the
 * functions that send bytes are together close to the limit (MAX_BPF_STACK).
 *
 * write_seq, copied_seq: TCP's numbers after the call; way: 0 if it has sent, 1 if it has read; by_tcp: how many of the
 * bytes these numbers have, if this is the first call that is counted.
 */
__attribute__((noinline)) int count_call(__u64 sk, __u32 write_seq, __u32 copied_seq, __u64 moved_and_way, __u32 by_tcp)
{
	struct counts late = {.last = {write_seq, copied_seq}, .from = COUNTED_LATE}, *counts;
	__u64 way = moved_and_way >> 63, moved = moved_and_way << 1 >> 1;

	counts = bpf_map_lookup_elem(&counted, &sk);
	if (!counts) {
		late.last[0] -= way ? 0 : by_tcp;
		late.last[1] -= way ? by_tcp : 0;
		*(volatile __u64 *)&sockmaps_seen = 1;
		bpf_map_update_elem(&counted, &sk, &late, BPF_NOEXIST);
		counts = bpf_map_lookup_elem(&counted, &sk);
		if (!counts)
			return 0;
	}
	if (way) {
		counts->past[1] = past_at(counts, 1, copied_seq, moved);
		counts->last[1] = copied_seq;
	} else {
		counts->past[0] = past_at(counts, 0, write_seq, moved);
		counts->last[0] = write_seq;
	}
	return 0;
}

/* Counts a call on a socket in such a map, and puts its numbers to where they are after the call. */
static __always_inline void count_moved(struct sock *sk, struct tcp_end *end, const struct connection *c, bool is_read,
					__u32 moved)
{
	__u32 before;

	end->write_seq -= end->written_past;
	end->copied_seq -= end->read_past;
	before = (is_read ? end->copied_seq : end->write_seq) - moved;
	count_call((__u64)sk, end->write_seq, end->copied_seq, (__u64)is_read << 63 | moved,
		   is_past_tcp(c, end, is_read, before) ? 0 : moved);
	end->written_past = end->read_past = 0;
	add_counted(sk, end);
}

#endif

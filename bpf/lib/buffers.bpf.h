/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0 */
/* The buffers that a call's bytes are in, one after the other, and whether the first bytes begin an HTTP message. */
#ifndef SOCKFILTER_BUFFERS_BPF_H
#define SOCKFILTER_BUFFERS_BPF_H

#include "calls.bpf.h"
#include "http.bpf.h"

/* The sizes of at most so many messages of one call are added up. */
#define MESSAGES 64
/* iovecs that are read at once: a power of two */
#define IOVECS_AHEAD 32

/* include/uapi/linux/uio.h */
struct iovec {
	__u64 base;
	__u64 len;
};

/* include/linux/socket.h, struct user_msghdr */
struct message {
	__u64 name;
	__u32 name_len;
	__u32 reserved;
	__u64 iovecs;
	__u64 count;
	__u64 control;
	__u64 control_len;
	__u32 flags;
	__u32 reserved_too;
};

/* include/linux/socket.h, struct mmsghdr: a message and how many bytes the call moved */
/* include/linux/socket.h, struct mmsghdr: a message and how many bytes the call moved */
struct message_moved {
	struct message message;
	__u32 moved;
	__u32 reserved;
};

/* Where the call's next bytes are: the buffer that comes next, and the buffers after it. */
struct walk {
	__u64 base;	/* of the buffer */
	__u64 len;	/* bytes left in it */
	__u64 iovecs;	/* struct iovec of the buffers after it */
	__u64 count;	/* how many buffers those are */
	__u64 messages; /* struct message_moved of the messages after them */
	__u64 messages_count;
	__u64 message_left; /* bytes left of this message */
	__u64 left;	    /* bytes left of the call */
	__u64 ahead_from;   /* the next of the iovecs that have been read */
	__u64 ahead_count;  /* how many of them are left */
	struct iovec ahead[IOVECS_AHEAD];
};

static __noinline void next_message(struct walk *walk)
{
	struct message_moved next = {};

	bpf_probe_read_user(&next, sizeof(next), (void *)walk->messages);
	walk->messages += sizeof(next);
	walk->messages_count--;
	walk->iovecs = next.message.iovecs;
	walk->count = next.message.count;
	walk->message_left = next.moved;
}

/* Reads the next iovecs. Returns false where they cannot be read. */
static __always_inline bool load_iovecs(struct walk *walk)
{
	__u64 count = walk->count;

	if (count > IOVECS_AHEAD)
		count = IOVECS_AHEAD;
	BELOW_FOR_VERIFIER(count, IOVECS_AHEAD + 1);
	walk->ahead_from = 0;
	walk->ahead_count = count;
	return !bpf_probe_read_user(walk->ahead, count * sizeof(struct iovec), (void *)walk->iovecs);
}

/* Goes to the next buffer, if there is one. It may be empty. */
static __always_inline void next_buffer(struct walk *walk)
{
	__u64 at;

	if (!walk->count && walk->messages_count)
		next_message(walk);
	if (!walk->count)
		return;
	if (!walk->ahead_count && !load_iovecs(walk)) {
		walk->count = walk->messages_count = 0;
		return;
	}
	at = walk->ahead_from & (IOVECS_AHEAD - 1);
	walk->base = walk->ahead[at].base;
	walk->len = walk->ahead[at].len;
	if (walk->len > walk->message_left)
		walk->len = walk->message_left;
	walk->message_left -= walk->len;
	walk->ahead_from++;
	walk->ahead_count--;
	walk->iovecs += sizeof(struct iovec);
	walk->count--;
}

/* How many bytes the messages of a call have moved. */
static __always_inline __u64 sum_of_messages(const struct walk *walk)
{
	const struct message_moved *messages = (const void *)walk->messages;
	__u32 i, moved;
	__u64 sum = 0;

	for (i = 0; i < MESSAGES && i < walk->messages_count; i++) {
		bpf_probe_read_user(&moved, sizeof(moved), &messages[i].moved);
		sum += moved;
	}
	return sum;
}

static __always_inline void begin_walk(struct walk *walk, const struct pt_regs *regs, struct call call, __u64 moved)
{
	struct message message = {};

	__builtin_memset(walk, 0, offsetof(struct walk, ahead));
	walk->left = walk->message_left = moved;
	switch (call.form) {
	case CALL_BUFFER:
		walk->base = argument(regs, 1);
		walk->len = moved;
		break;
	case CALL_IOVECS:
		walk->iovecs = argument(regs, 1);
		walk->count = argument(regs, 2);
		next_buffer(walk);
		break;
	case CALL_MESSAGE:
		bpf_probe_read_user(&message, sizeof(message), (void *)argument(regs, 1));
		walk->iovecs = message.iovecs;
		walk->count = message.count;
		next_buffer(walk);
		break;
	case CALL_FILE:
		walk->len = moved;
		break;
	case CALL_MESSAGES:
		walk->messages = argument(regs, 1);
		walk->messages_count = moved;
		walk->left = sum_of_messages(walk);
		next_buffer(walk);
		break;
	}
}

static __always_inline enum start start_of(const struct walk *walk, bool first_payload)
{
	struct payload_start start = {};
	__u64 len = walk->len;
	__u32 i;

	__builtin_memset(&start.counts, 0xff, sizeof(start.counts));
	if (len > START_BYTES)
		len = START_BYTES;
	start.len = len;
	if (len < START_BYTES && first_payload) {
#pragma unroll
		for (i = 0; i < START_WORDS; i++)
			start.counts.words[i] = first_bytes(len, i * 8);
	}
	MASK_FOR_VERIFIER(len, 31);
	if (!len || len > START_BYTES || bpf_probe_read_user(start.text.bytes, len, (void *)walk->base))
		return START_OTHER;
	return what_begins(&start, first_payload, false);
}

#endif

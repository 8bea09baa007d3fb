/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0 */
/*
 * Where the frames of HTTP/2 begin (RFC 9113, 4.1), so that content which user
 * space does not need can be left out. All other frames go up, and everything
 * goes up where it is not certain what the bytes are.
 */
#ifndef SOCKFILTER_FRAMES_BPF_H
#define SOCKFILTER_FRAMES_BPF_H

#include "http.bpf.h"
#include "skipping.bpf.h"
#include "tcp.h"

/* directions whose framing is known; one whose framing is forgotten goes up whole (about 0.5 MB of kernel memory) */
#define FRAMINGS 4096
/* Frames that begin in one segment: 64 KiB of frames of 4 KiB. Behind more of them the framing is no longer known. */
#define HEADS_MAX 16
/* bytes of the client's preface (RFC 9113, 3.4) */
#define PREFACE_BYTES 24
/* times are in units of 2^20 nanoseconds, about a millisecond */
#define TIME_BITS 20
#define QUIET_UNITS (QUIET_NS >> TIME_BITS)
/* how long nothing has been in order before framing is looked for again: what comes late has come */
#define STUCK_UNITS 2
/* how often a segment looks whether the one before it has been read, on another processor: about a microsecond */
#define LOOKS 64
/* heads in a row that make framing known again */
#define HEADS_SURE 3

/* whole words, so that they can be compared with their check */
struct framing_words {
	__u64 next_head;  /* the next byte; above it the next head, of which bytes may be in part */
	__u64 stream;	  /* whose content the bytes before the next head are; 0: they are something else */
	__u64 from_heads; /* the first byte that was left out, or else next; above it how many frames began since */
};

/*
 * Where the frames of one direction begin. On loopback, two processors may handle
 * segments of one direction at the same time. Only the segment that begins at the next
 * byte changes this, so that one does at a time; others read, and check is the xor of
 * the words, so that what is half written is not believed.
 */
struct framing {
	struct framing_words words;
	__u64 check;
	/* the words behind the segment that is being read: the stack is too short for them */
	struct framing_words after;
	__u64 part;	/* bytes of a head, the first one lowest */
	__u32 changed;	/* when it last was */
	__u32 reported; /* when bytes that were left out were last reported */
	__u32 is_asked; /* a segment out of order has reported, and may have missed the last bytes */
	__u32 seeker;	/* the processor that looks for framing */
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, FRAMINGS);
	__type(key, __u64); /* the direction: stream of struct sf_record */
	__type(value, struct framing);
} framings SEC(".maps");

/* The value of a new entry: its check is wrong. User space writes to the beginning of .rodata. */
const volatile struct framing no_framing SEC(".rodata.framing") = {.check = 1};

#define SEQUENCE(number) ((number)&0xffffffff)
#define LOW(word) SEQUENCE(word)
#define HIGH(word) ((word) >> 32)

static __always_inline bool read_framing(const volatile struct framing *f, struct framing_words *w)
{
	w->next_head = f->words.next_head;
	w->stream = f->words.stream;
	w->from_heads = f->words.from_heads;
	return f->check == (w->next_head ^ w->stream ^ w->from_heads);
}

/* Goes on behind the segment. */
static __always_inline void go_on(struct framing *f, bool is_known)
{
	volatile struct framing *shared = f;
	__u64 next_head = f->after.next_head, stream = f->after.stream, from_heads = f->after.from_heads;

	shared->words.next_head = next_head;
	shared->words.stream = stream;
	shared->words.from_heads = from_heads;
	shared->check = next_head ^ stream ^ from_heads ^ !is_known;
}

/*
 * Reads the words for the segment that begins at seq. Returns false if what the bytes
 * are is not known: the framing is not, or the segment before has not been read.
 */
static __always_inline bool read_in_order(const volatile struct framing *f, struct framing_words *w, __u64 seq)
{
	__u64 i;

	for (i = 0; i < LOOKS; i++) {
		if (read_framing(f, w) && SEQUENCE(LOW(w->next_head) - seq) >> 31 == 0)
			return true;
	}
	return false;
}

/* the nine bytes of a head: eight, of which the first is the lowest, and the last one */
struct frame_head {
	__u64 first;
	__u64 last;
};

static __always_inline __u64 size_of(const struct frame_head *head)
{
	return (head->first & 0xff) << 16 | (head->first & 0xff00) | (head->first >> 16 & 0xff);
}

/* The stream of a DATA frame without padding and without END_STREAM; 0: it is another frame. */
static __always_inline __u64 content_of(const struct frame_head *head)
{
	__u64 stream = __builtin_bswap64(head->first) << 8 | head->last;

	return stream & 0x7fffffff & (is_set(head->first >> 24 & 0xffff) - 1);
}

static __always_inline int load_head(struct __sk_buff *skb, __u64 off, struct frame_head *head)
{
	head->last = 0;
	if (bpf_skb_load_bytes(skb, off, head, FRAME_HEAD_BYTES) < 0)
		return -1;
	head->first = first_byte_lowest(head->first);
	head->last = first_byte_lowest(head->last);
	return 0;
}

/*
 * the payload of a segment; here and in what follows, numbers are whole words, for the reason given at struct packet:
 * the compiler puts them on the stack
 */
struct framed {
	__u64 seq;
	__u64 off; /* in the frame */
	__u64 len;
};

/* what a segment of known framing is */
enum framed_as {
	FRAMED_ANY,
	FRAMED_CONTENT, /* content of the unwanted stream, and nothing else */
	FRAMED_LOST,	/* what follows it is not known */
};

/*
 * Goes from head to head through a segment that begins at the next byte, and sets what
 * is after it. unwanted: a stream; 0: nothing is.
 */
static __always_inline __u64 go_through(struct __sk_buff *skb, struct framed s, struct framing *f,
					struct frame_head *head, __u64 unwanted)
{
	const struct framing_words *w = &f->words;
	__u64 off = SEQUENCE(HIGH(w->next_head) - s.seq), stream = w->stream, needed, heads = 0, have, i;

	needed = (stream ^ unwanted) & -is_set(off);
	if (off >> 31) {
		/* a head that began in the segment before */
		have = SEQUENCE(-off);
		if (have >= FRAME_HEAD_BYTES || s.len < FRAME_HEAD_BYTES ||
		    bpf_skb_load_bytes(skb, s.off, &head->first, sizeof(head->first)) < 0)
			return FRAMED_LOST;
		head->first = first_byte_lowest(head->first);
		head->last = head->first >> (64 - 8 * have) & 0xff;
		head->first = f->part | (have < 8 ? head->first << 8 * have : 0);
		stream = content_of(head);
		off = FRAME_HEAD_BYTES + size_of(head) - have;
		needed = 1;
	}
	for (i = 0; i < HEADS_MAX; i++) {
		if (off + FRAME_HEAD_BYTES > s.len)
			break;
		if (load_head(skb, s.off + off, head) < 0)
			return FRAMED_LOST;
		stream = content_of(head);
		heads++;
		needed |= stream ^ unwanted;
		off += FRAME_HEAD_BYTES + size_of(head);
	}
	if (off + FRAME_HEAD_BYTES <= s.len)
		return FRAMED_LOST;
	if (off < s.len) {
		have = s.len - off - 1;
		MASK_FOR_VERIFIER(have, 7);
		f->part = 0;
		if (load_bytes_for_verifier(skb, s.off + off, &f->part, have + 1) < 0)
			return FRAMED_LOST;
		f->part = first_byte_lowest(f->part);
		needed = 1;
	}
	f->after.next_head = SEQUENCE(s.seq + s.len) | (s.seq + off) << 32;
	f->after.stream = stream;
	f->after.from_heads = w->from_heads + (heads << 32);
	return needed ? FRAMED_ANY : FRAMED_CONTENT;
}

/*
 * Reports what has been left out. It says all of it again from where it began: user
 * space takes what is new. Returns false if there is no room.
 */
static __always_inline bool report(const struct framing_words *w, __u64 direction)
{
	struct sf_record *record;

	if (LOW(w->from_heads) == LOW(w->next_head))
		return true;
	record = bpf_ringbuf_reserve(&ring, sizeof(*record), 0);
	if (!record)
		return false;
	__builtin_memset(record, 0, sizeof(*record));
	record->time_ns = bpf_ktime_get_ns();
	record->kind = SF_LEFT_OUT;
	record->seq = LOW(w->from_heads);
	record->payload_len = LOW(w->next_head) - LOW(w->from_heads);
	record->syn_ns = direction;
	record->isn[0] = HIGH(w->from_heads);
	record->isn[1] = HIGH(w->next_head) - LOW(w->next_head);
	record->stream_of_http2 = w->stream;
	bpf_ringbuf_submit(record, wakeup());
	return true;
}

/* Looks at the first frame of a direction from here on; anything may have been left of words. */
static __always_inline void begin_at(volatile struct framing *f, __u64 seq, __u64 head)
{
	f->words.next_head = seq | head << 32;
	f->words.stream = 0;
	f->words.from_heads = seq;
}

/* Returns the framing of a direction that begins with this segment, with the preface or with SETTINGS; or NULL. */
static __always_inline struct framing *begin_framing(struct __sk_buff *skb, struct framed s, __u64 direction,
						     struct frame_head *head)
{
	struct framing *f;
	__u64 preface = 0;

	if (load_head(skb, s.off, head) < 0)
		return NULL;
	if (head->first == word_of("PRI * HT", 8) && s.len >= PREFACE_BYTES)
		preface = PREFACE_BYTES;
	else if (head->last || (head->first & ~0xff00ffULL) != (4ULL << 24 | (head->first & 0xff00)))
		return NULL; /* it is not SETTINGS on stream 0: see begins_settings() */
	head->first = direction;
	bpf_map_update_elem(&framings, &head->first, (const void *)&no_framing, BPF_ANY);
	f = bpf_map_lookup_elem(&framings, &head->first);
	if (f)
		begin_at(f, s.seq, s.seq + preface);
	return f;
}

/* Whether content is left out: what is reported together is in a row, and of one stream. */
static __always_inline bool leaves_out(const struct framing_words *w, __u64 seq, __u64 unwanted, __u64 flags)
{
	if (!unwanted || flags & (TCP_SYN | TCP_FIN | TCP_RST))
		return false;
	return LOW(w->from_heads) == seq || w->stream == unwanted;
}

/*
 * Leaves out a segment of a connection with HTTP/2 if all of it is content that user
 * space does not need, and reports what has been left out. Returns an outcome; 0: the
 * segment goes up.
 *
 * A global function, which the verifier goes through once, and not once for each way
 * to a call of it: so its arguments are numbers.
 *
 * payload: from the lowest bit on, its length, its offset in the frame (16 bits), the
 * flags (8), and 1 if the next argument is known
 * first: the sequence number of the first byte of the direction
 * wanted: the sequence number, and above it the stream that user space does not need
 */
__noinline int leave_out(struct __sk_buff *skb, __u64 direction, __u64 payload, __u64 first, __u64 wanted)
{
	const struct framed s = {LOW(wanted), HIGH(payload) & 0xffff, LOW(payload)};
	/* the key first, because the stack is short */
	struct frame_head head = {.first = direction};
	struct framing *f = bpf_map_lookup_elem(&framings, &head.first);
	volatile struct framing *shared = f;
	struct framing_words w;
	__u64 as, now, is_sought = 0;

	if (!f) {
		if (!(payload >> 56) || first != s.seq || s.len < FRAME_HEAD_BYTES)
			return 0;
		f = begin_framing(skb, s, direction, &head);
		if (!f)
			return 0;
		shared = f;
	} else if (!read_in_order(f, &w, s.seq)) {
		shared->is_asked = 1;
		if (read_framing(f, &w) && !report(&w, direction))
			return SF_RING_FULL;
		now = bpf_ktime_get_ns() >> TIME_BITS;
		if (SEQUENCE(now - f->changed) < STUCK_UNITS || !(wanted >> 32))
			return 0;
		/* A segment of whole frames makes it known again: the sender had nothing more to send for a moment. */
		is_sought = 1;
		shared->check = 1;
		shared->seeker = bpf_get_smp_processor_id();
		begin_at(f, s.seq, s.seq);
	} else if (s.seq != LOW(w.next_head)) {
		return report(&w, direction) ? 0 : SF_RING_FULL;
	}
	as = go_through(skb, s, f, &head, wanted >> 32);
	now = bpf_ktime_get_ns() >> TIME_BITS;
	if (is_sought) {
		if (as != FRAMED_CONTENT || HIGH(f->after.from_heads) < HEADS_SURE ||
		    shared->seeker != bpf_get_smp_processor_id())
			return 0;
	} else if (as == FRAMED_CONTENT && leaves_out(&f->words, s.seq, wanted >> 32, payload >> 48)) {
		f->changed = now;
		go_on(f, true);
		if (SEQUENCE(now - f->reported) < QUIET_UNITS && !shared->is_asked)
			return SF_QUIET;
		f->is_asked = 0;
		f->reported = now;
		read_framing(f, &w);
		report(&w, direction);
		return SF_QUIET;
	} else {
		read_framing(f, &w);
		if (!report(&w, direction))
			return SF_RING_FULL;
	}
	f->changed = now;
	f->after.from_heads = LOW(f->after.next_head);
	go_on(f, as != FRAMED_LOST);
	return 0;
}

#endif

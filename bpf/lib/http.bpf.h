/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0 */
/* Whether bytes begin an HTTP message: a registered method and a space, or HTTP/1. Or another protocol that is wanted. */
#ifndef SOCKFILTER_HTTP_BPF_H
#define SOCKFILTER_HTTP_BPF_H

#include "config.bpf.h"
#include "counters.bpf.h"
#include "verifier.bpf.h"

/* bytes that are compared: the longest method, UPDATEREDIRECTREF, and its space, in whole words */
#define START_WORDS 3
#define START_BYTES (START_WORDS * 8)
/* RFC 9113, 4.1 */
#define FRAME_HEAD_BYTES 9

enum start {
	START_OTHER,
	START_HTTP1, /* or a protocol beside HTTP: user space reads it from its first bytes on */
	START_HTTP2, /* or TLS: every byte goes up */
};

union start_bytes {
	char bytes[START_BYTES];
	__u64 words[START_WORDS];
};

/* the first bytes of a payload, the rest zero */
struct payload_start {
	union start_bytes text;
	/* 0xff where a byte must match: everywhere, or among the first len, where a payload may be cut within a token */
	union start_bytes counts;
	__u64 len; /* at most START_BYTES */
};

/*
 * 0 where the payload begins with a token. It is a literal, so the words compared are
 * constants; each branch would double the paths that are verified.
 */
static __always_inline __u64 differs_from(const struct payload_start *s, const char *token, __u32 token_len)
{
	union start_bytes want = {}, mask = {};
	__u64 differs = 0;
	__u32 i;

#pragma unroll
	for (i = 0; i < START_BYTES; i++) {
		want.bytes[i] = i < token_len ? token[i] : 0;
		mask.bytes[i] = i < token_len ? 0xff : 0;
	}
#pragma unroll
	for (i = 0; i < START_WORDS; i++) {
		if (mask.words[i])
			differs |= (s->text.words[i] ^ want.words[i]) & mask.words[i] & s->counts.words[i];
	}
	return differs;
}

#define BEGINS(token) (!differs_from(s, token, sizeof(token) - 1))

/*
 * The methods of the IANA registry (RFC 9110, 16.1.1), by first letter, and those
 * of UPnP, caches and Icecast that are not registered.
 */
static __always_inline bool begins_request(const struct payload_start *s)
{
	switch (s->text.bytes[0]) {
	case 'A':
		return BEGINS("ACL ");
	case 'B':
		return BEGINS("BASELINE-CONTROL ") || BEGINS("BIND ");
	case 'C':
		return BEGINS("CONNECT ") || BEGINS("COPY ") || BEGINS("CHECKIN ") || BEGINS("CHECKOUT ");
	case 'D':
		return BEGINS("DELETE ");
	case 'G':
		return BEGINS("GET ");
	case 'H':
		return BEGINS("HEAD ");
	case 'L':
		return BEGINS("LABEL ") || BEGINS("LINK ") || BEGINS("LOCK ");
	case 'M':
		return BEGINS("MERGE ") || BEGINS("MKACTIVITY ") || BEGINS("MKCALENDAR ") || BEGINS("MKCOL ") ||
		       BEGINS("M-SEARCH ") || BEGINS("MKREDIRECTREF ") || BEGINS("MKWORKSPACE ") || BEGINS("MOVE ");
	case 'N':
		return BEGINS("NOTIFY ");
	case 'O':
		return BEGINS("OPTIONS ") || BEGINS("ORDERPATCH ");
	case 'P':
		return BEGINS("POST ") || BEGINS("PUT ") || BEGINS("PATCH ") || BEGINS("PROPFIND ") ||
		       BEGINS("PROPPATCH ") || BEGINS("PURGE ");
	case 'Q':
		return BEGINS("QUERY ");
	case 'R':
		return BEGINS("REPORT ") || BEGINS("REBIND ");
	case 'S':
		return BEGINS("SEARCH ") || BEGINS("SOURCE ") || BEGINS("SUBSCRIBE ");
	case 'T':
		return BEGINS("TRACE ");
	case 'U':
		return BEGINS("UNLOCK ") || BEGINS("UNBIND ") || BEGINS("UNLINK ") || BEGINS("UNCHECKOUT ") ||
		       BEGINS("UPDATE ") || BEGINS("UPDATEREDIRECTREF ") || BEGINS("UNSUBSCRIBE ");
	case 'V':
		return BEGINS("VERSION-CONTROL ");
	}
	return false;
}

/* A word with 0xff in each byte that is, in memory, among the first len of the payload. */
static __always_inline __u64 first_bytes(__u32 len, __u32 before_word)
{
	__u32 bits = len > before_word ? (len - before_word) * 8 : 0;

	if (bits >= 64)
		return ~0ULL;
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	return (1ULL << bits) - 1;
#else
	return ~(~0ULL >> bits);
#endif
}

#define EACH_BYTE(byte) (0x0101010101010101ULL * (byte))

/* The highest bit of each byte below the limit; exact up to the first of them, from the lowest byte on. */
static __always_inline __u64 bytes_below(__u64 word, __u64 limit)
{
	return (word - EACH_BYTE(limit)) & ~word & EACH_BYTE(0x80);
}

/*
 * Whether this is a word of at most 15 visible characters and a space: any token
 * may be a method (RFC 9110, 9.1). User space looks for the version after it.
 */
static __always_inline __u64 begins_word(__u64 first, __u64 second)
{
	__u64 stops, before = 0;

#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	first = __builtin_bswap64(first);
	second = __builtin_bswap64(second);
#endif
	stops = bytes_below(first, 0x21) | (first & EACH_BYTE(0x80));
	if (!stops) {
		before = 1;
		first = second;
		stops = bytes_below(first, 0x21) | (first & EACH_BYTE(0x80));
	}
	stops &= -stops;
	return stops & bytes_below(first ^ EACH_BYTE(' '), 1) && stops + before > 0x80;
}

/*
 * Whether HTTP/2 is recognised by its frames, not by the client's preface alone. Beside the protocols other than HTTP
 * this is too much for the verifier of 5.10; replay.c has none.
 */
#ifdef __bpf__
#define FINDS_FRAMES(others) (!(others))
#else
#define FINDS_FRAMES(others) true
#endif

/*
 * The server may be the first to speak HTTP/2, with SETTINGS on stream 0 (RFC 9113, 3.4): two bytes of its size are 0,
 * and it has no flags.
 */
static __always_inline bool begins_settings(const struct payload_start *s)
{
	const union start_bytes want = {.bytes = {[3] = 4}};
	const union start_bytes mask = {.bytes = {0xff, 0xff, 0, 0xff, 0xff, 0xff, 0xff, 0xff}};

	return !((s->text.words[0] ^ want.words[0]) & mask.words[0]) && !s->text.bytes[8] && s->len >= FRAME_HEAD_BYTES;
}

#define SERVER_HELLO 2
/*
 * 0 where a ClientHello of TLS begins, or a ServerHello if that was missed (RFC 8446, 4 and 5.1): a record of the
 * handshake, of a version from 3.0 to 3.3, of less than 32 KiB, and in it a type from 0 to 3.
 */
static __always_inline __u64 differs_from_hello(const struct payload_start *s)
{
	const union start_bytes want = {.bytes = {22, 3}};
	const union start_bytes mask = {.bytes = {0xff, 0xff, 0xfc, 0x80, 0, 0xfc}};

	return (s->text.words[0] ^ want.words[0]) & mask.words[0] & s->counts.words[0];
}

/* 0 where a record of application data of TLS may begin, of a version from 3.0 to 3.3 (RFC 8446, 5.1). */
static __always_inline __u64 differs_from_tls_data(const struct payload_start *s)
{
	const union start_bytes want = {.bytes = {23, 3}};
	const union start_bytes mask = {.bytes = {0xff, 0xff, 0xfc, 0x80}};

	return (s->text.words[0] ^ want.words[0]) & mask.words[0];
}

/*
 * Whether a connection may be followed that was open before, because a frame of HTTP/2 may begin here: a size up to
 * the usual limit, a kind, and flags of RFC 9113. Or a record of TLS.
 */
static __always_inline bool begins_frame(const struct payload_start *s)
{
	const char *head = s->text.bytes;

	if (config.tls && !differs_from_tls_data(s))
		return true;
	return config.frames && !head[0] && (__u8)head[1] <= 0x40 && (__u8)head[3] <= 9 && !(head[4] & ~0x2d) &&
	       s->len >= FRAME_HEAD_BYTES;
}

/* The text of at most 8 characters as a word in which the first is the lowest byte. */
static __always_inline __u64 word_of(const char *text, __u32 text_len)
{
	__u64 word = 0;
	__u32 i;

#pragma unroll
	for (i = 0; i < 8; i++)
		word |= i < text_len ? (__u64)(__u8)text[i] << i * 8 : 0;
	return word;
}

/* The same, whatever the machine's order of bytes is. */
static __always_inline __u64 first_byte_lowest(__u64 word)
{
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	return __builtin_bswap64(word);
#else
	return word;
#endif
}

/* 0 for 0, else 1: without a branch, which would double the paths that are verified. */
static __always_inline __u64 is_set(__u64 word)
{
	__u64 negative = -word;

	HIDE_FROM_COMPILER(negative);
	return (word | negative) >> 63;
}

#define DIFFERS(word, text, mask, counts) is_set(((word) ^ word_of(text, sizeof(text) - 1)) & (mask) & (counts))
#define BYTES(count) (~0ULL >> (8 - (count)) * 8)
/* five characters in any case, of which the last is a space */
#define ANY_CASE 0xffdfdfdfdfULL

/*
 * 0 where a CONNECT of MQTT begins (MQTT 5.0, 3.1): the type, a length of one to
 * four bytes, of which all but the last have their highest bit set, and the name of
 * the protocol behind its own length.
 */
static __always_inline __u64 differs_from_mqtt(__u64 first, __u64 second, __u64 first_counts, __u64 second_counts)
{
	__u64 two = first >> 15 & 1, three = first >> 23 & two, four = first >> 31 & three;
	__u64 shift = 16 + 8 * (two + three + four);
	__u64 name = first >> shift | second << (64 - shift);
	__u64 counts = first_counts >> shift | second_counts << (64 - shift);

	return DIFFERS(first, "\x10", BYTES(1), first_counts) |
	       (DIFFERS(name, "\0\4MQTT", BYTES(6), counts) & DIFFERS(name, "\0\6MQIsdp", BYTES(8), counts));
}

/*
 * 0 where this begins a protocol beside HTTP that is wanted. A PINGREQ or PINGRESP of
 * MQTT and nothing else may show a connection that was open before. A server of SMTP
 * begins with 220, as one of FTP does: where it is the first payload, it is a word.
 */
static __always_inline __u64 differs_from_others(const struct payload_start *s)
{
	__u64 first = first_byte_lowest(s->text.words[0]), second = first_byte_lowest(s->text.words[1]);
	__u64 counts = first_byte_lowest(s->counts.words[0]), mqtt, amqp, smtp;

	/* the bytes C0 00 or D0 00, and no more */
	mqtt = is_set((first ^ 0xc0) & 0xffef) | is_set(s->len ^ 2);
	mqtt &= differs_from_mqtt(first, second, counts, first_byte_lowest(s->counts.words[1]));
	amqp = DIFFERS(first, "AMQP\0\0\11\1", BYTES(8), counts);
	smtp = DIFFERS(first, "EHLO ", ANY_CASE, counts) & DIFFERS(first, "HELO ", ANY_CASE, counts) &
	       DIFFERS(first, "LHLO ", ANY_CASE, counts);
	/* in the order of enum sf_protocol */
	return 1 ^ is_set(config.protocols & ~(mqtt | amqp << 1 | smtp << 2));
}

/*
 * first_payload: nothing of this direction has been seen before, so the payload may be
 * cut within the method. others: a literal, whether to look for the protocols beside
 * HTTP; without CAP_PERFMON the verifier would follow a setting both ways.
 */
static __always_inline __u64 what_begins(const struct payload_start *s, bool first_payload, bool others)
{
	__u64 differs;

	/* RFC 9113, 3.4: PRI is reserved for the preface */
	if (BEGINS("PRI * HTTP/2.0\r\n"))
		return s->len < sizeof("PRI * HTTP/2.0\r\n") - 1 ? START_HTTP1 : START_HTTP2;
	if (FINDS_FRAMES(others) && first_payload && begins_settings(s))
		return START_HTTP2;
	differs = differs_from(s, "HTTP/1.", sizeof("HTTP/1.") - 1);
	if (others) {
		differs = is_set(differs) & differs_from_others(s);
		HIDE_FROM_COMPILER(differs);
	}
	if (!differs || begins_request(s))
		return START_HTTP1;
	/* A server skips empty lines before the first request (RFC 9112, 2.2): user space decides by what follows. */
	if (first_payload && (BEGINS("\r\n") || begins_word(s->text.words[0], s->text.words[1])))
		return START_HTTP1;
	if (!differs_from_hello(s)) {
		if (config.tls)
			return START_HTTP2;
		/* It is counted, so that a capture that shows nothing can say why. */
		if (s->text.bytes[5] != SERVER_HELLO)
			count(SF_TLS);
	}
	return START_OTHER;
}

#endif

/* SPDX-License-Identifier: BSD-3-Clause */
/* The Huffman code of HPACK (RFC 7541, 5.2 and appendix B). */
#include <endian.h>
#include <linux/types.h>
#include <stddef.h>
#include <string.h>

#include "huffman.h"

/* the longest code, in bits */
#define LENGTH_MAX 30
/* codes of up to so many bits are looked up; these are all that are common in header fields */
#define LOOKUP_BITS 10
#define EOS 256
#define SYMBOLS 257

/* by the next bits: the length of the code in the lower byte, the symbol in the upper one; 0: the code is longer */
static __u16 huffman_lookup[1 << LOOKUP_BITS];
/* by length: the first code behind those of this length, in the upper bits of 32; a code of this length is below */
static __u64 huffman_end[LENGTH_MAX + 1];
/* by length: where its codes end in huffman_symbols */
static __u16 huffman_rank[LENGTH_MAX + 1];
/* in the order of the codes */
static __u16 huffman_symbols[SYMBOLS];

static void huffman_prepare(const __u8 *lengths)
{
	unsigned int length, symbol, rank = 0;
	__u64 code = 0;

	for (length = 1; length <= LENGTH_MAX; length++) {
		for (symbol = 0; symbol < SYMBOLS; symbol++) {
			__u64 end = code + (1ULL << (32 - length));

			if (lengths[symbol] != length)
				continue;
			for (; length <= LOOKUP_BITS && code < end; code += 1ULL << (32 - LOOKUP_BITS))
				huffman_lookup[code >> (32 - LOOKUP_BITS)] = symbol << 8 | length;
			code = end;
			huffman_symbols[rank++] = symbol;
		}
		huffman_end[length] = code;
		huffman_rank[length] = rank;
	}
}

/* Finds a code that is not looked up. bits: begin with the code. Sets its length, and returns its symbol. */
static unsigned int huffman_find(__u32 bits, unsigned int *length)
{
	unsigned int n = LOOKUP_BITS + 1;

	while (bits >= huffman_end[n])
		n++;
	*length = n;
	return huffman_symbols[huffman_rank[n] - 1 - ((huffman_end[n] - 1 - bits) >> (32 - n))];
}

/* Adds bytes to bits, of which the upper have are in use. It uses at least 32 afterwards, unless the bytes end. */
static const __u8 *huffman_refill(const __u8 *at, const __u8 *end, __u64 *bits, unsigned int *have)
{
	__u64 word;

	if (end - at >= (ptrdiff_t)sizeof(word)) {
		memcpy(&word, at, sizeof(word));
		/* the bits of a byte that is not counted come again, with the same values */
		*bits |= be64toh(word) >> *have;
		at += (63 - *have) / 8;
		*have |= 56;
		return at;
	}
	for (; at < end && *have <= 56; *have += 8)
		*bits |= (__u64)*at++ << (56 - *have);
	return at;
}

/* Returns the bytes written to out, or -1 if the string is malformed, or decodes to more than room bytes. */
static long huffman_decode(const __u8 *at, size_t len, __u8 *out, size_t room)
{
	const __u8 *end = at + len, *out_end = out + room;
	__u8 *first = out;
	unsigned int have = 0, length, symbol;
	__u64 bits = 0;

	for (;;) {
		if (have < 32)
			at = huffman_refill(at, end, &bits, &have);
		length = huffman_lookup[bits >> (64 - LOOKUP_BITS)] & 0xff;
		if (length)
			symbol = huffman_lookup[bits >> (64 - LOOKUP_BITS)] >> 8;
		else
			symbol = huffman_find(bits >> 32, &length);
		if (length > have)
			break;
		if (symbol == EOS || out == out_end)
			return -1;
		*out++ = symbol;
		bits <<= length;
		have -= length;
	}
	/* what is left is padding: less than a byte, and all ones */
	if (have > 7 || bits >> 56 != (0xff00 >> have & 0xff))
		return -1;
	return out - first;
}

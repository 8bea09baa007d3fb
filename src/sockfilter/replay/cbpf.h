/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Runs classic BPF, which libpcap makes, over the frames of a capture file. The
 * language is that of bpf(4) and of the kernel's Documentation/networking/filter.rst.
 */
#ifndef SOCKFILTER_CBPF_H
#define SOCKFILTER_CBPF_H

#include "replay.h"

#define CBPF_MEMORY_WORDS 16

enum cbpf_class {
	CBPF_LD,
	CBPF_LDX,
	CBPF_ST,
	CBPF_STX,
	CBPF_ALU,
	CBPF_JMP,
	CBPF_RET,
	CBPF_MISC,
};

enum cbpf_mode {
	CBPF_IMM = 0x00,
	CBPF_ABS = 0x20,
	CBPF_IND = 0x40,
	CBPF_MEM = 0x60,
	CBPF_LEN = 0x80,
	CBPF_MSH = 0xa0,
};

/* Returns 4, 2 or 1 for the size of a load. */
static inline __u32 cbpf_size(__u16 code)
{
	switch (code & 0x18) {
	case 0x00:
		return 4;
	case 0x08:
		return 2;
	default:
		return 1;
	}
}

/* Loads a number of some bytes in network order. Returns whether the frame has them. */
static inline int cbpf_load(const unsigned char *frame, __u32 len, __u64 at, __u32 size, __u32 *value)
{
	__u32 i;

	if (at + size > len)
		return 0;
	*value = 0;
	for (i = 0; i < size; i++)
		*value = *value << 8 | frame[at + i];
	return 1;
}

/* Returns the result, or 0 where the frame ends before what an operation needs: division by 0 counts as such. */
static inline int cbpf_compute(__u16 code, __u32 *a, __u32 by)
{
	switch (code & 0xf0) {
	case 0x00:
		*a += by;
		return 1;
	case 0x10:
		*a -= by;
		return 1;
	case 0x20:
		*a *= by;
		return 1;
	case 0x30:
		if (by)
			*a /= by;
		return !!by;
	case 0x40:
		*a |= by;
		return 1;
	case 0x50:
		*a &= by;
		return 1;
	case 0x60:
		*a = by < 32 ? *a << by : 0;
		return 1;
	case 0x70:
		*a = by < 32 ? *a >> by : 0;
		return 1;
	case 0x80:
		*a = -*a;
		return 1;
	case 0x90:
		if (by)
			*a %= by;
		return !!by;
	case 0xa0:
		*a ^= by;
		return 1;
	default:
		return 0;
	}
}

static inline int cbpf_holds(__u16 code, __u32 a, __u32 with)
{
	switch (code & 0xf0) {
	case 0x10:
		return a == with;
	case 0x20:
		return a > with;
	case 0x30:
		return a >= with;
	default: /* JSET */
		return !!(a & with);
	}
}

/* Loads A or X. Returns whether the frame has what is loaded. */
static inline int cbpf_load_step(const struct sf_cbpf *step, const unsigned char *frame, __u32 len, __u32 wire_len,
				 const __u32 *memory, __u32 *a, __u32 *x)
{
	__u32 *to = (step->code & 7) == CBPF_LD ? a : x;

	switch (step->code & 0xe0) {
	case CBPF_IMM:
		*to = step->k;
		return 1;
	case CBPF_MEM:
		*to = memory[step->k % CBPF_MEMORY_WORDS];
		return 1;
	case CBPF_LEN:
		*to = wire_len;
		return 1;
	case CBPF_ABS:
		return cbpf_load(frame, len, step->k, cbpf_size(step->code), to);
	case CBPF_IND:
		return cbpf_load(frame, len, (__u64)*x + step->k, cbpf_size(step->code), to);
	case CBPF_MSH:
		if (!cbpf_load(frame, len, step->k, 1, x))
			return 0;
		*x = (*x & 0xf) << 2;
		return 1;
	default:
		return 0;
	}
}

/*
 * Returns whether a program accepts a frame. Jumps lead forward only, so it ends;
 * a program that runs past its end, which libpcap does not make, accepts nothing.
 */
static int cbpf_accepts(const struct sf_cbpf *program, __u32 count, const unsigned char *frame, __u32 len,
			__u32 wire_len)
{
	__u32 memory[CBPF_MEMORY_WORDS] = {0}, a = 0, x = 0, with;
	__u64 at;

	for (at = 0; at < count; at++) {
		const struct sf_cbpf *step = &program[at];

		with = step->code & 0x08 ? x : step->k;
		switch (step->code & 7) {
		case CBPF_LD:
		case CBPF_LDX:
			if (!cbpf_load_step(step, frame, len, wire_len, memory, &a, &x))
				return 0;
			break;
		case CBPF_ST:
			memory[step->k % CBPF_MEMORY_WORDS] = a;
			break;
		case CBPF_STX:
			memory[step->k % CBPF_MEMORY_WORDS] = x;
			break;
		case CBPF_ALU:
			if (!cbpf_compute(step->code, &a, with))
				return 0;
			break;
		case CBPF_JMP:
			if (!(step->code & 0xf0))
				at += step->k;
			else
				at += cbpf_holds(step->code, a, with) ? step->jt : step->jf;
			break;
		case CBPF_RET:
			return !!((step->code & 0x18) == 0x10 ? a : step->k);
		default:
			if ((step->code & 0xf8) == 0x80)
				a = x;
			else
				x = a;
		}
	}
	return 0;
}

#endif

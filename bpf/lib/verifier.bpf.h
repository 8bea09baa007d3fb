/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0 */
/* Code that only the verifier needs, written so that the compiler cannot optimize it away. */
#ifndef SOCKFILTER_VERIFIER_BPF_H
#define SOCKFILTER_VERIFIER_BPF_H

#ifdef __bpf__
#define MASK_FOR_VERIFIER(value, mask) asm volatile("%0 &= " #mask : "+r"(value))
/* Sets value to 0 if it is not below the limit, which never happens. */
#define BELOW_FOR_VERIFIER(value, limit) asm volatile("if %0 < %1 goto +1; %0 = 0" : "+r"(value) : "r"(limit))
/* bpf_skb_load_bytes() with a 64-bit length: early 5.10 keeps no bounds of 32-bit registers */
static long (*const load_bytes_for_verifier)(const void *skb, __u32 offset, void *to, __u64 len) = (void *)26;
#else
#define MASK_FOR_VERIFIER(value, mask) ((value) &= (mask))
#define BELOW_FOR_VERIFIER(value, limit) ((value) = (value) < (limit) ? (value) : 0)
#define load_bytes_for_verifier bpf_skb_load_bytes
#endif

/* The compiler knows nothing of the value from here on. */
#define HIDE_FROM_COMPILER(value) asm volatile("" : "+r"(value))

/* Looks up a key of 4 bytes. On the stack it takes a whole word, for the reason given at struct packet. */
static __always_inline void *lookup_for_verifier(void *map, __u32 key)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	volatile __u64 word = key;
#else
	volatile __u64 word = (__u64)key << 32;
#endif

	return bpf_map_lookup_elem(map, (const void *)&word);
}

#endif

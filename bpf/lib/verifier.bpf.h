/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0 */
/* What is said for the verifier's sake, in words that the compiler must not see through. */
#ifndef SOCKFILTER_VERIFIER_BPF_H
#define SOCKFILTER_VERIFIER_BPF_H

#ifdef __bpf__
#define MASK_FOR_VERIFIER(value, mask) asm volatile("%0 &= " #mask : "+r"(value))
/* 0 where it is not below the limit, which it always is */
#define BELOW_FOR_VERIFIER(value, limit) asm volatile("if %0 < %1 goto +1; %0 = 0" : "+r"(value) : "r"(limit))
#else
#define MASK_FOR_VERIFIER(value, mask) ((value) &= (mask))
#define BELOW_FOR_VERIFIER(value, limit) ((value) = (value) < (limit) ? (value) : 0)
#endif

#endif

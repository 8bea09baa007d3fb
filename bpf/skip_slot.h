/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0 */
/*
 * Where the hint for a stream is. Read as C by the programs and by the shim; cffi
 * knows no function bodies, so this is not part of config.h.
 */
#ifndef SOCKFILTER_SKIP_SLOT_H
#define SOCKFILTER_SKIP_SLOT_H

#include "config.h"

/* The upper bits of a stream's number are a CPU's: they are mixed in, so that CPUs use different slots. */
static inline __attribute__((always_inline)) __u32 sf_skip_slot(__u64 stream)
{
	return (stream ^ stream >> 40) & (SF_SKIPS - 1);
}

#endif

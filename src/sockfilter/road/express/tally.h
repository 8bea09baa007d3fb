/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Counts of exchanges in the lane, for outputs that need nothing else of them.
 * tally.c includes this file, and cffi reads it as declarations. The structs
 * must not contain padding.
 */
#ifndef SOCKFILTER_TALLY_H
#define SOCKFILTER_TALLY_H

#include "lane.h"

/* start lines that are known at once: as many as a site has pages */
#define SF_TALLY_LINES 4096
/* bytes of both start lines; longer ones are left to the road */
#define SF_TALLY_LINE_BYTES 256
/* counts for a pair of start lines and a group of connections */
#define SF_TALLY_ROWS 4096
/* buckets of durations and of sizes, with those without a bound */
#define SF_TALLY_DURATIONS 16
#define SF_TALLY_SIZES 8

struct sf_tally_row {
	__u32 line; /* for sf_tally_line() */
	__u32 group;
	__u64 duration_ns;
	__u64 request_bytes;
	__u64 response_bytes;
	__u32 durations[SF_TALLY_DURATIONS];
	__u32 requests[SF_TALLY_SIZES];
	__u32 responses[SF_TALLY_SIZES];
};

#endif

/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Counts exchanges by their start lines and the group of their connection. An
 * exchange waits in pending until the end of the run, because only then it is
 * known whether a new connection stays in the lane, and in which group it is.
 */
#include <linux/types.h>
#include <stdlib.h>
#include <string.h>

#include "inside.h"
#include "pages.h"
#include "tally.h"

/* slots of a hash table: twice the entries */
#define TALLY_HASH_BITS 13
#define TALLY_MASK ((1 << TALLY_HASH_BITS) - 1)
/* "HTTP/1.1 200" */
#define STATUS_BYTES 12

struct tally_line {
	__u32 hash;
	__u32 len;
	char text[SF_TALLY_LINE_BYTES];
};

struct tally_pending {
	__u32 slot;
	__u32 line;
	__u64 duration_ns;
	__u64 request_bytes;
	__u64 response_bytes;
};

struct sf_tally {
	__u64 durations[SF_TALLY_DURATIONS]; /* upper bounds of the buckets */
	__u64 sizes[SF_TALLY_SIZES];
	__u32 line_count;
	__u32 row_count;
	__u32 pending_count;
	__u32 reserved;
	__u32 line_hash[1 << TALLY_HASH_BITS]; /* lines and rows, plus 1 */
	__u32 row_hash[1 << TALLY_HASH_BITS];
	struct tally_pending pending[SF_LANE_RECORDS];
	struct sf_tally_row rows[SF_TALLY_ROWS];
	struct tally_line lines[SF_TALLY_LINES];
};

/* Makes the lane count, with these upper bounds of buckets. Returns 0 if there is no memory. */
static int sf_lane_tally(struct sf_lane *lane, const __u64 *durations, unsigned int duration_count, const __u64 *sizes,
			 unsigned int size_count)
{
	struct sf_tally *tally = pages_take(sizeof(*tally));

	if (!tally)
		return 0;
	memset(tally->durations, 0xff, sizeof(tally->durations));
	memset(tally->sizes, 0xff, sizeof(tally->sizes));
	memcpy(tally->durations, durations, duration_count * sizeof(*durations));
	memcpy(tally->sizes, sizes, size_count * sizeof(*sizes));
	lane->tally = tally;
	return 1;
}

static void tally_close(struct sf_lane *lane)
{
	if (lane->tally)
		pages_give(lane->tally, sizeof(*lane->tally));
}

/* FNV-1a */
static __u32 tally_hash(__u32 hash, const char *text, size_t len)
{
	while (len--)
		hash = (hash ^ (unsigned char)*text++) * 16777619;
	return hash;
}

/* Returns the number of a pair of start lines, or -1 if there is no room. */
static int tally_find_line(struct sf_tally *tally, const char *asked, size_t asked_len, const char *answered)
{
	__u32 hash = tally_hash(tally_hash(2166136261, asked, asked_len), answered, STATUS_BYTES);
	size_t len = asked_len + 1 + STATUS_BYTES;
	struct tally_line *line;
	__u32 at;

	for (at = hash & TALLY_MASK; tally->line_hash[at]; at = (at + 1) & TALLY_MASK) {
		line = &tally->lines[tally->line_hash[at] - 1];
		if (line->hash == hash && line->len == len && !memcmp(line->text, asked, asked_len) &&
		    !memcmp(line->text + asked_len + 1, answered, STATUS_BYTES))
			return line - tally->lines;
	}
	if (tally->line_count >= SF_TALLY_LINES)
		return -1;
	line = &tally->lines[tally->line_count++];
	tally->line_hash[at] = tally->line_count;
	line->hash = hash;
	line->len = len;
	memcpy(line->text, asked, asked_len);
	line->text[asked_len] = '\n';
	memcpy(line->text + asked_len + 1, answered, STATUS_BYTES);
	return line - tally->lines;
}

/* Returns the counts of start lines and a group. tally_note() has seen that there is room. */
static struct sf_tally_row *tally_row(struct sf_tally *tally, __u32 line, __u32 group)
{
	__u32 at = (line * 0x9e3779b1 ^ group * 0x85ebca6b) >> (32 - TALLY_HASH_BITS);
	struct sf_tally_row *row;

	for (; tally->row_hash[at]; at = (at + 1) & TALLY_MASK) {
		row = &tally->rows[tally->row_hash[at] - 1];
		if (row->line == line && row->group == group)
			return row;
	}
	row = &tally->rows[tally->row_count++];
	tally->row_hash[at] = tally->row_count;
	memset(row, 0, sizeof(*row));
	row->line = line;
	row->group = group;
	return row;
}

static void tally_count(__u32 *counts, const __u64 *bounds, __u64 value)
{
	while (value > *bounds) {
		bounds++;
		counts++;
	}
	++*counts;
}

/* Notes an exchange that has ended. Returns 0 if its counts are not enough, or if there is no room. */
static int tally_note(struct sf_lane *lane, const struct sf_lane_slot *slot)
{
	const struct sf_lane_half *request = &slot->half[0], *response = &slot->half[1];
	const char *end = memchr(request->head, '\r', request->head_len);
	size_t len = end ? end - request->head : 0;
	struct sf_tally *tally = lane->tally;
	struct tally_pending *pending;
	__u64 end_ns;
	int line;

	if (!len || len + 1 + STATUS_BYTES > SF_TALLY_LINE_BYTES || response->head_len <= STATUS_BYTES)
		return 0;
	/* it may be a call of gRPC-Web */
	if (!memcmp(request->head, "POST", 4) && memmem(request->head, request->head_len, "/grpc", 5))
		return 0;
	if (tally->row_count + tally->pending_count >= SF_TALLY_ROWS || tally->pending_count >= SF_LANE_RECORDS)
		return 0;
	line = tally_find_line(tally, request->head, len, response->head);
	if (line < 0)
		return 0;
	end_ns = response->end_ns > request->end_ns ? response->end_ns : request->end_ns;
	pending = &tally->pending[tally->pending_count++];
	pending->slot = slot - lane->slots;
	pending->line = line;
	pending->duration_ns = end_ns - request->start_ns;
	pending->request_bytes = request->body_len;
	pending->response_bytes = response->body_len;
	return 1;
}

/* Takes back the last exchange that was noted. */
static void tally_forget(struct sf_lane *lane)
{
	lane->tally->pending_count--;
}

/* Counts the exchanges of a run, except those of connections that the lane has refused. Returns their number. */
static unsigned int sf_lane_settle(struct sf_lane *lane)
{
	struct sf_tally *tally = lane->tally;
	unsigned int i, count = 0;

	for (i = 0; i < tally->pending_count; i++) {
		const struct tally_pending *pending = &tally->pending[i];
		const struct sf_lane_slot *slot = &lane->slots[pending->slot];
		struct sf_tally_row *row;

		if (slot->is_new)
			continue;
		count++;
		row = tally_row(tally, pending->line, slot->group);
		row->duration_ns += pending->duration_ns;
		row->request_bytes += pending->request_bytes;
		row->response_bytes += pending->response_bytes;
		tally_count(row->durations, tally->durations, pending->duration_ns);
		tally_count(row->requests, tally->sizes, pending->request_bytes);
		tally_count(row->responses, tally->sizes, pending->response_bytes);
	}
	tally->pending_count = 0;
	return count;
}

/* Whether the tables are so full that they must be read before the next run. */
static int sf_lane_tally_is_full(const struct sf_lane *lane)
{
	return lane->tally->row_count + SF_LANE_RECORDS > SF_TALLY_ROWS ||
	       lane->tally->line_count + SF_LANE_RECORDS > SF_TALLY_LINES;
}

static const struct sf_tally_row *sf_lane_rows(const struct sf_lane *lane, unsigned int *count)
{
	*count = lane->tally->row_count;
	return lane->tally->rows;
}

static const char *sf_tally_line(const struct sf_lane *lane, unsigned int line, unsigned int *len)
{
	*len = lane->tally->lines[line].len;
	return lane->tally->lines[line].text;
}

/* Forgets all counts. Call it between runs. */
static void sf_lane_clear_tally(struct sf_lane *lane)
{
	struct sf_tally *tally = lane->tally;

	tally->row_count = 0;
	tally->line_count = 0;
	memset(tally->line_hash, 0, sizeof(tally->line_hash));
	memset(tally->row_hash, 0, sizeof(tally->row_hash));
}

/* SPDX-License-Identifier: BSD-3-Clause */
/* Reads the frames of a connection: see usual.h. Everything is static: the file that cffi generates includes all parts. */
#include <linux/types.h>
#include <stdlib.h>
#include <string.h>

#include "usual_inside.h"

/* RFC 9113, 4.1 */
#define FRAME_HEAD_BYTES 9
#define PRIORITY_BYTES 5
#define SETTING_BYTES 6
#define GOAWAY_BYTES 8
#define STREAM_BITS 0x7fffffff

enum { DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION };
enum { END_STREAM = 1, END_HEADERS = 4, PADDED = 8, HAS_PRIORITY = 0x20 };
/* RFC 9113, 6.5.2 */
enum { HEADER_TABLE_SIZE = 1, MAX_FRAME_SIZE = 5 };

/* bytes as they came */
struct usual_span {
	struct sf_hpack_block *block; /* where header blocks are decoded */
	__u64 time_ns;
	__u32 end;
	__u32 reserved;
};

struct usual_frame {
	const unsigned char *payload;
	__u32 size;
	__u32 kind;
	__u32 flags;
	__u32 stream;
};

static __u32 read_32(const unsigned char *at)
{
	return (__u32)at[0] << 24 | at[1] << 16 | at[2] << 8 | at[3];
}

static void read_frame_head(const unsigned char *at, struct usual_frame *frame)
{
	frame->size = at[0] << 16 | at[1] << 8 | at[2];
	frame->kind = at[3];
	frame->flags = at[4];
	frame->stream = read_32(at + 5) & STREAM_BITS;
}

/* Whether the reader takes a frame with this head; its size is at most SF_USUAL_FRAME_BYTES unless it is DATA. */
static int usual_is_taken(const struct usual_frame *frame)
{
	if (frame->kind == DATA)
		return frame->stream && !(frame->flags & PADDED);
	if (frame->size > SF_USUAL_FRAME_BYTES)
		return 0;
	switch (frame->kind) {
	case HEADERS:
		return frame->stream && frame->flags & END_HEADERS && !(frame->flags & PADDED) &&
		       (!(frame->flags & HAS_PRIORITY) || frame->size >= PRIORITY_BYTES);
	case PRIORITY:
		return frame->stream && frame->size == 5;
	case RST_STREAM:
		return frame->stream && frame->size == 4;
	case SETTINGS:
		return !frame->stream && !(frame->size % SETTING_BYTES);
	case PING:
		return !frame->stream && frame->size == 8;
	case GOAWAY:
		return !frame->stream;
	case WINDOW_UPDATE:
		return frame->size == 4;
	default:
		return frame->kind > CONTINUATION;
	}
}

/* Ends an exchange if both halves have ended. */
static int usual_complete(struct sf_usual *usual, struct sf_usual_stream *stream)
{
	if (!stream->half[0].has_ended || !stream->half[1].has_ended)
		return SF_USUAL_DONE;
	usual_unlink(usual, stream);
	if (!usual_line(usual, stream))
		return SF_USUAL_EXCHANGE;
	usual_release(usual);
	return SF_USUAL_DONE;
}

/* Begins a half with the block that was decoded last. Returns 0 if there is no memory. */
static int usual_begin(struct sf_usual *usual, const struct usual_span *span, const struct usual_head *head,
		       struct sf_usual_half *half, int is_last)
{
	const struct sf_usual_end *end = &usual->end[span->end];

	if (!usual_keep_fields(usual->form, half))
		return 0;
	half->start_ns = end->start_ns;
	half->end_ns = span->time_ns;
	half->seq = end->seq;
	half->ack = end->ack;
	half->has_begun = 1;
	half->has_ended = is_last;
	half->is_coded = head->is_coded;
	half->status = head->status;
	return 1;
}

/* Takes the block that was decoded last, if it is usual on its stream. Returns 0 if it is not. */
static struct sf_usual_stream *usual_take_head(struct sf_usual *usual, const struct usual_span *span,
					       const struct usual_frame *frame, const struct usual_head *head,
					       struct sf_usual_stream *stream)
{
	int is_last = frame->flags & END_STREAM, is_client = span->end == usual->client_end;

	if (!head->is_usual || is_client != (int)head->is_request)
		return NULL;
	if (!is_client) {
		if (!stream || stream->half[1].has_begun || !usual_begin(usual, span, head, &stream->half[1], is_last))
			return NULL;
		return stream;
	}
	if (stream || !(frame->stream & 1) || frame->stream <= usual->last_stream)
		return NULL;
	stream = usual_open_stream(usual, frame->stream);
	if (!stream)
		return NULL;
	if (!usual_begin(usual, span, head, &stream->half[0], is_last)) {
		usual_unlink(usual, stream);
		usual_release(usual);
		return NULL;
	}
	stream->conn_seq = ++usual->conn_seq;
	usual->last_stream = frame->stream;
	return stream;
}

static int usual_headers(struct sf_usual *usual, const struct usual_span *span, const struct usual_frame *frame)
{
	struct sf_usual_stream *stream = usual_find(usual, frame->stream), *taken;
	__u32 skipped = frame->flags & HAS_PRIORITY ? PRIORITY_BYTES : 0;
	struct sf_usual_end *end = &usual->end[span->end];
	struct usual_head head;
	unsigned int count;

	usual->form->counts.blocks++;
	count = sf_hpack_decode(end->hpack, (const char *)frame->payload + skipped, frame->size - skipped, span->block);
	usual_take_block(usual, end, span->block, count, &head);
	taken = usual_take_head(usual, span, frame, &head, stream);
	if (taken)
		return usual_complete(usual, taken);
	/* the caller must not find other streams open that began before this one */
	usual->gives = stream || frame->stream > usual->last_stream;
	if (frame->stream > usual->last_stream)
		usual->last_stream = frame->stream;
	usual->stream = frame->stream;
	usual->is_last = frame->flags & END_STREAM;
	usual->start_ns = end->start_ns;
	usual->seq = end->seq;
	usual->ack = end->ack;
	return SF_USUAL_HEAD;
}

static int usual_reset(struct sf_usual *usual, const struct usual_frame *frame)
{
	usual->gives = usual_find(usual, frame->stream) != NULL;
	if (frame->stream > usual->last_stream)
		usual->last_stream = frame->stream;
	usual->stream = frame->stream;
	usual->value = read_32(frame->payload);
	return SF_USUAL_RESET;
}

/* The settings of an end bound what the other end sends; the last of several counts (RFC 9113, 6.5.3). */
static int usual_settings(struct sf_usual *usual, const struct usual_span *span, const struct usual_frame *frame)
{
	struct sf_usual_end *other = &usual->end[!span->end];
	__u32 at, value, table = 0, size = 0;
	int has_table = 0;

	for (at = 0; at < frame->size; at += SETTING_BYTES) {
		value = read_32(frame->payload + at + 2);
		switch (frame->payload[at] << 8 | frame->payload[at + 1]) {
		case HEADER_TABLE_SIZE:
			has_table = 1;
			table = value;
			break;
		case MAX_FRAME_SIZE:
			size = value;
			break;
		}
	}
	if (has_table)
		sf_hpack_allow(other->hpack, table);
	if (size >= SF_USUAL_FRAME_BYTES && size < 1 << 24)
		other->frame_bytes_max = size;
	return SF_USUAL_DONE;
}

static int usual_goaway(struct sf_usual *usual, const struct usual_frame *frame)
{
	if (frame->size < GOAWAY_BYTES)
		return SF_USUAL_DONE;
	usual->gives = 1;
	usual->value = read_32(frame->payload) & STREAM_BITS;
	return SF_USUAL_GOAWAY;
}

/* Takes a whole frame other than DATA. */
static int usual_take_frame(struct sf_usual *usual, const struct usual_span *span, const struct usual_frame *frame)
{
	usual->form->counts.frames[frame->kind < SF_USUAL_KINDS ? frame->kind : SF_USUAL_KINDS - 1]++;
	switch (frame->kind) {
	case HEADERS:
		return usual_headers(usual, span, frame);
	case RST_STREAM:
		return usual_reset(usual, frame);
	case SETTINGS:
		return usual_settings(usual, span, frame);
	case GOAWAY:
		return usual_goaway(usual, frame);
	default:
		return SF_USUAL_DONE;
	}
}

/*
 * Keeps content, if it is wanted. Returns 0 if the body is long: then Python has it,
 * which asks the source to leave the rest out. And if there is no memory.
 */
static int usual_keep(const struct sf_usual *usual, struct sf_usual_half *half, const char *data, size_t size)
{
	if (!usual->form->body_limit)
		return half->wire_len + size <= SF_USUAL_BULK_BYTES;
	if (half->wire_len + size > SF_USUAL_BODY_BYTES ||
	    !usual_grow(&half->body, &half->body_room, half->wire_len + size))
		return 0;
	memcpy(half->body + half->wire_len, data, size);
	return 1;
}

/* Takes content of a DATA frame, perhaps none. is_over: the frame ends here. */
static int usual_content_of(struct sf_usual *usual, const struct usual_span *span, const char *data, size_t size,
			    int is_over)
{
	const struct sf_usual_end *end = &usual->end[span->end];
	struct sf_usual_stream *stream = usual_find(usual, end->data_stream);
	int is_last = is_over && end->data_ends;
	struct sf_usual_half *half = stream ? &stream->half[span->end != usual->client_end] : NULL;

	if (!size && !is_last)
		return SF_USUAL_DONE;
	if (!half || !half->has_begun || half->has_ended || !usual_keep(usual, half, data, size)) {
		usual->gives = stream != NULL;
		usual->stream = end->data_stream;
		usual->is_last = is_last;
		return SF_USUAL_DATA;
	}
	half->has_data |= size > 0;
	half->wire_len += size;
	half->end_ns = span->time_ns;
	if (!is_last)
		return SF_USUAL_DONE;
	half->has_ended = 1;
	return usual_complete(usual, stream);
}

/* Begins a DATA frame. */
static int usual_begin_data(struct sf_usual *usual, const struct usual_span *span, const struct usual_frame *frame)
{
	struct sf_usual_end *end = &usual->end[span->end];

	usual->form->counts.frames[DATA]++;
	end->data_stream = frame->stream;
	end->data_ends = frame->flags & END_STREAM;
	end->content_left = frame->size;
	return frame->size ? SF_USUAL_DONE : usual_content_of(usual, span, NULL, 0, 1);
}

/* Collects bytes of a frame, up to need. Returns 0 if more are needed, or -1 if there is no memory. */
static int usual_collect(struct sf_usual_end *end, const char *data, size_t size, __u32 need, __u32 *at)
{
	size_t more = size - *at < need - end->part_len ? size - *at : need - end->part_len;

	if (!end->part) {
		end->part = malloc(FRAME_HEAD_BYTES + SF_USUAL_FRAME_BYTES);
		if (!end->part)
			return -1;
	}
	memcpy(end->part + end->part_len, data + *at, more);
	end->part_len += more;
	*at += more;
	return end->part_len == need;
}

/* Reads a frame that lies in several spans, or one that is not whole yet. Returns an event, or -1 if it needs more. */
static int usual_read_part(struct sf_usual *usual, const struct usual_span *span, const char *data, size_t size,
			   __u32 *at)
{
	struct sf_usual_end *end = &usual->end[span->end];
	struct usual_frame frame;
	int is_whole;

	if (end->part_len < FRAME_HEAD_BYTES) {
		is_whole = usual_collect(end, data, size, FRAME_HEAD_BYTES, at);
		if (is_whole <= 0)
			return is_whole ? SF_USUAL_LEAVES : -1;
	}
	read_frame_head((const unsigned char *)end->part, &frame);
	if (!usual_is_taken(&frame))
		return SF_USUAL_LEAVES;
	if (frame.kind == DATA) {
		end->part_len = 0;
		return usual_begin_data(usual, span, &frame);
	}
	if (usual_collect(end, data, size, FRAME_HEAD_BYTES + frame.size, at) <= 0)
		return -1;
	frame.payload = (const unsigned char *)end->part + FRAME_HEAD_BYTES;
	end->part_len = 0;
	return usual_take_frame(usual, span, &frame);
}

/* Reads a frame that begins at at. Returns as usual_read_part(). */
static int usual_read_frame(struct sf_usual *usual, const struct usual_span *span, const char *data, size_t size,
			    __u32 *at)
{
	struct usual_frame frame;

	if (size - *at < FRAME_HEAD_BYTES)
		return usual_read_part(usual, span, data, size, at);
	read_frame_head((const unsigned char *)data + *at, &frame);
	if (!usual_is_taken(&frame))
		return SF_USUAL_LEAVES;
	if (frame.kind == DATA) {
		*at += FRAME_HEAD_BYTES;
		return usual_begin_data(usual, span, &frame);
	}
	if (size - *at - FRAME_HEAD_BYTES < frame.size)
		return usual_read_part(usual, span, data, size, at);
	frame.payload = (const unsigned char *)data + *at + FRAME_HEAD_BYTES;
	*at += FRAME_HEAD_BYTES + frame.size;
	return usual_take_frame(usual, span, &frame);
}

/* Reads the content of a DATA frame at at. */
static int usual_read_content(struct sf_usual *usual, const struct usual_span *span, const char *data, size_t size,
			      __u32 *at)
{
	struct sf_usual_end *end = &usual->end[span->end];
	__u32 from = *at, taken = size - from < end->content_left ? size - from : end->content_left;

	end->content_left -= taken;
	*at += taken;
	usual->data_from = from;
	usual->data_to = *at;
	return usual_content_of(usual, span, data + from, taken, !end->content_left);
}

/*
 * Takes bytes of an end, from the offset at on, up to the next event. block:
 * memory for a header block. seq, ack: of the first of all bytes. Returns enum
 * sf_usual_kind. If it is an event, the caller handles it, and calls again with
 * sf_usual.at.
 */
static int sf_usual_take(struct sf_usual *usual, struct sf_hpack_block *block, __u32 number, const char *data,
			 size_t size, __u32 at, __u64 time_ns, __u32 seq, __u32 ack)
{
	struct usual_span span = {.block = block, .time_ns = time_ns, .end = number};
	struct sf_usual_end *end = &usual->end[number];
	int kind = SF_USUAL_DONE;

	usual_release(usual);
	usual->disorders += time_ns < usual->last_ns;
	usual->last_ns = time_ns;
	end->now_ns = time_ns;
	while (at < size && kind == SF_USUAL_DONE) {
		usual->data_from = usual->data_to = 0;
		usual->gives = 0;
		if (end->content_left) {
			kind = usual_read_content(usual, &span, data, size, &at);
			continue;
		}
		if (!end->part_len) {
			end->start_ns = time_ns;
			end->seq = seq + at;
			end->ack = ack;
			kind = usual_read_frame(usual, &span, data, size, &at);
		} else {
			kind = usual_read_part(usual, &span, data, size, &at);
		}
		if (kind < 0)
			kind = SF_USUAL_DONE;
		if (kind == SF_USUAL_DONE && usual->form->text_len > SF_USUAL_LINES_BYTES)
			kind = SF_USUAL_LINES;
	}
	usual->at = at;
	if (kind == SF_USUAL_DONE && usual->form->lines && !usual->form->holds)
		return SF_USUAL_LINES;
	return kind;
}

/* SPDX-License-Identifier: BSD-3-Clause */
/* The declarations that the C files of the reader share; those of hpack.c and of the lane (road/express) at the end. */
#ifndef SOCKFILTER_USUAL_INSIDE_H
#define SOCKFILTER_USUAL_INSIDE_H

#include <stddef.h>

#include "usual.h"

/* a text within another */
struct usual_value {
	const char *at;
	size_t len;
};

/* the properties of a header block that the reader needs */
struct usual_head {
	__u32 is_usual; /* a request or a final response, of which all fields are known */
	__u32 is_request;
	__u32 status;
	__u32 is_coded;
};

static void usual_take_block(struct sf_usual *usual, struct sf_usual_end *end, const struct sf_hpack_block *block,
			     unsigned int count, struct usual_head *head);
static void usual_drop_texts(struct sf_usual_end *end);
static struct sf_usual_stream *usual_find(const struct sf_usual *usual, __u32 stream);
static struct sf_usual_stream *usual_open_stream(struct sf_usual *usual, __u32 stream);
static void usual_unlink(struct sf_usual *usual, struct sf_usual_stream *stream);
static void usual_release(struct sf_usual *usual);
static int usual_keep_fields(const struct sf_usual_form *form, struct sf_usual_half *half);
static int usual_grow(char **text, __u32 *room, size_t size);
static int usual_line(struct sf_usual *usual, const struct sf_usual_stream *stream);
static size_t usual_json(struct sf_usual *usual, const struct sf_usual_stream *stream);
static int usual_is_open(const struct sf_usual_form *form, const struct usual_value *target);

/* hpack.c */
static void sf_hpack_allow(struct sf_hpack *hpack, __u32 size);
static unsigned int sf_hpack_decode(struct sf_hpack *hpack, const char *block, size_t len, struct sf_hpack_block *out);

/* heads.c, secret.c and lines.c of the lane */
static int is_read_media(const char *at, const char *end);
static int may_hold_secret(const char *at, size_t len);
static char *put_padded(char *to, const char *text, size_t len, size_t width);
static char *put_right(char *to, const char *text, size_t len, size_t width);
static char *put_size(char *to, __u64 size);
static char *put_duration(char *to, __u64 ns);
static char *put_time(char *clock, __u64 *second, char *to, __u64 wall_ns);
static char *digits(char *end, __u64 number);

#endif

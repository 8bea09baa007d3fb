/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Reads what the lane needs of a head. It is stricter than the long road: a
 * head that it accepts must mean the same on the long road. A test compares
 * the two on the same packets.
 */
#include <linux/types.h>
#include <string.h>
#include <strings.h>

#include "inside.h"

/* digits of a Content-Length; a longer number takes the long road */
#define LENGTH_DIGITS 15

/* Returns the value of Content-Length, or a negative number if it is not plain digits. */
static long long read_length(const char *at, const char *end)
{
	long long value = 0;
	const char *first;

	while (at < end && (*at == ' ' || *at == '\t'))
		at++;
	for (first = at; at < end && *at >= '0' && *at <= '9'; at++) {
		if (at - first >= LENGTH_DIGITS)
			return -1;
		value = value * 10 + (*at - '0');
	}
	if (at == first)
		return -1;
	while (at < end && (*at == ' ' || *at == '\t'))
		at++;
	return at == end ? value : -1;
}

/* Returns 1 if the field at at has the name, 0 if not, and -1 if it may have it in an unusual notation. */
static int is_field(const char *at, const char *end, const char *name, size_t len)
{
	if ((size_t)(end - at) <= len || strncasecmp(at, name, len))
		return 0;
	if (at[len] == ' ' || at[len] == '\t')
		return -1;
	return at[len] == ':';
}

/* The media types of protocols inside bodies (protocols/contents.py), without the case of letters. */
static const char *const read_media[] = {"text/event-stream", "application/grpc"};

/* Whether the value of Content-Type begins with the media type of a protocol that is read inside bodies. */
static int is_read_media(const char *at, const char *end)
{
	size_t i;

	while (at < end && (*at == ' ' || *at == '\t'))
		at++;
	for (i = 0; i < sizeof(read_media) / sizeof(read_media[0]); i++) {
		size_t len = strlen(read_media[i]);

		if ((size_t)(end - at) >= len && !strncasecmp(at, read_media[i], len))
			return 1;
	}
	return 0;
}

#define IS_FIELD(name) is_field(at, end, name, sizeof(name) - 1)

/* Reads a field that affects the body. Returns 0 if the long road must read the head. */
static int read_field(const char *at, const char *end, struct head *head)
{
	long long length;
	int is;

	if ((*at | 0x20) == 't')
		return !IS_FIELD("transfer-encoding");
	is = IS_FIELD("content-encoding");
	if (is) {
		head->is_coded = 1;
		return is > 0;
	}
	is = IS_FIELD("content-length");
	if (!is) {
		is = IS_FIELD("content-type");
		return !is || (is > 0 && !is_read_media(at + sizeof("content-type:") - 1, end));
	}
	if (is < 0 || head->has_length)
		return 0;
	length = read_length(at + sizeof("content-length:") - 1, end);
	if (length < 0)
		return 0;
	head->has_length = 1;
	head->body_len = length;
	return 1;
}

/* Accepts METHOD SP target SP HTTP/1.x, but not HEAD and CONNECT, whose responses have other rules. */
static int read_request_line(const char *at, const char *end)
{
	const char *first = at;

	while (at < end && ((*at >= 'A' && *at <= 'Z') || *at == '-'))
		at++;
	if (at - first < 3 || at - first > 17 || at == end || *at != ' ')
		return 0;
	if (!memcmp(first, "HEAD ", 5) || !memcmp(first, "PRI ", 4) ||
	    (at - first == 7 && !memcmp(first, "CONNECT", 7)))
		return 0;
	for (first = ++at; at < end && (unsigned char)*at > ' ' && *at != 0x7f; at++)
		;
	return at > first && end - at == 9 && !memcmp(at, " HTTP/1.", 8) && (at[8] == '1' || at[8] == '0');
}

/* Accepts HTTP/1.x SP status, with or without a reason phrase, if the response is final. */
static int read_status_line(const char *at, const char *end, struct head *head)
{
	if (end - at < 12 || memcmp(at, "HTTP/1.", 7) || (at[7] != '1' && at[7] != '0') || at[8] != ' ')
		return 0;
	if (at[9] < '2' || at[9] > '9' || at[10] < '0' || at[10] > '9' || at[11] < '0' || at[11] > '9')
		return 0;
	if (end - at > 12 && (at[12] != ' ' || memchr(at, '\r', end - at) || memchr(at, 0, end - at)))
		return 0;
	head->status = (at[9] - '0') * 100 + (at[10] - '0') * 10 + at[11] - '0';
	return 1;
}

/* Whether a line has a name directly followed by a colon, and contains neither a carriage return nor a NUL. */
static int is_plain_field(const char *at, const char *end)
{
	const char *colon = memchr(at, ':', end - at);

	return colon && colon > at && colon[-1] != ' ' && colon[-1] != '\t' && !memchr(at, '\r', end - at) &&
	       !memchr(at, 0, end - at);
}

/* Returns 0 if the head is incomplete, or if the long road must read it. */
static int read_head(const char *at, size_t len, int is_request, struct head *head)
{
	const char *first = at, *end, *all = at + len;

	for (;;) {
		end = memchr(at, '\n', all - at);
		if (!end || end == at || end[-1] != '\r')
			return 0;
		if (end == at + 1)
			break;
		if (at == first) {
			if (!(is_request ? read_request_line(at, end - 1) : read_status_line(at, end - 1, head)))
				return 0;
		} else if (*at == ' ' || *at == '\t' || !is_plain_field(at, end - 1)) {
			return 0;
		} else if (((*at | 0x20) == 'c' || (*at | 0x20) == 't') && !read_field(at, end - 1, head)) {
			return 0;
		}
		at = end + 1;
	}
	head->len = end + 1 - first;
	if (at == first || head->len > SF_LANE_HEAD_BYTES)
		return 0;
	if (is_request)
		return 1;
	if (head->status == 204 || head->status == 304)
		head->body_len = 0;
	else if (!head->has_length)
		return 0;
	return 1;
}

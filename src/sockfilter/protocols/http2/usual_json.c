/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Writes the line of an exchange on a stream exactly as outputs/jsonl.py does;
 * a test compares the two. Leaves to it all lines with a field that may contain
 * a secret, and all text that is not printable ASCII.
 */
#include <linux/types.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "usual_inside.h"

#define SECOND_NS 1000000000ULL
/* bytes of a line beside the texts of the connection and of both heads: names of members, numbers, times */
#define JSON_BYTES 1024
/* Python writes shorter durations with an exponent, and has no more exact digits than those of longer ones */
#define FIXED_NS 100000
#define DURATION_NS 1000000000000000ULL

/* what a line says of a head beside its fields */
struct usual_start {
	struct usual_value method;
	struct usual_value path;
	struct usual_value scheme;
	struct usual_value authority;
};

static char *put(char *to, const char *text, size_t len)
{
	memcpy(to, text, len);
	return to + len;
}

#define PUT(to, text) put(to, text, sizeof(text) - 1)

static char *put_number(char *to, __u64 number)
{
	char text[24], *end = text + sizeof(text), *at = digits(end, number);

	return put(to, at, end - at);
}

/* Writes a text in quotes. Returns NULL if it is not printable ASCII. */
static char *put_quoted(char *to, const char *at, size_t len)
{
	const char *end = at + len;

	*to++ = '"';
	for (; at < end; at++) {
		if ((unsigned char)*at < ' ' || (unsigned char)*at >= 0x7f)
			return NULL;
		if (*at == '"' || *at == '\\')
			*to++ = '\\';
		*to++ = *at;
	}
	*to++ = '"';
	return to;
}

/* Writes nanoseconds as seconds, in the shortest form that gives the same number, as repr() of Python. */
static char *put_seconds(char *to, __u64 ns)
{
	char text[24], *end = text + sizeof(text), *at = digits(end, ns);
	int len = end - at;

	if (!ns)
		return PUT(to, "0.0");
	while (end > at + 1 && end[-1] == '0')
		end--;
	if (ns < FIXED_NS) {
		*to++ = *at++;
		if (at < end) {
			*to++ = '.';
			to = put(to, at, end - at);
		}
		to = PUT(to, "e-0");
		return put_number(to, 10 - len);
	}
	to = put_number(to, ns / SECOND_NS);
	*to++ = '.';
	if (!(ns % SECOND_NS)) {
		*to++ = '0';
		return to;
	}
	for (; len < 9; len++)
		*to++ = '0';
	at = len > 9 ? text + sizeof(text) - 9 : at;
	return put(to, at, end - at);
}

/* Writes a time of RFC 3339 in quotes. Returns NULL if the time cannot be converted. */
static char *put_moment(struct sf_usual_form *form, char *to, __u64 wall_ns)
{
	__u64 second = wall_ns / SECOND_NS, rest = wall_ns % SECOND_NS;
	time_t now = second;
	struct tm parts;
	int i;

	if (second != form->second || !form->clock[0]) {
		if (!gmtime_r(&now, &parts) || parts.tm_year < 0 || parts.tm_year > 9999 - 1900 ||
		    !strftime(form->clock, sizeof(form->clock), "\"%Y-%m-%dT%H:%M:%S.", &parts))
			return NULL;
		form->second = second;
	}
	to = put(to, form->clock, strlen(form->clock));
	for (i = 8; i >= 0; i--, rest /= 10)
		to[i] = '0' + rest % 10;
	return PUT(to + 9, "Z\"");
}

/* Whether a name is valid (RFC 9110, 5.6.2) and no name of a secret. */
static int is_open_name(const struct sf_usual_form *form, const char *at, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++) {
		char c = at[i] | 0x20;

		if (!((c >= 'a' && c <= 'z') || (at[i] >= '0' && at[i] <= '9') ||
		      (at[i] && strchr("_!#$%&'*+.^`|~-", at[i]))))
			return 0;
	}
	return len && (form->show_secrets ||
		       (!may_hold_secret(at, len) && !(len == 12 && !strncasecmp(at, "grpc-message", len))));
}

/* Whether masking/fields.py may find a secret in the value of a field whose name is open. */
static int has_sign(const char *at, size_t len)
{
	const char *end = at + len;

	for (; at < end; at++) {
		if (*at == '?' || *at == '@' || *at == '{')
			return 1;
		if (end - at >= 3 && (!memcmp(at, "://", 3) || !memcmp(at, "eyJ", 3)))
			return 1;
	}
	return 0;
}

static void note_pseudo(struct usual_start *start, const char *name, size_t len, const struct usual_value *value)
{
	if (len == 7 && !memcmp(name, ":method", len))
		start->method = *value;
	else if (len == 5 && !memcmp(name, ":path", len))
		start->path = *value;
	else if (len == 7 && !memcmp(name, ":scheme", len))
		start->scheme = *value;
	else if (len == 10 && !memcmp(name, ":authority", len))
		start->authority = *value;
}

/* Reads the pseudo-fields, which come first. Returns where the other fields begin. */
static const char *read_start(const struct sf_usual_half *half, struct usual_start *start)
{
	const char *at = half->fields, *end = at + half->fields_len;
	struct sf_usual_field field;
	struct usual_value value;

	while (at < end) {
		memcpy(&field, at, sizeof(field));
		if (!field.name_len || at[sizeof(field)] != ':')
			break;
		at += sizeof(field);
		value.at = at + field.name_len;
		value.len = field.value_len;
		note_pseudo(start, at, field.name_len, &value);
		at += field.name_len + field.value_len;
	}
	return at;
}

/* Writes the fields from at on. Returns NULL if the caller must write them. */
static char *put_fields(const struct sf_usual_form *form, char *to, const struct sf_usual_half *half, const char *at)
{
	const char *end = half->fields + half->fields_len, *first = at;
	struct sf_usual_field field;

	to = PUT(to, ",\"headers\":[");
	while (at < end) {
		memcpy(&field, at, sizeof(field));
		to = put(to, ",[", at > first ? 2 : 0);
		if (at == first)
			*to++ = '[';
		at += sizeof(field);
		if (!is_open_name(form, at, field.name_len) ||
		    (!form->show_secrets && has_sign(at + field.name_len, field.value_len)))
			return NULL;
		to = put_quoted(to, at, field.name_len);
		if (!to)
			return NULL;
		*to++ = ',';
		to = put_quoted(to, at + field.name_len, field.value_len);
		if (!to)
			return NULL;
		*to++ = ']';
		at += field.name_len + field.value_len;
	}
	return PUT(to, "]");
}

static char *put_body(char *to, const struct sf_usual_half *half)
{
	to = PUT(to, ",\"body\":{\"wire_len\":");
	to = put_number(to, half->wire_len);
	if (!half->is_coded || !half->has_data) {
		to = PUT(to, ",\"len\":");
		to = put_number(to, half->wire_len);
	}
	return PUT(to, "}}");
}

static char *put_request(const struct sf_usual_form *form, char *to, const struct sf_usual_half *half)
{
	struct usual_start start = {};
	const char *fields = read_start(half, &start);

	if (!start.authority.len || !start.scheme.len || !usual_is_open(form, &start.path))
		return NULL;
	to = put_quoted(PUT(to, "{\"method\":"), start.method.at, start.method.len);
	if (to)
		to = put_quoted(PUT(to, ",\"target\":"), start.path.at, start.path.len);
	if (to)
		to = put_quoted(PUT(to, ",\"authority\":"), start.authority.at, start.authority.len);
	if (to)
		to = put_quoted(PUT(to, ",\"scheme\":"), start.scheme.at, start.scheme.len);
	if (to)
		to = put_fields(form, PUT(to, ",\"version\":\"2\""), half, fields);
	return to ? put_body(to, half) : NULL;
}

static char *put_response(const struct sf_usual_form *form, char *to, const struct sf_usual_half *half)
{
	struct usual_start start = {};
	const char *fields = read_start(half, &start);

	to = put_number(PUT(to, "{\"status\":"), half->status);
	to = put_fields(form, PUT(to, ",\"reason\":\"\",\"version\":\"2\""), half, fields);
	return to ? put_body(to, half) : NULL;
}

static char *put_timing(char *to, const struct sf_usual_half *request, const struct sf_usual_half *response)
{
	to = put_seconds(PUT(to, ",\"informational\":[],\"timing\":{\"send\":"), request->end_ns - request->start_ns);
	to = put_seconds(PUT(to, ",\"wait\":"), response->start_ns - request->end_ns);
	to = put_seconds(PUT(to, ",\"receive\":"), response->end_ns - response->start_ns);
	return put_seconds(PUT(to, ",\"total\":"), response->end_ns - request->start_ns);
}

/* Writes a line of JSON behind the others. Returns its bytes, or 0 if outputs/jsonl.py must write it. */
static size_t usual_json(struct sf_usual *usual, const struct sf_usual_stream *stream)
{
	const struct sf_usual_half *request = &stream->half[0], *response = &stream->half[1];
	struct sf_usual_form *form = usual->form;
	size_t fields = request->fields_len + response->fields_len;
	char *first, *at;

	/* the first exchange of a connection says how long it took to connect */
	if (!usual->before_len || stream->conn_seq == 1 || request->end_ns > response->start_ns ||
	    response->end_ns - request->start_ns >= DURATION_NS)
		return 0;
	/* a field is longer in memory than the characters around it in a line */
	if (!usual_grow(&form->text, &form->text_room,
			form->text_len + JSON_BYTES + usual->before_len + usual->behind_len + 2 * fields))
		return 0;
	first = form->text + form->text_len;
	at = put_number(PUT(first, "{\"kind\":\"exchange\",\"id\":"), form->next_id);
	at = put_moment(form, PUT(at, ",\"time\":"), request->start_ns + form->clock_offset_ns);
	if (!at)
		return 0;
	*at++ = ',';
	at = put(at, usual->around, usual->before_len);
	at = put_number(at, stream->conn_seq);
	at = put_number(PUT(at, ",\"stream\":"), stream->stream);
	at = put(at, usual->around + usual->before_len, usual->behind_len);
	at = put_request(form, PUT(at, "\"request\":"), request);
	if (at)
		at = put_response(form, PUT(at, ",\"response\":"), response);
	if (!at)
		return 0;
	at = put_timing(at, request, response);
	return PUT(at, "},\"complete\":true,\"problems\":[]}\n") - first;
}

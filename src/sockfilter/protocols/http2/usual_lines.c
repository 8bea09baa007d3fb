/* SPDX-License-Identifier: BSD-3-Clause */
/* Writes the line of an exchange on a stream exactly as forms/line.py does, by the rules of the lane (lines.c). */
#include <linux/types.h>
#include <string.h>

#include "usual_inside.h"

/* bytes of a line beside the method, the target and the route: numbers, spaces and the stream */
#define LINE_BYTES 128

/* Finds the values of two pseudo-fields of a request. */
static void usual_asked(const struct sf_usual_half *request, struct usual_value *method, struct usual_value *path)
{
	const char *at = request->fields, *end = at + request->fields_len;
	struct sf_usual_field field;

	while (at < end && !(method->at && path->at)) {
		memcpy(&field, at, sizeof(field));
		at += sizeof(field);
		if (field.name_len == 7 && !memcmp(at, ":method", 7)) {
			method->at = at + 7;
			method->len = field.value_len;
		} else if (field.name_len == 5 && !memcmp(at, ":path", 5)) {
			path->at = at + 5;
			path->len = field.value_len;
		}
		at += field.name_len + field.value_len;
	}
}

/* Whether a text can be in a line as it is: forms/line.py escapes other characters. */
static int usual_is_plain(const struct usual_value *value)
{
	size_t i;

	for (i = 0; i < value->len; i++) {
		unsigned char c = value->at[i];

		if (c <= ' ' || c >= 0x7f || c == '\\')
			return 0;
	}
	return value->len > 0;
}

/* Whether a target may be shown without masking. An @ may end a password in a target without a scheme. */
static int usual_is_open(const struct sf_usual_form *form, const struct usual_value *target)
{
	if (form->show_secrets)
		return 1;
	return !may_hold_secret(target->at, target->len) &&
	       (*target->at == '/' || !memchr(target->at, '@', target->len));
}

/* Writes two spaces, "[h2:" and the number of the stream, and the line ending. */
static char *usual_put_stream(char *to, __u32 stream)
{
	char text[16], *end = text + sizeof(text), *at = digits(end, stream);

	memcpy(to, "  [h2:", 6);
	to += 6;
	memcpy(to, at, end - at);
	to += end - at;
	*to++ = ']';
	*to++ = '\n';
	return to;
}

/* Whether the times of an exchange are of one clock and in order. */
static int usual_is_in_order(const struct sf_usual *usual, const struct sf_usual_stream *stream)
{
	const struct sf_usual_half *request = &stream->half[0], *response = &stream->half[1];

	return stream->disorders == usual->disorders && request->start_ns <= request->end_ns &&
	       request->start_ns <= response->start_ns && response->start_ns <= response->end_ns;
}

/* Writes a line of text. Returns its bytes, or 0 if forms/line.py must write it. */
static size_t usual_text_line(struct sf_usual *usual, const struct sf_usual_stream *stream)
{
	const struct sf_usual_half *request = &stream->half[0], *response = &stream->half[1];
	struct usual_value method = {}, target = {};
	struct sf_usual_form *form = usual->form;
	char *at, *first, status[3];
	size_t asked;
	__u64 end_ns;

	usual_asked(request, &method, &target);
	if (!usual->route_len || !usual_is_plain(&method) || !usual_is_plain(&target) || !usual_is_open(form, &target))
		return 0;
	asked = method.len + 1 + target.len;
	if ((asked > form->request_width && form->request_width < form->request_width_max) ||
	    (usual->route_len > form->route_width && form->route_width < form->route_width_max))
		return 0;
	if (!usual_grow(&form->text, &form->text_room,
			form->text_len + LINE_BYTES + asked + form->request_width + usual->route_len +
				form->route_width))
		return 0;
	first = form->text + form->text_len;
	at = put_time(form->clock, &form->second, first, request->start_ns + form->clock_offset_ns);
	if (!at)
		return 0;
	at = put_right(at, usual->route, 0, 0);
	at = put_padded(at, usual->route, usual->route_len, form->route_width);
	at = put_right(at, method.at, 0, 0);
	memcpy(at, method.at, method.len);
	at[method.len] = ' ';
	at = put_padded(at + method.len + 1, target.at, target.len,
			form->request_width > method.len + 1 ? form->request_width - method.len - 1 : 0);
	digits(status + sizeof(status), response->status);
	at = put_right(at, status, sizeof(status), 3);
	at = put_size(at, response->wire_len);
	end_ns = response->end_ns > request->end_ns ? response->end_ns : request->end_ns;
	at = put_duration(at, end_ns - request->start_ns);
	return usual_put_stream(at, stream->stream) - first;
}

/* Appends the line of an exchange that has ended. Returns 0 if the caller must write it. */
static int usual_line(struct sf_usual *usual, const struct sf_usual_stream *stream)
{
	const struct sf_usual_half *response = &stream->half[1];
	struct sf_usual_form *form = usual->form;
	size_t len;

	if (form->kind == SF_USUAL_NO_LINES || !usual_is_in_order(usual, stream))
		return 0;
	len = form->kind == SF_USUAL_TEXT ? usual_text_line(usual, stream) : usual_json(usual, stream);
	if (!len)
		return 0;
	form->text_len += len;
	form->lines++;
	form->next_id++;
	usual->answered_ns = response->start_ns;
	usual->answered_seq = response->seq;
	usual->has_answered = 1;
	return 1;
}

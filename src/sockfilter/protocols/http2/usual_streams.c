/* SPDX-License-Identifier: BSD-3-Clause */
/* The reader of a connection, and its open streams: see usual.h. */
#include <linux/types.h>
#include <stdlib.h>
#include <string.h>

#include "usual_inside.h"

#define FIRST_ROOM 16

static struct sf_usual_form *sf_usual_form_open(__u64 body_limit, int decodes)
{
	struct sf_usual_form *form = calloc(1, sizeof(*form));

	if (!form)
		return NULL;
	form->body_limit = body_limit;
	form->decodes = decodes;
	return form;
}

static void sf_usual_form_close(struct sf_usual_form *form)
{
	if (!form)
		return;
	free(form->fields);
	free(form->text);
	free(form);
}

/* first, second: what decodes the header blocks of each end. Returns NULL if there is no memory. */
static struct sf_usual *sf_usual_open(struct sf_usual_form *form, struct sf_hpack *first, struct sf_hpack *second)
{
	struct sf_usual *usual = calloc(1, sizeof(*usual));
	int i;

	if (!usual)
		return NULL;
	usual->form = form;
	usual->end[0].hpack = first;
	usual->end[1].hpack = second;
	for (i = 0; i < 2; i++) {
		struct sf_usual_end *end = &usual->end[i];

		end->oldest = end->hpack->next - end->hpack->count;
		end->texts_first = end->texts_next = end->oldest;
		end->frame_bytes_max = SF_USUAL_FRAME_BYTES;
	}
	return usual;
}

/* Sets the texts of a connection in a line of JSON, one after the other. */
static void sf_usual_set_around(struct sf_usual *usual, const char *text, __u32 before_len, __u32 behind_len)
{
	free(usual->around);
	usual->around = malloc(before_len + behind_len + 1);
	usual->before_len = usual->around ? before_len : 0;
	usual->behind_len = usual->around ? behind_len : 0;
	if (usual->around)
		memcpy(usual->around, text, before_len + behind_len);
}

static void usual_drop_half(struct sf_usual_half *half)
{
	free(half->fields);
	free(half->body);
	memset(half, 0, sizeof(*half));
}

static void sf_usual_close(struct sf_usual *usual)
{
	__u32 i;

	if (!usual)
		return;
	for (i = 0; i < usual->used; i++) {
		usual_drop_half(&usual->streams[i].half[0]);
		usual_drop_half(&usual->streams[i].half[1]);
	}
	for (i = 0; i < 2; i++) {
		usual_drop_texts(&usual->end[i]);
		free(usual->end[i].part);
	}
	free(usual->streams);
	free(usual->around);
	free(usual);
}

static __u32 *usual_chain(struct sf_usual *usual, __u32 stream)
{
	return &usual->hash[(stream >> 1) % SF_USUAL_STREAMS];
}

/* Returns the open stream with a number, or NULL. */
static struct sf_usual_stream *usual_find(const struct sf_usual *usual, __u32 stream)
{
	__u32 at = usual->hash[(stream >> 1) % SF_USUAL_STREAMS];

	while (at && usual->streams[at - 1].stream != stream)
		at = usual->streams[at - 1].chain;
	return at ? &usual->streams[at - 1] : NULL;
}

/* Returns a new stream, or NULL if there is no room. */
static struct sf_usual_stream *usual_open_stream(struct sf_usual *usual, __u32 stream)
{
	__u32 *chain = usual_chain(usual, stream), at = usual->free;
	struct sf_usual_stream *made;

	if (at) {
		usual->free = usual->streams[at - 1].chain;
	} else {
		if (usual->used == SF_USUAL_STREAMS)
			return NULL;
		if (usual->used == usual->room) {
			__u32 room = usual->room ? 2 * usual->room : FIRST_ROOM;

			made = realloc(usual->streams, room * sizeof(*made));
			if (!made)
				return NULL;
			memset(made + usual->room, 0, (room - usual->room) * sizeof(*made));
			usual->streams = made;
			usual->room = room;
		}
		at = ++usual->used;
	}
	made = &usual->streams[at - 1];
	made->stream = stream;
	made->disorders = usual->disorders;
	made->chain = *chain;
	*chain = at;
	usual->open++;
	return made;
}

/* Takes a stream out of the table. Its content stays until usual_release(). */
static void usual_unlink(struct sf_usual *usual, struct sf_usual_stream *stream)
{
	__u32 *chain = usual_chain(usual, stream->stream), at = stream - usual->streams + 1;

	while (*chain && *chain != at)
		chain = &usual->streams[*chain - 1].chain;
	if (*chain)
		*chain = stream->chain;
	usual->open--;
	usual->ended = stream;
}

/* Prepares a half for the next stream. Keeps a small buffer for its fields. */
static void usual_clear_half(struct sf_usual_half *half)
{
	char *fields = half->fields;
	__u32 room = half->fields_room;

	free(half->body);
	memset(half, 0, sizeof(*half));
	half->fields = fields;
	half->fields_room = room;
}

/* Frees the place of the stream that was unlinked last. */
static void usual_release(struct sf_usual *usual)
{
	struct sf_usual_stream *ended = usual->ended;

	if (!ended)
		return;
	usual->ended = NULL;
	usual_clear_half(&ended->half[0]);
	usual_clear_half(&ended->half[1]);
	ended->stream = 0;
	ended->chain = usual->free;
	usual->free = ended - usual->streams + 1;
}

/* Gives the open stream whose exchange began first to the caller, as sf_usual.ended. Returns 0 if there is none. */
static int sf_usual_give(struct sf_usual *usual)
{
	struct sf_usual_stream *first = NULL, *stream;
	__u32 i;

	usual_release(usual);
	if (!usual->open)
		return 0;
	for (i = 0; i < usual->used; i++) {
		stream = &usual->streams[i];
		if (stream->stream && (!first || stream->conn_seq < first->conn_seq))
			first = stream;
	}
	if (first)
		usual_unlink(usual, first);
	return !!first;
}

/* Keeps the fields of the block that was decoded last. Returns 0 if there is no memory. */
static int usual_keep_fields(const struct sf_usual_form *form, struct sf_usual_half *half)
{
	if (!usual_grow(&half->fields, &half->fields_room, form->fields_len))
		return 0;
	memcpy(half->fields, form->fields, form->fields_len);
	half->fields_len = form->fields_len;
	return 1;
}

/* Returns the bytes of memory that a connection takes here, without the texts of its tables. */
static size_t sf_usual_weight(const struct sf_usual *usual)
{
	size_t size = sizeof(*usual) + usual->room * sizeof(*usual->streams);
	__u32 i;

	for (i = 0; i < usual->used; i++) {
		const struct sf_usual_half *half = usual->streams[i].half;

		size += half[0].fields_room + half[0].body_room + half[1].fields_room + half[1].body_room;
	}
	for (i = 0; i < 2; i++) {
		const struct sf_usual_end *end = &usual->end[i];

		size += end->texts_room * sizeof(*end->texts) + end->part_len;
	}
	return size;
}

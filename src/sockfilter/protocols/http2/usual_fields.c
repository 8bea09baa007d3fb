/* SPDX-License-Identifier: BSD-3-Clause */
/* The fields of header blocks with their texts, and which blocks are usual. */
#include <linux/types.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "usual_inside.h"

/* what each entry counts beside its name and value (RFC 7541, 4.1) */
#define FIELD_BYTES 32
#define STATIC_BYTES 2048
#define UNKNOWN (SF_USUAL_NO_NAME | SF_USUAL_NO_VALUE)

/* a name and a value, each of which may be unknown */
struct usual_pair {
	const char *name;
	const char *value;
	__u32 name_len;
	__u32 value_len;
	__u32 flags;
	__u32 reserved;
};

static char usual_static_bytes[STATIC_BYTES];
static struct usual_pair usual_static[SF_HPACK_STATIC];

/*
 * Must be called before the first block. name_lens, sizes: of the static table,
 * as for sf_hpack_prepare(); texts: its names and values, one after the other.
 */
static void sf_usual_prepare(const unsigned char *name_lens, const unsigned char *sizes, const char *texts, size_t len)
{
	const char *at = usual_static_bytes;
	unsigned int i;

	if (len > sizeof(usual_static_bytes))
		return;
	memcpy(usual_static_bytes, texts, len);
	usual_static[0].flags = UNKNOWN;
	for (i = 1; i < SF_HPACK_STATIC; i++) {
		usual_static[i].name = at;
		usual_static[i].name_len = name_lens[i];
		at += name_lens[i];
		usual_static[i].value = at;
		usual_static[i].value_len = sizes[i] - FIELD_BYTES - name_lens[i];
		at += usual_static[i].value_len;
	}
}

/* Makes room for size bytes. Returns 0 if there is no memory. */
static int usual_grow(char **text, __u32 *room, size_t size)
{
	size_t more = *room ? *room : 256;
	char *grown;

	if (size <= *room)
		return 1;
	while (more < size)
		more *= 2;
	grown = realloc(*text, more);
	if (!grown)
		return 0;
	*text = grown;
	*room = more;
	return 1;
}

static struct sf_usual_text *usual_text(const struct sf_usual_end *end, __u32 number)
{
	return &end->texts[number & (end->texts_room - 1)];
}

/* Doubles the ring. Returns 0 if there is no memory. */
static int usual_grow_texts(struct sf_usual_end *end)
{
	struct sf_usual_end old = *end;
	__u32 i;

	end->texts_room = old.texts_room ? 2 * old.texts_room : 16;
	end->texts = calloc(end->texts_room, sizeof(*end->texts));
	if (!end->texts) {
		*end = old;
		return 0;
	}
	for (i = old.texts_first; i != old.texts_next; i++)
		*usual_text(end, i) = *usual_text(&old, i);
	free(old.texts);
	return 1;
}

/* Drops the oldest entries up to a number. */
static void usual_evict(struct sf_usual_end *end, __u32 first)
{
	for (; end->texts_first != first; end->texts_first++) {
		struct sf_usual_text *text = usual_text(end, end->texts_first);

		free(text->bytes);
		text->bytes = NULL;
	}
}

static void usual_drop_texts(struct sf_usual_end *end)
{
	usual_evict(end, end->texts_next);
	free(end->texts);
	end->texts = NULL;
	end->texts_room = 0;
}

/* Adds an entry. If there is no memory for its text, the text is unknown. Returns 0 if there is none for the entry. */
static int usual_add_text(struct sf_usual_end *end, const struct usual_pair *pair)
{
	__u32 name_len = pair->flags & SF_USUAL_NO_NAME ? 0 : pair->name_len;
	__u32 value_len = pair->flags & SF_USUAL_NO_VALUE ? 0 : pair->value_len;
	struct sf_usual_text *text;

	if (end->texts_next - end->texts_first == end->texts_room && !usual_grow_texts(end))
		return 0;
	text = usual_text(end, end->texts_next++);
	memset(text, 0, sizeof(*text));
	text->bytes = malloc(name_len + value_len + 1);
	text->flags = text->bytes ? pair->flags & UNKNOWN : UNKNOWN;
	if (!text->bytes)
		return 1;
	text->name_len = name_len;
	text->value_len = value_len;
	if (name_len)
		memcpy(text->bytes, pair->name, name_len);
	if (value_len)
		memcpy(text->bytes + name_len, pair->value, value_len);
	return 1;
}

/* Finds the entry at a position of the caller's list (hpack.h). Returns NULL for one of the static table. */
static struct sf_usual_text *usual_entry(struct sf_usual_end *end, __u32 position, struct usual_pair *pair)
{
	__u32 number = end->oldest + position - SF_HPACK_STATIC;
	struct sf_usual_text *text;

	if (position < SF_HPACK_STATIC) {
		*pair = usual_static[position];
		return NULL;
	}
	if (number - end->texts_first >= end->texts_next - end->texts_first) {
		*pair = usual_static[0];
		return NULL;
	}
	text = usual_text(end, number);
	pair->name = text->bytes;
	pair->value = text->bytes + text->name_len;
	pair->name_len = text->name_len;
	pair->value_len = text->value_len;
	pair->flags = text->flags;
	return text;
}

static void usual_read_literal(struct sf_usual_end *end, const struct sf_hpack_block *block,
			       const struct sf_hpack_literal *literal, __u32 start, struct usual_pair *pair)
{
	const char *text = (const char *)block->text;

	pair->flags = 0;
	if (literal->name == SF_HPACK_NEW_NAME) {
		pair->name = text + start;
		pair->name_len = literal->value_at - start;
	} else {
		usual_entry(end, literal->name, pair);
		pair->flags &= ~SF_USUAL_NO_VALUE;
	}
	pair->value = text + literal->value_at;
	pair->value_len = literal->value_end - literal->value_at;
	if (literal->kind == SF_HPACK_NEVER_INDEXED)
		pair->flags |= SF_USUAL_NEVER_INDEXED;
}

/* Appends a field to those of the block. again: the place of an earlier field that is the same entry, or -1. */
static int usual_put(struct sf_usual_form *form, const struct usual_pair *pair, __u32 again)
{
	struct sf_usual_field field = {pair->name_len, pair->value_len, pair->flags};
	size_t len;
	char *at;

	if (again != (__u32)-1) {
		field.name_len = again;
		field.value_len = 0;
		field.flags = SF_USUAL_AGAIN;
	}
	if (field.flags & (SF_USUAL_NO_NAME | SF_USUAL_AGAIN))
		len = 0;
	else
		len = field.name_len;
	if (field.flags & SF_USUAL_NO_NAME)
		field.name_len = 0;
	if (field.flags & SF_USUAL_NO_VALUE)
		field.value_len = 0;
	if (!usual_grow(&form->fields, &form->fields_room, form->fields_len + sizeof(field) + len + field.value_len))
		return 0;
	at = form->fields + form->fields_len;
	memcpy(at, &field, sizeof(field));
	if (len)
		memcpy(at + sizeof(field), pair->name, len);
	if (field.value_len)
		memcpy(at + sizeof(field) + len, pair->value, field.value_len);
	form->fields_len += sizeof(field) + len + field.value_len;
	return 1;
}

#define IS(text) (pair->name_len == sizeof(text) - 1 && !memcmp(pair->name, text, sizeof(text) - 1))
#define IS_VALUE(text) (pair->value_len == sizeof(text) - 1 && !memcmp(pair->value, text, sizeof(text) - 1))
#define IS_LIKE(text) (pair->name_len == sizeof(text) - 1 && !strncasecmp(pair->name, text, sizeof(text) - 1))

enum { METHOD = 1, PATH = 2, SCHEME = 4, AUTHORITY = 8, STATUS = 16 };

/* Returns the bit of a pseudo-field that is usual, or 0. */
static unsigned int usual_pseudo(const struct usual_pair *pair, struct usual_head *head)
{
	const char *value = pair->value;

	if (IS(":method"))
		return pair->value_len && !IS_VALUE("CONNECT") ? METHOD : 0;
	if (IS(":path"))
		return pair->value_len ? PATH : 0;
	if (IS(":scheme"))
		return SCHEME;
	if (IS(":authority"))
		return AUTHORITY;
	if (!IS(":status") || pair->value_len != 3 || value[0] < '2' || value[0] > '9' || value[1] < '0' ||
	    value[1] > '9' || value[2] < '0' || value[2] > '9')
		return 0;
	head->status = (value[0] - '0') * 100 + (value[1] - '0') * 10 + value[2] - '0';
	return STATUS;
}

/* Whether a field of this content is usual. Notes a content coding. */
static int usual_content(const struct sf_usual_form *form, const struct usual_pair *pair, struct usual_head *head)
{
	const char *at = pair->value, *end = at + pair->value_len;

	if (IS_LIKE("content-type")) {
		while (at < end && (unsigned char)*at <= ' ')
			at++;
		return !is_read_media(at, end);
	}
	if (!IS_LIKE("content-encoding"))
		return 1;
	if (!IS("content-encoding") || form->decodes || form->body_limit || memchr(at, ',', end - at))
		return 0;
	while (at < end && (unsigned char)*at <= ' ')
		at++;
	while (at < end && (unsigned char)end[-1] <= ' ')
		end--;
	if (at < end && !(end - at == 8 && !strncasecmp(at, "identity", 8)))
		head->is_coded = 1;
	return 1;
}

/* Looks at a field. seen: the pseudo-fields before it; others: whether other fields were before it. */
static int usual_judge(const struct sf_usual_form *form, const struct usual_pair *pair, unsigned int *seen,
		       unsigned int *others, struct usual_head *head)
{
	unsigned int bit;

	if (pair->flags & UNKNOWN)
		return 0;
	if (!pair->name_len || *pair->name != ':') {
		*others = 1;
		return !pair->name_len || (*pair->name | 0x20) != 'c' || usual_content(form, pair, head);
	}
	bit = usual_pseudo(pair, head);
	if (!bit || *others || *seen & bit)
		return 0;
	*seen |= bit;
	return 1;
}

/* Drops the entries that a block has evicted; all of them if the block was malformed. */
static void usual_catch_up(struct sf_usual_end *end)
{
	__u32 oldest = end->hpack->next - end->hpack->count;

	if (oldest - end->texts_first > end->texts_next - end->texts_first || end->texts_next != end->hpack->next) {
		usual_evict(end, end->texts_next);
		end->texts_first = end->texts_next = end->hpack->next;
	} else {
		usual_evict(end, oldest);
	}
	end->oldest = oldest;
}

/* Collects the fields of a block that was decoded, and brings the entries of the table up to date. */
static void usual_take_block(struct sf_usual *usual, struct sf_usual_end *end, const struct sf_hpack_block *block,
			     unsigned int count, struct usual_head *head)
{
	struct sf_usual_form *form = usual->form;
	unsigned int i, literals = 0, seen = 0, others = 0;
	__u32 start = 0;

	form->fields_len = 0;
	end->block++;
	usual->is_valid = block->is_valid;
	usual->block_size = block->size;
	memset(head, 0, sizeof(*head));
	head->is_usual = block->is_valid;
	for (i = 0; i < count; i++) {
		const struct sf_hpack_literal *literal = &block->literals[literals];
		struct sf_usual_text *text = NULL;
		struct usual_pair pair = {};
		__u32 again = -1;

		if (literals < block->literal_count && literal->at == i) {
			usual_read_literal(end, block, literal, start, &pair);
			start = literal->value_end;
			literals++;
			if (literal->kind == SF_HPACK_INSERTED && !usual_add_text(end, &pair))
				head->is_usual = 0;
		} else {
			text = usual_entry(end, block->fields[i], &pair);
		}
		if (text && text->block == end->block)
			again = text->place;
		else if (text) {
			text->block = end->block;
			text->place = i;
		}
		if (head->is_usual && (again != (__u32)-1 || !usual_judge(form, &pair, &seen, &others, head)))
			head->is_usual = 0;
		if (!usual_put(form, &pair, again)) {
			head->is_usual = 0;
			usual->is_valid = 0;
			break;
		}
	}
	usual_catch_up(end);
	head->is_request = !(seen & STATUS);
	if (seen != STATUS && (seen & (METHOD | PATH | STATUS)) != (METHOD | PATH))
		head->is_usual = 0;
	if (form->fields_len > SF_USUAL_FIELDS_BYTES)
		head->is_usual = 0;
}

/* Adds an entry to the table of an end, the oldest first. flags: what of it is not known. Returns 0 without memory. */
static int sf_usual_add_text(struct sf_usual *usual, __u32 number, const char *bytes, __u32 name_len, __u32 value_len,
			     __u32 flags)
{
	struct usual_pair pair = {
		.name = bytes, .value = bytes + name_len, .name_len = name_len, .value_len = value_len, .flags = flags};

	return usual_add_text(&usual->end[number], &pair);
}

/* Returns an entry of the table of an end, by its place from the oldest on. NULL: its text is missing. */
static const struct sf_usual_text *sf_usual_text(const struct sf_usual *usual, __u32 number, __u32 place)
{
	const struct sf_usual_end *end = &usual->end[number];

	place += end->oldest;
	return place - end->texts_first < end->texts_next - end->texts_first ? usual_text(end, place) : NULL;
}

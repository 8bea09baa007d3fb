/* SPDX-License-Identifier: BSD-3-Clause */
/* Decodes header blocks: see hpack.h. Everything is static: the file that cffi generates includes all parts. */
#include <linux/types.h>
#include <stdlib.h>
#include <string.h>

#include "hpack.h"
#include "huffman.h"

/* what each entry counts beside its name and value (RFC 7541, 4.1) */
#define FIELD_BYTES 32
/* the size of the dynamic table before any SETTINGS (RFC 9113, 6.5.2) */
#define TABLE_BYTES 4096
/* bytes that may follow the prefix of an integer */
#define INTEGER_BYTES 5
#define UNKNOWN_SIZE 0xffffffff
#define ALL 0xffffffff

/* a block that is being decoded */
struct hpack_reader {
	struct sf_hpack *hpack;
	struct sf_hpack_block *out;
	const __u8 *at;
	const __u8 *end;
	size_t text_len;
	__u32 count;  /* fields */
	__u32 oldest; /* the number of the oldest entry before the block */
};

/* a name or a field of a table */
struct hpack_found {
	__u32 name_len;
	__u32 size;
	__u32 position; /* in the list; 0: not known */
};

static struct sf_hpack_entry hpack_static[SF_HPACK_STATIC];

/*
 * Must be called before the first block. code_lengths: of the Huffman code;
 * name_lens, sizes: of the static table, by index.
 */
static void sf_hpack_prepare(const unsigned char *code_lengths, const unsigned char *name_lens,
			     const unsigned char *sizes)
{
	unsigned int i;

	huffman_prepare(code_lengths);
	for (i = 0; i < SF_HPACK_STATIC; i++) {
		hpack_static[i].name_len = name_lens[i];
		hpack_static[i].size = sizes[i];
	}
}

/* Forgets the table: header blocks were missed. */
static void sf_hpack_lost(struct sf_hpack *hpack)
{
	free(hpack->entries);
	hpack->entries = NULL;
	hpack->room = 0;
	hpack->count = 0;
	hpack->size = 0;
	hpack->limit = UNKNOWN_SIZE;
	hpack->is_complete = 0;
}

/* is_whole: no header block passed before. Returns NULL if there is no memory. */
static struct sf_hpack *sf_hpack_open(int is_whole)
{
	struct sf_hpack *hpack = calloc(1, sizeof(*hpack));

	if (!hpack)
		return NULL;
	hpack->limit = is_whole ? TABLE_BYTES : UNKNOWN_SIZE;
	hpack->is_complete = is_whole;
	return hpack;
}

static void sf_hpack_close(struct sf_hpack *hpack)
{
	if (!hpack)
		return;
	free(hpack->entries);
	free(hpack);
}

/* Notes SETTINGS_HEADER_TABLE_SIZE of the other end. A lower one counts when the encoder announces it in a block. */
static void sf_hpack_allow(struct sf_hpack *hpack, __u32 size)
{
	if (hpack->limit < size)
		hpack->limit = size;
}

static struct sf_hpack_entry *hpack_entry(const struct sf_hpack *hpack, __u32 number)
{
	return &hpack->entries[number & (hpack->room - 1)];
}

/* Returns the position of an entry in the list of the caller. number: of insertions before it. */
static __u32 hpack_position(const struct hpack_reader *reader, __u32 number)
{
	return SF_HPACK_STATIC + number - reader->oldest;
}

static void hpack_evict(struct sf_hpack *hpack)
{
	__u32 limit = hpack->limit < SF_HPACK_TABLE_BYTES ? hpack->limit : SF_HPACK_TABLE_BYTES;

	while (hpack->size > limit) {
		hpack->size -= hpack_entry(hpack, hpack->next - hpack->count)->size;
		hpack->count--;
		/* the encoder may still have it */
		if (hpack->limit > limit)
			hpack->is_complete = 0;
	}
}

/* Doubles the ring. Returns 0 if there is no memory. */
static int hpack_grow(struct sf_hpack *hpack)
{
	struct sf_hpack old = *hpack;
	__u32 i;

	hpack->room = old.room ? 2 * old.room : 16;
	hpack->entries = malloc(hpack->room * sizeof(*hpack->entries));
	if (!hpack->entries) {
		*hpack = old;
		return 0;
	}
	for (i = old.next - old.count; i != old.next; i++)
		*hpack_entry(hpack, i) = *hpack_entry(&old, i);
	free(old.entries);
	return 1;
}

/* Returns 0 if there is no memory. */
static int hpack_insert(struct sf_hpack *hpack, __u32 name_len, __u32 size)
{
	struct sf_hpack_entry *entry;

	if (hpack->count == hpack->room && !hpack_grow(hpack))
		return 0;
	entry = hpack_entry(hpack, hpack->next++);
	entry->name_len = name_len;
	entry->size = size;
	hpack->count++;
	hpack->size += size;
	hpack_evict(hpack);
	return 1;
}

/* Returns 0 if there is no such index. */
static int hpack_find(const struct hpack_reader *reader, __u32 index, struct hpack_found *found)
{
	const struct sf_hpack *hpack = reader->hpack;
	const struct sf_hpack_entry *entry;
	__u32 age = index - SF_HPACK_STATIC;

	if (index >= SF_HPACK_STATIC)
		reader->out->refers = 1;
	if (index < SF_HPACK_STATIC) {
		entry = &hpack_static[index];
		found->position = index;
	} else if (age < hpack->count) {
		entry = hpack_entry(hpack, hpack->next - 1 - age);
		found->position = hpack_position(reader, hpack->next - 1 - age);
	} else {
		entry = &hpack_static[0];
		found->position = 0;
	}
	found->name_len = entry->name_len;
	found->size = entry->size;
	return found->position || (index && !hpack->is_complete);
}

/* Reads an integer with a prefix of so many bits (RFC 7541, 5.1). Returns 0 if it is malformed. */
static int hpack_integer(struct hpack_reader *reader, unsigned int bits, __u32 *value)
{
	__u32 prefix = (1U << bits) - 1;
	unsigned int shift;
	__u64 sum;

	sum = *reader->at++ & prefix;
	if (sum == prefix) {
		for (shift = 0;; shift += 7) {
			if (shift == 7 * INTEGER_BYTES || reader->at == reader->end)
				return 0;
			sum += (__u64)(*reader->at & 0x7f) << shift;
			if (sum > 0xffffffff)
				return 0;
			if (!(*reader->at++ & 0x80))
				break;
		}
	}
	*value = sum;
	return 1;
}

/* Reads a string (RFC 7541, 5.2) to the end of the text. Returns 0 if it is malformed or too long. */
static int hpack_string(struct hpack_reader *reader, __u32 *len)
{
	size_t room = sizeof(reader->out->text) - reader->text_len;
	__u8 *text = reader->out->text + reader->text_len;
	int is_coded;
	long decoded;
	__u32 size;

	if (reader->at == reader->end)
		return 0;
	is_coded = *reader->at & 0x80;
	if (!hpack_integer(reader, 7, &size) || size > (size_t)(reader->end - reader->at))
		return 0;
	decoded = size;
	if (is_coded)
		decoded = huffman_decode(reader->at, size, text, room);
	else if (size <= room)
		memcpy(text, reader->at, size);
	else
		return 0;
	if (decoded < 0)
		return 0;
	reader->at += size;
	reader->text_len += decoded;
	*len = decoded;
	return 1;
}

/* Adds a field to the block. Returns 0 if the block is too long. */
static int hpack_emit(struct hpack_reader *reader, __u32 position, __u32 size)
{
	struct sf_hpack_block *out = reader->out;

	if (reader->count == SF_HPACK_FIELDS || size > SF_HPACK_BLOCK_BYTES - out->size)
		return 0;
	out->fields[reader->count++] = position;
	out->size += size;
	return 1;
}

/* Reads a field that refers to an entry (RFC 7541, 6.1). */
static int hpack_indexed(struct hpack_reader *reader)
{
	struct hpack_found found;
	__u32 index;

	return hpack_integer(reader, 7, &index) && hpack_find(reader, index, &found) &&
	       hpack_emit(reader, found.position, found.size);
}

/* Reads a literal field. bits: of the prefix of its index. */
static int hpack_literal(struct hpack_reader *reader, unsigned int bits, enum sf_hpack_kind kind)
{
	struct sf_hpack_block *out = reader->out;
	struct sf_hpack_literal *literal = &out->literals[out->literal_count];
	struct hpack_found name = {.position = SF_HPACK_NEW_NAME};
	__u32 index, position = 0, value_at, size;

	if (!hpack_integer(reader, bits, &index))
		return 0;
	if (index ? !hpack_find(reader, index, &name) : !hpack_string(reader, &name.name_len))
		return 0;
	value_at = reader->text_len;
	if (!hpack_string(reader, &size))
		return 0;
	size += name.name_len + FIELD_BYTES;
	if (kind == SF_HPACK_INSERTED)
		position = hpack_position(reader, reader->hpack->next);
	if (!hpack_emit(reader, position, size))
		return 0;
	out->literal_count++;
	literal->at = reader->count - 1;
	literal->kind = kind;
	literal->name = name.position;
	literal->value_at = value_at;
	literal->value_end = reader->text_len;
	if (kind != SF_HPACK_INSERTED)
		return 1;
	out->has_changed = 1;
	return hpack_insert(reader->hpack, name.name_len, size);
}

/* Reads a new size of the table (RFC 7541, 6.3), which may only stand at the beginning of a block (4.2). */
static int hpack_resize(struct hpack_reader *reader)
{
	if (reader->count || !hpack_integer(reader, 5, &reader->hpack->limit))
		return 0;
	reader->out->has_changed = 1;
	hpack_evict(reader->hpack);
	return 1;
}

static int hpack_read(struct hpack_reader *reader)
{
	__u8 first = *reader->at;

	if (first & 0x80)
		return hpack_indexed(reader);
	if (first & 0x40)
		return hpack_literal(reader, 6, SF_HPACK_INSERTED);
	if (first & 0x20)
		return hpack_resize(reader);
	return hpack_literal(reader, 4, first & 0x10 ? SF_HPACK_NEVER_INDEXED : SF_HPACK_NOT_INDEXED);
}

/*
 * Decodes a block. If it is malformed or too long, the fields before the fault
 * are given, and the table is lost. Returns the number of fields.
 */
static unsigned int sf_hpack_decode(struct sf_hpack *hpack, const char *block, size_t len, struct sf_hpack_block *out)
{
	struct hpack_reader reader = {.hpack = hpack, .out = out, .at = (const __u8 *)block};
	const struct sf_hpack before = *hpack;

	reader.end = reader.at + len;
	reader.oldest = hpack->next - hpack->count;
	out->literal_count = 0;
	out->size = 0;
	out->is_valid = 1;
	out->has_changed = 0;
	out->refers = 0;
	while (out->is_valid && reader.at < reader.end)
		out->is_valid = hpack_read(&reader);
	out->evicted = hpack->next - hpack->count - reader.oldest;
	/* Some encoders insert into a table that has no room for an entry. */
	if (!before.count && !hpack->count && hpack->limit == before.limit && hpack->is_complete == before.is_complete)
		out->has_changed = 0;
	if (!out->is_valid) {
		sf_hpack_lost(hpack);
		out->has_changed = 1;
		out->evicted = ALL;
	}
	return reader.count;
}

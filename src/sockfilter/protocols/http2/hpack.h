/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The decoder of HPACK (RFC 7541) in C. It decides everything that does not
 * need the texts of the table: those are kept by its caller, who knows each
 * entry by a number. hpack_python.py says what it does with blocks that were
 * missed; a test compares the two.
 *
 * cffi reads this file as declarations. The structs must not contain padding.
 */
#ifndef SOCKFILTER_HPACK_H
#define SOCKFILTER_HPACK_H

/* limits and sizes of hpack_table.py; a test compares them */
#define SF_HPACK_FIELDS 4096
#define SF_HPACK_BLOCK_BYTES 1048576
#define SF_HPACK_TABLE_BYTES 65536
/* indices below are of the static table; 0 is none */
#define SF_HPACK_STATIC 62
/*
 * Numbers of entries: they begin behind the static table, and come again after
 * so many insertions. A block can refer to SF_HPACK_TABLE_BYTES / 32 entries that
 * were there before, and to the SF_HPACK_FIELDS that it inserts.
 */
#define SF_HPACK_NUMBERS 8192
/* in place of the number of an entry: the name is in the text */
#define SF_HPACK_NEW_NAME 65535

/* A field whose value, and perhaps its name, is in the text: first the name, then the value, without gaps. */
struct sf_hpack_literal {
	__u16 at;	     /* its place among the fields */
	__u16 number;	     /* of the entry that it makes; 0: none */
	__u16 name;	     /* the number of the entry that has its name; 0: not known */
	__u16 never_indexed; /* RFC 7541, 6.2.3 */
	__u32 name_len;	     /* 0 unless the name is in the text */
	__u32 value_len;
};

struct sf_hpack_block {
	__u32 count;
	__u32 literal_count;
	__u32 size; /* bytes of names and values, plus 32 for each field */
	__u16 is_valid;
	__u16 oldest; /* the number of the oldest entry of the table after this block, or of the next one to come */
	__u16 fields[SF_HPACK_FIELDS]; /* the number of an entry; 0: not known, or a literal that makes none */
	struct sf_hpack_literal literals[SF_HPACK_FIELDS];
	__u8 text[SF_HPACK_BLOCK_BYTES];
};

struct sf_hpack_entry {
	__u32 name_len; /* 0 if the name is not known */
	__u32 size;	/* name, value and 32 bytes (RFC 7541, 4.1); the least that it can be */
};

/* the table of one direction */
struct sf_hpack {
	struct sf_hpack_entry *entries; /* a ring */
	__u32 room;			/* entries in the ring: a power of two, or 0 */
	__u32 next;			/* insertions up to now; wraps */
	__u32 count;
	__u32 size;  /* of the entries */
	__u32 limit; /* the largest size that the encoder's table may have */
	__u32 is_complete;
};

#endif

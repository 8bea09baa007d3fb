/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The decoder of HPACK (RFC 7541) in C. It decides everything that does not
 * need the texts of the table. Its caller keeps those in a list: the static
 * table, then the dynamic one, the oldest entry first. The entries that a block
 * inserts come at the end of the list; those that it evicts leave the list
 * after the block. hpack_python.py says what it does with blocks that were
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
/* in place of the position of an entry in the list: the name is in the text */
#define SF_HPACK_NEW_NAME 65535

/* RFC 7541, 6.2 */
enum sf_hpack_kind {
	SF_HPACK_NOT_INDEXED = 0,
	SF_HPACK_NEVER_INDEXED = 1,
	SF_HPACK_INSERTED = 2,
};

/* A field whose value, and perhaps its name, is in the text. It begins where the text of the one before ends. */
struct sf_hpack_literal {
	__u16 at;   /* its place among the fields */
	__u16 kind; /* enum sf_hpack_kind */
	__u32 name; /* the position of an entry that has the name; 0: not known */
	__u32 value_at;
	__u32 value_end;
};

struct sf_hpack_block {
	__u32 literal_count;
	__u32 size; /* bytes of names and values, plus 32 for each field */
	__u32 is_valid;
	__u32 has_changed;	       /* the table, or its limit */
	__u32 evicted;		       /* entries that leave the list, the oldest ones; all if it has fewer */
	__u32 refers;		       /* to an entry of the dynamic table: the fields depend on it */
	__u32 fields[SF_HPACK_FIELDS]; /* positions in the list; 0: not known, or a literal that is not inserted */
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

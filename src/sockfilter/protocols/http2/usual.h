/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Follows the streams of a connection on which nothing is unusual: each stream
 * has a request and a response, each with one header block and a body. An
 * exchange that has ended is given to the caller, or is written as a line.
 *
 * Everything else is the task of the caller (receiver.py, messages.py), which
 * gets one event at a time. When a stream becomes unusual, the caller takes
 * over all open streams. It takes over the connection when bytes are missing,
 * and at frames that few senders use. A test compares the two.
 *
 * cffi reads this file as declarations. The structs must not contain padding.
 */
#ifndef SOCKFILTER_USUAL_H
#define SOCKFILTER_USUAL_H

#include "hpack.h"

/* streams of a connection that are open here; servers allow some hundred, and the caller takes over any further ones */
#define SF_USUAL_STREAMS 256
/* bytes of a frame other than DATA (RFC 9113, 6.5.2), and of the fields of a head */
#define SF_USUAL_FRAME_BYTES 16384
#define SF_USUAL_FIELDS_BYTES 8192
/* bytes kept of a body; the caller takes over the stream of a longer one */
#define SF_USUAL_BODY_BYTES 16384
/* the same where none is kept: bytes after which it is worth a message to the kernel that the rest is not needed */
#define SF_USUAL_BULK_BYTES 131072
/* kinds of frames that are counted: those of RFC 9113, and the others together */
#define SF_USUAL_KINDS 11
/* bytes of lines that wait for the caller */
#define SF_USUAL_LINES_BYTES 1048576
/* bytes of a route in a line */
#define SF_USUAL_ROUTE_BYTES 120

enum sf_usual_kind {
	SF_USUAL_DONE = 0,     /* all bytes have been taken */
	SF_USUAL_EXCHANGE = 1, /* an exchange has ended: sf_usual.ended */
	SF_USUAL_HEAD = 2,     /* a header block for the caller: its fields are in sf_usual_form.fields */
	SF_USUAL_DATA = 3,     /* content for the caller: the bytes from data_from to data_to */
	SF_USUAL_RESET = 4,    /* RST_STREAM; value: the error code */
	SF_USUAL_GOAWAY = 5,   /* GOAWAY; value: the last stream */
	SF_USUAL_LEAVES = 6,   /* the caller takes over the connection from data_from on */
	SF_USUAL_LINES = 7,    /* lines were written that the caller must take */
};

/* the form of lines */
enum sf_usual_lines {
	SF_USUAL_NO_LINES = 0,
	SF_USUAL_TEXT = 1,
	SF_USUAL_JSON = 2,
};

/* the bits of sf_usual_field.flags */
enum sf_usual_flag {
	SF_USUAL_NEVER_INDEXED = 1,
	SF_USUAL_NO_NAME = 2,  /* it is not known */
	SF_USUAL_NO_VALUE = 4, /* as above */
	SF_USUAL_AGAIN = 8,    /* it is the same entry as an earlier field; name_len: that field's place */
};

/* Before each field of a head, whose name and value follow. */
struct sf_usual_field {
	__u32 name_len;
	__u32 value_len;
	__u32 flags;
};

/* an entry of the dynamic table */
struct sf_usual_text {
	char *bytes; /* the name, then the value */
	__u32 name_len;
	__u32 value_len;
	__u32 flags;
	__u32 place; /* the first place in the present block that refers to it */
	__u64 block; /* the number of the last block that refers to it */
};

/* a request or a response */
struct sf_usual_half {
	__u64 start_ns;
	__u64 end_ns; /* when its last byte up to now passed */
	__u64 wire_len;
	char *fields;
	char *body; /* what is kept of it: all bytes, or none */
	__u32 fields_len;
	__u32 fields_room;
	__u32 body_room;
	__u32 seq;
	__u32 ack;
	__u8 has_begun;
	__u8 has_ended;
	__u8 has_data; /* a DATA frame that is not empty */
	__u8 is_coded;
	__u32 status; /* of a response */
	__u32 reserved;
};

struct sf_usual_stream {
	struct sf_usual_half half[2]; /* request, response */
	__u32 stream;		      /* its number; 0: the place is free */
	__u32 conn_seq;		      /* the number of its exchange on the connection */
	__u32 chain;		      /* the next place with the same hash, or the next free one, plus 1 */
	__u32 disorders;	      /* of the connection, when it began */
};

/* what one end sends */
struct sf_usual_end {
	struct sf_hpack *hpack;	     /* of the caller */
	struct sf_usual_text *texts; /* a ring, by the number of the insertion */
	char *part;		     /* the first bytes of a frame that is not whole */
	__u64 now_ns;		     /* when the last bytes passed */
	__u64 start_ns;		     /* when the first byte of the frame passed */
	__u64 block;		     /* header blocks up to now */
	__u32 texts_room;	     /* a power of two, or 0 */
	__u32 texts_first;	     /* the number of the oldest entry */
	__u32 texts_next;	     /* the number of the next entry */
	__u32 part_len;
	__u32 seq; /* of the first byte of the frame */
	__u32 ack;
	__u32 content_left; /* bytes of the present DATA frame */
	__u32 data_stream;
	__u32 data_ends; /* it has END_STREAM */
	__u32 frame_bytes_max;
	__u32 oldest; /* the number of the oldest entry of hpack; its text may be missing */
	__u32 reserved;
};

/* counters that the caller has not taken yet */
struct sf_usual_counts {
	__u64 frames[SF_USUAL_KINDS];
	__u64 blocks;
};

/* The form of lines, and the lines. All connections of a capture share it. */
struct sf_usual_form {
	struct sf_usual_counts counts;
	__u64 body_limit;
	__u64 next_id; /* the number of the next exchange, in JSON */
	__u64 second;
	long long clock_offset_ns;
	char *fields; /* of the header block that was decoded last */
	char *text;
	__u32 fields_len;
	__u32 fields_room;
	__u32 text_len;
	__u32 text_room;
	__u32 lines;
	__u32 holds; /* the caller takes the lines later, unless they are many */
	__u32 reserved;
	__u32 decodes;
	__u32 kind; /* enum sf_usual_lines */
	__u32 show_secrets;
	__u32 route_width;
	__u32 route_width_max;
	__u32 request_width;
	__u32 request_width_max;
	char clock[32]; /* the text of second */
};

struct sf_usual {
	/* the event */
	__u32 at; /* offset of the next byte to take */
	__u32 data_from;
	__u32 data_to;
	__u32 stream;
	__u32 value;
	__u32 is_last;	/* the frame has END_STREAM */
	__u32 is_valid; /* the header block */
	__u32 gives;	/* the caller must take over the open streams before it handles the event */
	__u64 start_ns;
	__u32 seq;
	__u32 ack;
	__u32 block_size;
	__u32 reserved;
	struct sf_usual_stream *ended; /* valid until the next call */
	/* the connection */
	struct sf_usual_form *form;
	struct sf_usual_stream *streams;
	char *around; /* in JSON: the text before the number of an exchange, and the one after it */
	__u64 last_ns;
	__u64 answered_ns; /* time and number of the first byte of the last response in a line */
	__u32 answered_seq;
	__u32 has_answered;
	__u32 client_end;
	__u32 last_stream; /* the largest number of a stream; the caller has the others up to it */
	__u32 conn_seq;	   /* the number of the last exchange */
	__u32 room;	   /* of streams */
	__u32 used;	   /* places that have been in use */
	__u32 free;	   /* the first free one of them, plus 1 */
	__u32 open;
	__u32 disorders;  /* how often a time was before an earlier one */
	__u32 route_len;  /* 0: it has no lines as text */
	__u32 before_len; /* of around; 0: it has no lines in JSON */
	__u32 behind_len;
	__u32 reserved2;
	struct sf_usual_end end[2];
	__u32 hash[SF_USUAL_STREAMS]; /* the first place of each chain, plus 1 */
	char route[SF_USUAL_ROUTE_BYTES];
};

#endif

/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Opens records of TLS with libcrypto (OpenSSL 1.1.1 or newer). The library is
 * loaded when it is first needed, so that neither building nor installing
 * requires it. openers.py does the same in Python, with the package
 * cryptography; a test compares the two.
 *
 * cffi reads this file as declarations. The structs must not contain padding.
 */
#ifndef SOCKFILTER_OPENING_H
#define SOCKFILTER_OPENING_H

/* the header of a record (RFC 8446, 5.1) */
#define SF_RECORD_HEADER_BYTES 5
/* the longest MAC of a suite with CBC: SHA-384 */
#define SF_OPENER_MAC_BYTES 48
/* the longest key: AES-256 and ChaCha20 */
#define SF_OPENER_KEY_BYTES 32
/* bytes of content that are opened at a time: twice a segment as the kernel hands it over */
#define SF_OPENED_BYTES 131072

/* how a suite protects records */
enum sf_opener_mode {
	SF_OPENER_AEAD = 1, /* GCM or ChaCha20-Poly1305 */
	SF_OPENER_CCM = 2,
	SF_OPENER_CBC = 3,
};

/* the bits of an opener's flags */
enum sf_opener_flag {
	SF_OPENER_TLS13 = 1,
	SF_OPENER_EXPLICIT = 2, /* a part of the nonce is in front of each record (RFC 5288, 3) */
	SF_OPENER_MAC_LAST = 4, /* the MAC is that of the encrypted content (RFC 7366) */
	SF_OPENER_CHAINED = 8,	/* the last block of a record is the IV of the next, as in TLS 1.0 */
};

/* What was opened. It is valid until the thread opens something again. */
struct sf_opened {
	const char *content;
	__u32 content_len;
	__u32 records; /* those that were opened */
	__u32 taken;   /* their bytes */
	__u32 kind;    /* their type (RFC 8446, 5.1), which is the same for all of them */
};

/* What protects the records of one direction; it has the keys. */
struct sf_opener;

#endif

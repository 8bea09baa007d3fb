/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Where an ELF file has the function that gets the secrets of TLS handshakes,
 * or why none was found. Read by cffi too, as config.h is.
 */
#ifndef SOCKFILTER_FOUND_H
#define SOCKFILTER_FOUND_H

/* functions in one file: a program may link two TLS libraries */
#define SF_FUNCTIONS 4
/* labels that open connections; the number of a label is its place in labels.h, counted from 1 */
#define SF_LABELS 6
/* functions that send and receive on a connection, in one file */
#define SF_CALLS 8
/* bytes of a build ID (a SHA-1 has 20), and of the name of a Go version with the zero at its end */
#define SF_BUILD_ID_BYTES 32
#define SF_VERSION_BYTES 24

enum sf_found_how {
	/* found */
	SF_FOUND_SYMBOL = 1, /* the symbol table names it */
	SF_FOUND_LABELS,     /* it is called with the labels of secrets */
	SF_FOUND_GO,	     /* Go's function table names it */
	/* not found */
	SF_NOT_ELF,
	SF_NOT_MACHINE,	 /* neither x86-64 nor arm64 */
	SF_NOT_TLS,	 /* no labels */
	SF_NOT_CALLED,	 /* labels, and no function that is called with them */
	SF_NOT_ONE,	 /* several such functions */
	SF_NOT_GO_TLS,	 /* a Go program without crypto/tls */
	SF_NOT_GO_ABI,	 /* Go before 1.17, or 1.18 on arm64: arguments are not in registers */
	SF_NOT_GO_TABLE, /* a Go program whose function table is of an unknown version */
	SF_NOT_RUSTLS,	 /* no labels, and rustls, which has no such function */
};

struct sf_found {
	__u64 offsets[SF_FUNCTIONS]; /* in the file */
	__u64 addresses[SF_FUNCTIONS];
	__u64 labels[SF_LABELS]; /* the addresses of labels; 0: there is no label, or there are several copies */
	__u32 how;		 /* enum sf_found_how */
	__u32 functions;
	__u32 labels_seen; /* the labels in the file, as a bit set */
	__u32 build_id_len;
	__u64 calls[SF_CALLS]; /* offsets in the file */
	__u32 call_count;
	__u32 reserved;
	__u8 build_id[SF_BUILD_ID_BYTES];
	char go_version[SF_VERSION_BYTES];
};

#endif

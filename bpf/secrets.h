/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0 */
/*
 * What secrets.bpf.c and user space share: the secrets of TLS handshakes, as
 * probes see them. Read by cffi too, as config.h is.
 */
#ifndef SOCKFILTER_SECRETS_H
#define SOCKFILTER_SECRETS_H

/* bytes of a client random (RFC 8446, 4.1.2), and of the longest secret: a TLS 1.2 master secret has 48 */
#define SF_RANDOM_BYTES 32
#define SF_SECRET_BYTES 64
/* bytes of the longest label, with the zero at its end */
#define SF_LABEL_BYTES 32

/*
 * What is copied of the object of a connection that was open before, when its library sends or receives on it: the
 * object itself (OpenSSL 3.0 has 7 KB), and the beginning of what it points to (a session of TLS 1.2 has its secret in
 * the first 400 bytes). An object of OpenSSL has 40 such addresses.
 */
#define SF_OBJECT_BYTES 8192
#define SF_BLOCK_BYTES 512
#define SF_BLOCKS 64

/* whose secrets are taken; all zero: everybody's */
struct sf_secrets_config {
	__u64 pidns_dev; /* the namespace whose process numbers user space knows */
	__u64 pidns_ino;
	__u32 tgid;    /* only this process, by its number in that namespace; or 0 */
	__u32 uid;     /* only processes of this user */
	__u32 has_uid; /* whether uid is set */
	__u32 reserved;
};

/* labels of the NSS key log format that open records; labels.h has the same order */
enum sf_label {
	SF_LABEL_MASTER = 1, /* of TLS 1.2: CLIENT_RANDOM */
	SF_LABEL_CLIENT_EARLY,
	SF_LABEL_CLIENT_HANDSHAKE,
	SF_LABEL_SERVER_HANDSHAKE,
	SF_LABEL_CLIENT_TRAFFIC,
	SF_LABEL_SERVER_TRAFFIC,
};

struct sf_secret {
	__u64 time_ns; /* CLOCK_MONOTONIC, as the packets' */
	__u64 object;  /* the library's own address of the connection; 0: not known */
	__u32 tgid;
	__u32 tid;
	__u32 label;	  /* enum sf_label */
	__u16 secret_len; /* bytes */
	__u16 random_len; /* SF_RANDOM_BYTES; 0: not known */
	__u8 random[SF_RANDOM_BYTES];
	__u8 secret[SF_SECRET_BYTES];
};

/* a part of an object's memory: the object itself, or what one of its words points to */
struct sf_memory {
	__u64 time_ns; /* CLOCK_MONOTONIC, of the call */
	__u64 object;
	__u32 tgid;
	__u32 at;     /* the offset of the word in the object; SF_OBJECT_BYTES: the object itself */
	__u32 len;    /* bytes that could be read */
	__u32 blocks; /* of the object itself: how many blocks follow */
};

struct sf_object {
	struct sf_memory memory;
	__u64 words[SF_OBJECT_BYTES / 8];
};

struct sf_block {
	struct sf_memory memory;
	__u8 bytes[SF_BLOCK_BYTES];
};

/* Every call of a probed function is seen, and has one outcome. */
struct sf_secret_counts {
	__u64 seen;
	__u64 sent;
	__u64 lost;	  /* no room in the ring */
	__u64 excluded;	  /* of another process or user */
	__u64 other;	  /* a label that opens no records, such as that of an exporter */
	__u64 unreadable; /* it was not in memory, or has an impossible length */
	/* calls that send or receive: those are not among the seen */
	__u64 calls;
	__u64 copied;	/* objects */
	__u64 uncopied; /* objects for which there was no room in the ring */
};

#endif

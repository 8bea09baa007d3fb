/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0 */
/*
 * What the programs that accelerate local connections share with user space. Read as C by
 * the programs, and as declarations by cffi: keep to plain structs, enums and number macros.
 */
#ifndef SOCKFILTER_ACCELERATE_H
#define SOCKFILTER_ACCELERATE_H

/* ends of connections, about 100 bytes each; connections beyond that stay with TCP */
#define SF_ACCELERATE_ENDS 65536
/* redirected bytes that a reader may have left unread; from then on a direction stays with TCP */
#define SF_ACCELERATE_WAITING_MAX 1048576

enum sf_accelerate_counter {
	SF_ACCELERATE_CONNECTIONS = 0, /* both ends are in the control group */
	SF_ACCELERATE_TCP_BYTES = 1,   /* that ends of these have received by TCP, once they are closed */
	SF_ACCELERATE_MESSAGES = 2,    /* redirected */
	SF_ACCELERATE_BYTES = 3,       /* redirected */
	SF_ACCELERATE_LEFT = 4,	       /* directions that went back to TCP because the reader was slow */
	SF_ACCELERATE_SPLICES = 5,     /* calls of splice(2) that read from a TCP socket, by processes of the group */
	SF_ACCELERATE_COUNTERS = 6,
};

/* before the load */
struct sf_accelerate_config {
	__u64 group;   /* the number of the control group */
	__u32 dry_run; /* only count the connections that would qualify */
	__u32 reserved;
};

/* processes that splice from sockets; further ones are counted, and not named */
#define SF_ACCELERATE_SPLICERS 64
/* bytes of a process's name, its end included (TASK_COMM_LEN) */
#define SF_ACCELERATE_COMM_BYTES 16

struct sf_splicer {
	__u64 calls;
	char comm[SF_ACCELERATE_COMM_BYTES];
};

#endif

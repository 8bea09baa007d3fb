/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0 */
/*
 * What syscalls.bpf.c is told before it is loaded, beside struct sf_config, and
 * what it counts beside enum sf_counter. Read by cffi too, as config.h is.
 */
#ifndef SOCKFILTER_SYSCALLS_H
#define SOCKFILTER_SYSCALLS_H

#include "events.h"

/* bytes of a command's name, the zero at its end included (TASK_COMM_LEN) */
#define SF_COMM_BYTES 16
/* names of commands that are asked for at most: each is compared with, one after the other */
#define SF_COMMS 8

/* whose calls are wanted; where nothing is said, everybody's */
struct sf_calls_config {
	__u64 cgroup;	    /* a cgroup's number, or 0; those below it count too */
	__u32 cgroup_level; /* how far below the root it is */
	__u8 by_tree;	    /* the members of a tree */
	__u8 by_comm;	    /* how many names there are */
	__u8 is_named;	    /* some members are known by the number of a process number namespace alone */
	__u8 unix_too;	    /* Unix stream sockets, where no ports, hosts or families are asked for */
	char comms[SF_COMMS][SF_COMM_BYTES];
};

/* bytes of a Unix socket's name (sun_path) */
#define SF_UNIX_BYTES 108

/* the map unix_names, by a connection's id: what one end of a connection is bound to */
struct sf_unix_name {
	__u16 len;
	__u8 end; /* which one, in the flow */
	__u8 reserved;
	char path[SF_UNIX_BYTES];
};

/*
 * Every call that ends is counted once as seen and once under one outcome. Of
 * one that carries HTTP, each part, most often the only one, counts as seen and
 * under an outcome in enum sf_counter, as do the ends of its connection.
 */
enum sf_call_counter {
	SF_CALLS_SEEN = SF_COUNTERS,
	/* outcomes */
	SF_CALLS_EXCLUDED,
	SF_CALLS_OTHER,
	SF_CALLS_NOT_SOCKET,
	SF_CALLS_NOT_STREAM,
	SF_CALLS_FILTERED,
	SF_CALLS_NOT_HTTP,
	SF_CALLS_HTTP,
	/* more of those that carry HTTP */
	SF_CALLS_UNREADABLE,
	SF_CALLS_NOT_SEEN,
	SF_CALL_COUNTERS,
};

#endif

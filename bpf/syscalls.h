/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0 */
/*
 * What syscalls.bpf.c has in addition to struct sf_config and enum sf_counter: its
 * settings and its counters. Read by cffi too, as config.h is.
 */
#ifndef SOCKFILTER_SYSCALLS_H
#define SOCKFILTER_SYSCALLS_H

#include "events.h"

/* bytes of a command's name, the zero at its end included (TASK_COMM_LEN) */
#define SF_COMM_BYTES 16
/* most names of commands that can be asked for: each is compared, one after the other */
#define SF_COMMS 8

/* whose calls are captured; all zero: everybody's */
struct sf_calls_config {
	__u64 cgroup;	    /* a cgroup's number, which includes those below it; or 0 */
	__u32 cgroup_level; /* its depth below the root */
	__u8 by_tree;	    /* only members of a tree of processes */
	__u8 by_comm;	    /* how many of comms are set */
	__u8 is_named;	    /* the map named has members: see members.bpf.h */
	__u8 unix_too;	    /* Unix stream sockets too, if no port, host or family is asked for */
	char comms[SF_COMMS][SF_COMM_BYTES];
};

/* bytes of a Unix socket's name (sun_path) */
#define SF_UNIX_BYTES 108

/* the map unix_names, by a connection's id: what one end of a connection is bound to */
struct sf_unix_name {
	__u16 len;
	__u8 end; /* which end of the flow */
	__u8 reserved;
	char path[SF_UNIX_BYTES];
};

/*
 * Every call counts once as seen and once under exactly one outcome, when it ends.
 * Each part of a call that carries HTTP (most calls are one part) counts as seen and
 * under an outcome in enum sf_counter, and so does each end of a connection.
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
	/* of those that carry HTTP */
	SF_CALLS_UNREADABLE,
	SF_CALLS_NOT_SEEN,
	/* connections, each once */
	SF_CALLS_PAST_NETWORK,
	SF_CALL_COUNTERS,
};

#endif

/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0 */
/*
 * What processes.bpf.c and user space share: the keys and values of its maps,
 * and its configuration. Read by cffi too, as config.h and events.h are.
 */
#ifndef SOCKFILTER_PROCESSES_H
#define SOCKFILTER_PROCESSES_H

/* bytes of one name: NAME_MAX of linux/limits.h, and its end */
#define SF_NAME_BYTES 256
/* of a path's names; one that has more is not told */
#define SF_PATH_BYTES 768
/* of the names of control groups, from the innermost on */
#define SF_GROUPS_BYTES 512
/* of a command line; the rest of a longer one is cut off */
#define SF_ARGUMENTS_BYTES 512

/* the process numbers that user space knows are those of a namespace */
struct sf_processes_config {
	__u32 netns; /* where packets are looked at; its number in nsfs. 0: ends are told by where they are */
	__u32 pidns;
};

/* how often an end of an open connection went from one process to another */
struct sf_handovers {
	__u64 count;
};

/* one end of a connection, as it has it; IPv4 addresses as ::ffff:a.b.c.d */
struct sf_end {
	__u8 local_addr[16];
	__u8 peer_addr[16];
	__u16 local_port;
	__u16 peer_port;
	__u32 netns; /* 0: any but where packets are looked at */
};

/* a process from one exec to the next */
struct sf_life {
	__u64 start_ns; /* since boot */
	__u32 tgid;	/* 0: nobody */
	__u32 execs;
};

struct sf_holder {
	struct sf_life life;
	__u64 noted_ns;
	__u32 netns;
	__u32 reserved;
};

/* who has an end, and who had it before */
struct sf_owner {
	struct sf_holder now;
	struct sf_holder before;
};

struct sf_process {
	__u32 uid;
	__u32 pid;	 /* by the namespace that user space is in; 0: it is not seen from there */
	__u32 inner_pid; /* by its own */
	__u16 exe_len;	 /* bytes; names, each with its end, the last of the path first; 0: not known */
	__u16 groups_len;
	__u32 arguments_len; /* of all, more of them than are kept perhaps */
	char comm[16];
	char exe[SF_PATH_BYTES];
	char groups[SF_GROUPS_BYTES];
	char arguments[SF_ARGUMENTS_BYTES];
	__u32 reserved;
};

#endif

/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0 */
/*
 * What processes.bpf.c and user space share: the keys and values of its maps,
 * and its configuration. Read by cffi too, as config.h and events.h are.
 */
#ifndef SOCKFILTER_PROCESSES_H
#define SOCKFILTER_PROCESSES_H

/* bytes of one name: NAME_MAX of linux/limits.h, and the zero at its end */
#define SF_NAME_BYTES 256
/* bytes of a path's names; a longer path is left out */
#define SF_PATH_BYTES 768
/* bytes of the names of control groups, from the innermost on */
#define SF_GROUPS_BYTES 512
/* bytes of a command line; a longer one is cut off */
#define SF_ARGUMENTS_BYTES 512

/* set before the load; namespaces by their numbers in nsfs */
struct sf_processes_config {
	__u32 netns; /* the network namespace that is captured in; 0: all, and each end has its own */
	__u32 pidns; /* the process namespace of user space */
};

/* how often an end of an open connection went from one process to another */
struct sf_handovers {
	__u64 count;
};

/* one end of a connection; IPv4 addresses as ::ffff:a.b.c.d */
struct sf_end {
	__u8 local_addr[16];
	__u8 peer_addr[16];
	__u16 local_port;
	__u16 peer_port;
	__u32 netns; /* 0: any other than the one that is captured in */
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

/* the owner of an end, and the one before */
struct sf_owner {
	struct sf_holder now;
	struct sf_holder before;
};

struct sf_process {
	__u32 uid;
	__u32 pid;	 /* in the namespace of user space; 0: it is not visible there */
	__u32 inner_pid; /* in its own namespace */
	__u16 exe_len;	 /* bytes of names, each with its zero, the last of the path first; 0: not known */
	__u16 groups_len;
	__u32 arguments_len; /* of the whole command line, which may be longer than arguments */
	char comm[16];
	char exe[SF_PATH_BYTES];
	char groups[SF_GROUPS_BYTES];
	char arguments[SF_ARGUMENTS_BYTES];
	__u32 reserved;
};

#endif

/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0 */
/* A tree of processes: those that user space names, and all their descendants. */
#ifndef SOCKFILTER_MEMBERS_BPF_H
#define SOCKFILTER_MEMBERS_BPF_H

#include "../members.h"

/* members at the same time; processes forked beyond that are not followed */
#define MEMBERS 65536

const volatile struct sf_members_config members_config SEC(".rodata.members");

/* thread groups, by the kernel's numbers */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, MEMBERS);
	__type(key, __u32);
	__type(value, __u8);
} members SEC(".maps");

/* members by the numbers of user space's namespace; one moves to the map members when it first does something */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, MEMBERS);
	__type(key, __u32);
	__type(value, __u8);
} named SEC(".maps");

/* Adds a key to a map that is used as a set: the values say nothing. */
static __always_inline void add_to_set(void *map, const void *key)
{
	__u8 there = 1;

	bpf_map_update_elem(map, key, &there, BPF_ANY);
}

static __always_inline int is_named(void)
{
	struct bpf_pidns_info here = {};

	if (bpf_get_ns_current_pid_tgid(members_config.pidns_dev, members_config.pidns_ino, (void *)&here,
					sizeof(here)))
		return 0;
	if (!bpf_map_lookup_elem(&named, &here.tgid))
		return 0;
	bpf_map_delete_elem(&named, &here.tgid);
	return 1;
}

static __always_inline int is_member(void)
{
	__u32 tgid = bpf_get_current_pid_tgid() >> 32;

	if (bpf_map_lookup_elem(&members, &tgid))
		return 1;
	if (!is_named())
		return 0;
	add_to_set(&members, &tgid);
	return 1;
}

/* arguments: the parent, which is the current process, and the child */
static __always_inline void note_fork(struct bpf_raw_tracepoint_args *ctx)
{
	struct task_struct *child = (void *)ctx->args[1];
	__u32 tgid;

	if (!is_member())
		return;
	tgid = BPF_CORE_READ(child, tgid);
	add_to_set(&members, &tgid);
}

/* Removes a process whose last thread is ending. In sched_process_free its number may be another's already. */
static __always_inline void note_exit(void)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	__u32 tgid = bpf_get_current_pid_tgid() >> 32;

	if (!BPF_CORE_READ(task, signal, live.counter))
		bpf_map_delete_elem(&members, &tgid);
}

#endif

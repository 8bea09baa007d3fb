/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0 */
/*
 * Which process owns which end of a TCP connection: the process that connects, and
 * later the process that last began to receive on it. The latter is right for
 * servers whose workers share a listening socket, and for descriptors that were
 * passed to another process.
 *
 * A process is described while it runs, because it may have ended when somebody
 * asks. It is described again after each exec.
 */
#include "internal.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>

#include "lib/sockets.bpf.h"
#include "processes.h"

/* ends of connections, open or not; the oldest make room (about 9 MB) */
#define OWNERS 65536
/* sockets between connect() and TCP_ESTABLISHED; the oldest make room */
#define CONNECTING 16384
/* sockets whose receiver is known; one that made room is added again when its process receives */
#define RECEIVERS 65536
/* processes, running or not; the oldest make room (about 8 MB) */
#define PROCESSES 4096
/* steps along a path: one for each name and each mount */
#define PATH_DEPTH 24
/* control groups, from the innermost on: one of these tells which container it is */
#define GROUPS_DEPTH 8
/* nested process namespaces among which user space's is looked for */
#define PIDNS_DEPTH 8

/* include/linux/sched.h */
#define PF_KTHREAD 0x00200000

const volatile struct sf_processes_config processes_config;

/* user space reads it without a system call */
struct sf_handovers handovers;

/* a program may interrupt another, so each has a place of its own */
enum scratch_of {
	OF_CONNECT = 0,
	OF_RECEIVE = 1,
	SCRATCHES = 2,
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, OWNERS);
	__type(key, struct sf_end);
	__type(value, struct sf_owner);
} owners SEC(".maps");

/* by the address of struct sock */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, CONNECTING);
	__type(key, __u64);
	__type(value, struct sf_life);
} connecting SEC(".maps");

/* thread groups, by the address of struct sock */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, RECEIVERS);
	__type(key, __u64);
	__type(value, __u32);
} receivers SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, PROCESSES);
	__type(key, struct sf_life);
	__type(value, struct sf_process);
} processes SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, SCRATCHES);
	__type(key, __u32);
	__type(value, struct sf_process);
} scratch SEC(".maps");

/* Appends a name and its end. Returns where the next begins; 0: there is no room for it. */
static __always_inline __u64 put_name(char *names, __u64 at, __u64 size, const void *name)
{
	long len;

	/* Old verifiers do not apply a comparison to a copy of the number: it stays in one register. */
	asm volatile("" : "+r"(at));
	if (at > size - SF_NAME_BYTES)
		return 0;
	len = bpf_probe_read_kernel_str(names + at, SF_NAME_BYTES, name);
	return len > 0 ? at + len : 0;
}

/*
 * Goes upwards from the file, as d_path() does, and from the root of a mount to its
 * mount point. The place of the next name is in the map's memory, of which the
 * verifier knows nothing: so it verifies each step once, and not once for each path
 * that leads there, which took five times as long.
 */
static __always_inline void put_path(struct sf_process *process, struct file *file)
{
	volatile __u16 *end = &process->exe_len;
	struct dentry *dentry = BPF_CORE_READ(file, f_path.dentry), *parent;
	struct mount *mount = (void *)BPF_CORE_READ(file, f_path.mnt) - bpf_core_field_offset(struct mount, mnt),
		     *below;
	__u64 at;
	int i;

	*end = 0;
	for (i = 0; i < PATH_DEPTH; i++) {
		if (dentry == BPF_CORE_READ(mount, mnt.mnt_root)) {
			below = BPF_CORE_READ(mount, mnt_parent);
			if (below == mount)
				return;
			dentry = BPF_CORE_READ(mount, mnt_mountpoint);
			mount = below;
			continue;
		}
		parent = BPF_CORE_READ(dentry, d_parent);
		if (parent == dentry) /* of a mount that has gone */
			break;
		at = put_name(process->exe, *end, SF_PATH_BYTES, BPF_CORE_READ(dentry, d_name.name));
		if (!at)
			break;
		*end = at;
		dentry = parent;
	}
	*end = 0;
}

static __always_inline struct kernfs_node *parent_of(struct kernfs_node *node)
{
	if (bpf_core_field_exists(node->__parent))
		return BPF_CORE_READ(node, __parent);
	return (void *)BPF_CORE_READ((struct kernfs_node___old *)node, parent);
}

static __always_inline __u16 put_groups(char *names, struct task_struct *task)
{
	struct kernfs_node *node = BPF_CORE_READ(task, cgroups, dfl_cgrp, kn);
	__u64 at = 0, next;
	int i;

	for (i = 0; i < GROUPS_DEPTH && node; i++) {
		next = put_name(names, at, SF_GROUPS_BYTES, BPF_CORE_READ(node, name));
		if (!next)
			break;
		at = next;
		node = parent_of(node);
	}
	return at;
}

static __always_inline void put_numbers(struct sf_process *process, struct task_struct *leader)
{
	struct pid *pid = BPF_CORE_READ(leader, thread_pid);
	__u32 level = BPF_CORE_READ(pid, level), i;
	struct upid *number = (void *)pid + bpf_core_field_offset(struct pid, numbers);

	process->pid = 0;
	process->inner_pid =
		BPF_CORE_READ((struct upid *)((void *)number + level * bpf_core_type_size(struct upid)), nr);
	for (i = 0; i < PIDNS_DEPTH && i <= level; i++) {
		if (BPF_CORE_READ(number, ns, ns.inum) == processes_config.pidns) {
			process->pid = BPF_CORE_READ(number, nr);
			break;
		}
		number = (void *)number + bpf_core_type_size(struct upid);
	}
}

static __always_inline void put_arguments(struct sf_process *process, struct mm_struct *mm)
{
	unsigned long start = BPF_CORE_READ(mm, arg_start);
	__u64 len = BPF_CORE_READ(mm, arg_end) - start;

	process->arguments_len = len;
	if (len > SF_ARGUMENTS_BYTES)
		len = SF_ARGUMENTS_BYTES;
	/* one register, for the reason given at put_name() */
	asm volatile("" : "+r"(len));
	if (len > SF_ARGUMENTS_BYTES || bpf_probe_read_user(process->arguments, len, (void *)start))
		process->arguments_len = 0; /* they are not in memory */
}

/* Describes the current process in the map processes, unless it is there. */
static __always_inline void note_process(const struct sf_life *life, struct task_struct *leader, __u32 whose)
{
	struct sf_process *process;
	struct mm_struct *mm;

	if (bpf_map_lookup_elem(&processes, life))
		return;
	process = bpf_map_lookup_elem(&scratch, &whose);
	if (!process)
		return;
	process->uid = bpf_get_current_uid_gid();
	put_numbers(process, leader);
	bpf_probe_read_kernel_str(process->comm, sizeof(process->comm), &leader->comm);
	process->groups_len = put_groups(process->groups, leader);
	process->exe_len = 0;
	process->arguments_len = 0;
	mm = BPF_CORE_READ(leader, mm);
	if (mm) {
		put_path(process, BPF_CORE_READ(mm, exe_file));
		put_arguments(process, mm);
	}
	bpf_map_update_elem(&processes, life, process, BPF_ANY);
}

static __always_inline struct sf_life life_of(struct task_struct *leader)
{
	return (struct sf_life){
		.start_ns = BPF_CORE_READ(leader, start_boottime),
		.tgid = BPF_CORE_READ(leader, tgid),
		.execs = BPF_CORE_READ(leader, self_exec_id),
	};
}

/* Describes the current process. Not inlined: a function of its own is verified once for all its callers. */
__attribute__((noinline)) int note_current(__u32 whose)
{
	struct task_struct *leader = BPF_CORE_READ((struct task_struct *)bpf_get_current_task(), group_leader);
	struct sf_life life = life_of(leader);

	note_process(&life, leader, whose);
	return 0;
}

/* Describes the current process and returns its key. */
static __always_inline struct sf_life life_of_current(__u32 whose)
{
	struct task_struct *leader = BPF_CORE_READ((struct task_struct *)bpf_get_current_task(), group_leader);

	note_current(whose);
	return life_of(leader);
}

static __always_inline int is_loopback(const __u8 addr[16])
{
	const __u32 *words = (const void *)addr;

	if (words[0] || words[1])
		return 0;
	return (words[2] == bpf_htonl(0xffff) && addr[12] == 127) || (!words[2] && words[3] == bpf_htonl(1));
}

/* The end that a socket is, and its network namespace. Returns 0 where no packet of it is captured. */
static __always_inline int read_end(struct sf_end *end, struct sock *sk, __u32 *netns)
{
	read_addresses(sk, family_of(sk), &end->local_addr, &end->peer_addr);
	end->local_port = local_port_of(sk);
	end->peer_port = peer_port_of(sk);
	*netns = netns_of(sk);
	if (!processes_config.netns) {
		end->netns = *netns;
	} else if (*netns != processes_config.netns) {
		/* packets on loopback do not leave their namespace */
		if (is_loopback(end->local_addr))
			return 0;
		end->netns = 0;
	} else {
		end->netns = *netns;
	}
	return 1;
}

/* Makes a process the owner of an end, and keeps the owner before it. */
static __always_inline void set_owner(struct sock *sk, const struct sf_life *life)
{
	struct sf_owner owner = {}, *known;
	struct sf_end end = {};

	if (!read_end(&end, sk, &owner.now.netns))
		return;
	owner.now.life = *life;
	owner.now.noted_ns = bpf_ktime_get_ns();
	known = bpf_map_lookup_elem(&owners, &end);
	if (known)
		/* A tgid of 0 marks where this life of the connection began, and is no owner. */
		owner.before = known->now.life.tgid ? known->now : known->before;
	bpf_map_update_elem(&owners, &end, &owner, BPF_ANY);
}

/* A new connection has the addresses and ports of an old one: the owner of its end is not known yet. */
static __always_inline void clear_owner(struct sock *sk)
{
	struct sf_owner owner = {}, *known;
	struct sf_end end = {};

	if (!read_end(&end, sk, &owner.now.netns))
		return;
	known = bpf_map_lookup_elem(&owners, &end);
	if (!known)
		return;
	owner.now.noted_ns = bpf_ktime_get_ns();
	owner.before = known->now;
	bpf_map_update_elem(&owners, &end, &owner, BPF_ANY);
}

/*
 * arguments: the socket, its state, and its next one. This runs in the process that
 * connects. It is a program of its own, because processes_established() may
 * interrupt it, and the kernel does not run an interrupted program again on the
 * same CPU.
 */
SEC("raw_tp/inet_sock_set_state")
int processes_connect(struct bpf_raw_tracepoint_args *ctx)
{
	__u64 address = ctx->args[0];
	struct sf_life life;

	if ((int)ctx->args[1] != TCP_CLOSE || (int)ctx->args[2] != TCP_SYN_SENT)
		return 0;
	life = life_of_current(OF_CONNECT);
	bpf_map_update_elem(&connecting, &address, &life, BPF_ANY);
	return 0;
}

/* the same arguments; this runs wherever a packet is handled */
SEC("raw_tp/inet_sock_set_state")
int processes_established(struct bpf_raw_tracepoint_args *ctx)
{
	struct sock *sk = (void *)ctx->args[0];
	int before = ctx->args[1], state = ctx->args[2];
	__u64 address = ctx->args[0];
	struct sf_life *life;

	if (before == TCP_SYN_RECV && state == TCP_ESTABLISHED) {
		bpf_map_delete_elem(&receivers, &address);
		clear_owner(sk);
		return 0;
	}
	if (before != TCP_SYN_SENT)
		return 0;
	life = bpf_map_lookup_elem(&connecting, &address);
	if (state == TCP_ESTABLISHED && life) {
		set_owner(sk, life);
		bpf_map_update_elem(&receivers, &address, &life->tgid, BPF_ANY);
	} else if (state == TCP_ESTABLISHED) {
		bpf_map_delete_elem(&receivers, &address);
		clear_owner(sk);
	}
	if (life)
		bpf_map_delete_elem(&connecting, &address);
	return 0;
}

/* arguments: the socket, whose bytes the current process has received */
SEC("raw_tp/tcp_rcv_space_adjust")
int processes_receive(struct bpf_raw_tracepoint_args *ctx)
{
	__u32 tgid = bpf_get_current_pid_tgid() >> 32, *known;
	__u64 address = ctx->args[0];
	struct sf_life life;

	known = bpf_map_lookup_elem(&receivers, &address);
	if (known && *known == tgid)
		return 0;
	/* A kernel thread reads for somebody else. */
	if (BPF_CORE_READ((struct task_struct *)bpf_get_current_task(), flags) & PF_KTHREAD)
		return 0;
	life = life_of_current(OF_RECEIVE);
	set_owner((struct sock *)address, &life);
	if (known)
		__sync_fetch_and_add(&handovers.count, 1);
	bpf_map_update_elem(&receivers, &address, &tgid, BPF_ANY);
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";

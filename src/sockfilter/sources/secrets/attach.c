/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Links for probes in user space, by hand: libbpf 1.1 does not know them. Unlike
 * a probe by perf_event_open(), such a link takes no CAP_SYS_ADMIN: CAP_BPF and
 * CAP_PERFMON are enough. Linux 6.6 is the first that has them.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <linux/types.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* include/uapi/linux/bpf.h of Linux 6.6: enum bpf_attach_type, and the part of union bpf_attr */
#define TRACE_UPROBE_MULTI 48

struct uprobe_multi {
	__u32 program;
	__u32 target;
	__u32 attach_type;
	__u32 link_flags;
	__u64 path;
	__u64 offsets;
	__u64 reference_counters;
	__u64 cookies;
	__u32 count;
	__u32 flags;
	__u32 pid;
	__u32 reserved;
};

/* Links a program to places in a file, for all processes. Returns a descriptor; -1 with errno set on failure. */
static int sf_uprobe_multi(int program, const char *path, const __u64 *offsets, __u32 count)
{
	struct uprobe_multi attr = {
		.program = program,
		.attach_type = TRACE_UPROBE_MULTI,
		.path = (__u64)(unsigned long)path,
		.offsets = (__u64)(unsigned long)offsets,
		.count = count,
	};

	return syscall(__NR_bpf, BPF_LINK_CREATE, &attr, sizeof(attr));
}

/* Makes a program one for such links, before the load. */
static void sf_uprobe_multi_expect(struct bpf_program *program)
{
	bpf_program__set_expected_attach_type(program, TRACE_UPROBE_MULTI);
}

/* Returns whether programs for probes may call bpf_loop(): Linux 5.17 is the first where they may. */
static int sf_loop_supported(void)
{
	return libbpf_probe_bpf_helper(BPF_PROG_TYPE_KPROBE, BPF_FUNC_loop, NULL) == 1;
}

/* Returns whether the kernel has such links: it then refuses a folder as no file, and not as an unknown request. */
static int sf_uprobe_multi_supported(void)
{
	const struct bpf_insn nothing[] = {
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 0},
		{.code = BPF_JMP | BPF_EXIT},
	};
	LIBBPF_OPTS(bpf_prog_load_opts, opts, .expected_attach_type = TRACE_UPROBE_MULTI);
	const __u64 nowhere = 0;
	int program = bpf_prog_load(BPF_PROG_TYPE_KPROBE, "probe", "GPL", nothing, 2, &opts), link, found;

	if (program < 0)
		return 0;
	link = sf_uprobe_multi(program, "/", &nowhere, 1);
	found = link < 0 && errno == EBADF;
	if (link >= 0)
		close(link);
	close(program);
	return found;
}

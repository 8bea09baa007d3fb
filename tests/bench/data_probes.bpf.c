/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0 */
/*
 * What other tools do to see HTTP inside TLS: a probe at each entry and each
 * return of SSL_read() and SSL_write(), which copies the bytes. Nobody reads
 * them here, so that this is the least that such a tool can cost.
 */
#include <linux/bpf.h>
#include <linux/ptrace.h>

#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

/* bytes of a call that are copied; others copy 4096 to 16384 */
#define COPIED 4096

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 8192);
	__type(key, __u64);
	__type(value, __u64);
} buffers SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, char[COPIED]);
} copies SEC(".maps");

/* user space reads it */
struct {
	__u64 calls;
	__u64 bytes;
} seen;

SEC("uprobe")
int at_entry(struct pt_regs *regs)
{
	__u64 thread = bpf_get_current_pid_tgid(), buffer = PT_REGS_PARM2(regs);

	bpf_map_update_elem(&buffers, &thread, &buffer, BPF_ANY);
	return 0;
}

SEC("uretprobe")
int at_return(struct pt_regs *regs)
{
	__u64 thread = bpf_get_current_pid_tgid(), *buffer = bpf_map_lookup_elem(&buffers, &thread);
	__s64 size = (int)PT_REGS_RC(regs);
	__u64 copied = size;
	__u32 zero = 0;
	char *copy = bpf_map_lookup_elem(&copies, &zero);

	if (!buffer || !copy || size <= 0)
		return 0;
	__sync_fetch_and_add(&seen.calls, 1);
	__sync_fetch_and_add(&seen.bytes, size);
	if (copied > COPIED)
		copied = COPIED;
	bpf_probe_read_user(copy, copied, (void *)*buffer);
	bpf_map_delete_elem(&buffers, &thread);
	return 0;
}

char of_program[] SEC("license") = "Dual BSD/GPL";

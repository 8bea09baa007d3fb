/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Landlock and a seccomp filter, for the command once it captures. Both hold for
 * the calling thread and what it starts, and cannot be taken back.
 */
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <linux/types.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

/* include/uapi/linux/landlock.h of kernel 6.12: the headers here may be older. The numbers are those of all machines. */
#define SANDBOX_CREATE_RULESET 444
#define SANDBOX_ADD_RULE 445
#define SANDBOX_RESTRICT_SELF 446
#define SANDBOX_ASK_VERSION 1
#define SANDBOX_PATH_BENEATH 1

struct sandbox_ruleset {
	__u64 fs;     /* ABI 1 */
	__u64 net;    /* ABI 4 */
	__u64 scoped; /* ABI 6 */
};

struct sandbox_path {
	__u64 allowed;
	__s32 fd;
} __attribute__((packed));

/* Which Landlock the kernel has; -1 with errno set: none (ENOSYS), or it is switched off (EOPNOTSUPP). */
static int sf_landlock_abi(void)
{
	return syscall(SANDBOX_CREATE_RULESET, NULL, 0, SANDBOX_ASK_VERSION);
}

/* A descriptor for rules; everything named is denied until allowed. Returns -1 with errno set. */
static int sf_landlock_rules(__u64 fs, __u64 net, __u64 scoped)
{
	struct sandbox_ruleset attr = {.fs = fs, .net = net, .scoped = scoped};

	/* an older kernel takes a longer structure as long as what it does not know is zero */
	return syscall(SANDBOX_CREATE_RULESET, &attr, sizeof(attr), 0);
}

/* Allows some of it for a file, or for all below a folder. Returns -1 with errno set. */
static int sf_landlock_allow(int rules, int fd, __u64 allowed)
{
	struct sandbox_path attr = {.allowed = allowed, .fd = fd};

	return syscall(SANDBOX_ADD_RULE, rules, SANDBOX_PATH_BENEATH, &attr, 0);
}

/* Takes no_new_privs or CAP_SYS_ADMIN. Returns -1 with errno set. */
static int sf_landlock_enter(int rules)
{
	return syscall(SANDBOX_RESTRICT_SELF, rules, 0);
}

/*
 * What a sniffer never calls once it captures, and who has taken it over would
 * want to. Not a list of what it may call: that would grow old with each libc
 * and each Python, and end a capture in the middle.
 */
static const int sandbox_denied[] = {
	/* other programs and processes */
	__NR_execve,
	__NR_execveat,
	__NR_ptrace,
	__NR_process_vm_readv,
	__NR_process_vm_writev,
#ifdef __NR_pidfd_getfd
	__NR_pidfd_getfd,
#endif
	/* files past their paths, mounts, namespaces */
	__NR_open_by_handle_at,
	__NR_name_to_handle_at,
	__NR_mount,
	__NR_umount2,
	__NR_pivot_root,
	__NR_chroot,
	__NR_unshare,
	__NR_setns,
	/* other machines; Landlock, where there is one, knows TCP alone */
	__NR_connect,
	__NR_listen,
	__NR_accept,
	__NR_accept4,
#ifdef __NR_open_tree
	__NR_open_tree,
	__NR_move_mount,
	__NR_fsopen,
	__NR_fsmount,
	__NR_fsconfig,
	__NR_fspick,
#endif
	/* the kernel itself, and large parts of it that nothing here takes */
	__NR_kexec_load,
	__NR_init_module,
	__NR_finit_module,
	__NR_delete_module,
	__NR_perf_event_open,
	__NR_userfaultfd,
	__NR_keyctl,
	__NR_add_key,
	__NR_request_key,
	__NR_reboot,
	__NR_swapon,
	__NR_swapoff,
	__NR_acct,
	__NR_quotactl,
#ifdef __NR_kexec_file_load
	__NR_kexec_file_load,
#endif
#ifdef __NR_io_uring_setup
	__NR_io_uring_setup,
	__NR_io_uring_enter,
	__NR_io_uring_register,
#endif
};

#define SANDBOX_DENIED ((int)(sizeof(sandbox_denied) / sizeof(*sandbox_denied)))
/* enum bpf_cmd: looking up, updating, deleting and listing entries of maps that are open */
#define SANDBOX_BPF_FIRST 1
#define SANDBOX_BPF_LAST 4
/* what stands before and behind the list */
#define SANDBOX_BEFORE 6
#define SANDBOX_BEHIND 9

#if defined(__x86_64__)
#define SANDBOX_ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__) && defined(__AARCH64EL__)
#define SANDBOX_ARCH AUDIT_ARCH_AARCH64
#else
#define SANDBOX_ARCH 0 /* not tried: no filter */
#endif
/* the low half of a system call's first argument */
#define SANDBOX_ARGUMENT (offsetof(struct seccomp_data, args) + (__BYTE_ORDER == __BIG_ENDIAN ? 4 : 0))
#define SANDBOX_LOAD(at) ((struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, at))
#define SANDBOX_JUMP(how, k, yes, no) ((struct sock_filter)BPF_JUMP(BPF_JMP | how | BPF_K, k, yes, no))
#define SANDBOX_RETURN(k) ((struct sock_filter)BPF_STMT(BPF_RET | BPF_K, k))
/* x32: the same processor and kernel, other numbers from here on */
#define SANDBOX_OTHER_NUMBERS 0x40000000u

/* Denies it. Takes no_new_privs. Returns -1 with errno set: where the kernel has no seccomp, ENOSYS or EINVAL. */
static int sf_seccomp_enter(void)
{
	struct sock_filter code[SANDBOX_BEFORE + 2 * SANDBOX_DENIED + SANDBOX_BEHIND];
	struct sock_fprog filter = {.filter = code};
	int n = 0;
	int i;

	if (!SANDBOX_ARCH) {
		errno = ENOSYS;
		return -1;
	}
	/* another machine's calls, as by int 0x80, have other numbers */
	code[n++] = SANDBOX_LOAD(offsetof(struct seccomp_data, arch));
	code[n++] = SANDBOX_JUMP(BPF_JEQ, SANDBOX_ARCH, 1, 0);
	code[n++] = SANDBOX_RETURN(SECCOMP_RET_ERRNO | EPERM);
	code[n++] = SANDBOX_LOAD(offsetof(struct seccomp_data, nr));
	code[n++] = SANDBOX_JUMP(BPF_JGE, SANDBOX_OTHER_NUMBERS, 0, 1);
	code[n++] = SANDBOX_RETURN(SECCOMP_RET_ERRNO | EPERM);
	/* one comparison and one answer each: a jump reaches 255 instructions */
	for (i = 0; i < SANDBOX_DENIED; i++) {
		code[n++] = SANDBOX_JUMP(BPF_JEQ, (__u32)sandbox_denied[i], 0, 1);
		code[n++] = SANDBOX_RETURN(SECCOMP_RET_ERRNO | EPERM);
	}
	code[n++] = SANDBOX_JUMP(BPF_JEQ, __NR_bpf, 0, 3);
	code[n++] = SANDBOX_LOAD(SANDBOX_ARGUMENT);
	code[n++] = SANDBOX_JUMP(BPF_JGE, SANDBOX_BPF_FIRST, 0, 4);
	code[n++] = SANDBOX_JUMP(BPF_JGT, SANDBOX_BPF_LAST, 3, 4);
	/* of sockets, those alone that ask the kernel */
	code[n++] = SANDBOX_JUMP(BPF_JEQ, __NR_socket, 0, 3);
	code[n++] = SANDBOX_LOAD(SANDBOX_ARGUMENT);
	code[n++] = SANDBOX_JUMP(BPF_JEQ, AF_NETLINK, 1, 0);
	code[n++] = SANDBOX_RETURN(SECCOMP_RET_ERRNO | EPERM);
	code[n++] = SANDBOX_RETURN(SECCOMP_RET_ALLOW);
	filter.len = n;
	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter, 0, 0);
}

/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Landlock and a seccomp filter, which the command enters once it captures. Both
 * apply to the calling thread and to the threads and processes that it starts
 * later. They cannot be removed.
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

/* include/uapi/linux/landlock.h of kernel 6.12, as the installed headers may be older; same on all architectures */
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

/* Returns the kernel's Landlock ABI; -1 with errno set if it has none (ENOSYS) or disables it (EOPNOTSUPP). */
static int sf_landlock_abi(void)
{
	return syscall(SANDBOX_CREATE_RULESET, NULL, 0, SANDBOX_ASK_VERSION);
}

/* Returns a descriptor for rules, which deny the given rights unless allowed later; -1 with errno set on failure. */
static int sf_landlock_rules(__u64 fs, __u64 net, __u64 scoped)
{
	struct sandbox_ruleset attr = {.fs = fs, .net = net, .scoped = scoped};

	/* an older kernel accepts a longer struct if the fields that it does not know are zero */
	return syscall(SANDBOX_CREATE_RULESET, &attr, sizeof(attr), 0);
}

/* Allows rights for a file, or for everything below a folder. Returns -1 with errno set on failure. */
static int sf_landlock_allow(int rules, int fd, __u64 allowed)
{
	struct sandbox_path attr = {.allowed = allowed, .fd = fd};

	return syscall(SANDBOX_ADD_RULE, rules, SANDBOX_PATH_BENEATH, &attr, 0);
}

/* Enters the rules. Requires no_new_privs or CAP_SYS_ADMIN. Returns -1 with errno set on failure. */
static int sf_landlock_enter(int rules)
{
	return syscall(SANDBOX_RESTRICT_SELF, rules, 0);
}

/*
 * System calls that a capture never needs and an attacker would want. This is
 * not a list of permitted calls: such a list would have to change with each
 * libc and Python version, and a missing call would end a capture.
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
	/* files by handle instead of path, mounts, namespaces */
	__NR_open_by_handle_at,
	__NR_name_to_handle_at,
	__NR_mount,
	__NR_umount2,
	__NR_pivot_root,
	__NR_chroot,
	__NR_unshare,
	__NR_setns,
	/* other machines; Landlock restricts TCP only, if the kernel has it */
	__NR_connect,
	__NR_listen,
#ifdef __NR_open_tree
	__NR_open_tree,
	__NR_move_mount,
	__NR_fsopen,
	__NR_fsmount,
	__NR_fsconfig,
	__NR_fspick,
#endif
	/* the kernel itself, and large subsystems that a capture does not use */
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

/* what a server needs, whose socket listens already */
static const int sandbox_denied_to_captures[] = {
	__NR_accept,
	__NR_accept4,
};

#define SANDBOX_SERVING ((int)(sizeof(sandbox_denied_to_captures) / sizeof(*sandbox_denied_to_captures)))
#define SANDBOX_DENIED ((int)(sizeof(sandbox_denied) / sizeof(*sandbox_denied)))
/* enum bpf_cmd: look up, update, delete and list entries of open maps */
#define SANDBOX_BPF_FIRST 1
#define SANDBOX_BPF_LAST 4
/* the number of instructions before and after the list */
#define SANDBOX_BEFORE 6
#define SANDBOX_BEHIND 9

#if defined(__x86_64__)
#define SANDBOX_ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__) && defined(__AARCH64EL__)
#define SANDBOX_ARCH AUDIT_ARCH_AARCH64
#else
#define SANDBOX_ARCH 0 /* untested architecture: no filter */
#endif
/* the low half of a system call's first argument */
#define SANDBOX_ARGUMENT (offsetof(struct seccomp_data, args) + (__BYTE_ORDER == __BIG_ENDIAN ? 4 : 0))
#define SANDBOX_LOAD(at) ((struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, at))
#define SANDBOX_JUMP(how, k, yes, no) ((struct sock_filter)BPF_JUMP(BPF_JMP | how | BPF_K, k, yes, no))
#define SANDBOX_RETURN(k) ((struct sock_filter)BPF_STMT(BPF_RET | BPF_K, k))
/* the x32 ABI has the same architecture number, but its system calls have numbers from here on */
#define SANDBOX_OTHER_NUMBERS 0x40000000u

/*
 * Denies the list, and to captures accepting connections. Requires no_new_privs.
 * Returns -1 with errno set; ENOSYS or EINVAL without seccomp.
 */
static int sf_seccomp_enter(int serves)
{
	struct sock_filter code[SANDBOX_BEFORE + 2 * (SANDBOX_DENIED + SANDBOX_SERVING) + SANDBOX_BEHIND];
	struct sock_fprog filter = {.filter = code};
	int n = 0;
	int i;

	if (!SANDBOX_ARCH) {
		errno = ENOSYS;
		return -1;
	}
	/* calls of another architecture, for example by int 0x80, have other numbers */
	code[n++] = SANDBOX_LOAD(offsetof(struct seccomp_data, arch));
	code[n++] = SANDBOX_JUMP(BPF_JEQ, SANDBOX_ARCH, 1, 0);
	code[n++] = SANDBOX_RETURN(SECCOMP_RET_ERRNO | EPERM);
	code[n++] = SANDBOX_LOAD(offsetof(struct seccomp_data, nr));
	code[n++] = SANDBOX_JUMP(BPF_JGE, SANDBOX_OTHER_NUMBERS, 0, 1);
	code[n++] = SANDBOX_RETURN(SECCOMP_RET_ERRNO | EPERM);
	/* one comparison and one return for each call, because a jump can skip at most 255 instructions */
	for (i = 0; i < SANDBOX_DENIED; i++) {
		code[n++] = SANDBOX_JUMP(BPF_JEQ, (__u32)sandbox_denied[i], 0, 1);
		code[n++] = SANDBOX_RETURN(SECCOMP_RET_ERRNO | EPERM);
	}
	for (i = 0; i < SANDBOX_SERVING && !serves; i++) {
		code[n++] = SANDBOX_JUMP(BPF_JEQ, (__u32)sandbox_denied_to_captures[i], 0, 1);
		code[n++] = SANDBOX_RETURN(SECCOMP_RET_ERRNO | EPERM);
	}
	code[n++] = SANDBOX_JUMP(BPF_JEQ, __NR_bpf, 0, 3);
	code[n++] = SANDBOX_LOAD(SANDBOX_ARGUMENT);
	code[n++] = SANDBOX_JUMP(BPF_JGE, SANDBOX_BPF_FIRST, 0, 4);
	code[n++] = SANDBOX_JUMP(BPF_JGT, SANDBOX_BPF_LAST, 3, 4);
	/* allow only netlink sockets, which communicate with the kernel */
	code[n++] = SANDBOX_JUMP(BPF_JEQ, __NR_socket, 0, 3);
	code[n++] = SANDBOX_LOAD(SANDBOX_ARGUMENT);
	code[n++] = SANDBOX_JUMP(BPF_JEQ, AF_NETLINK, 1, 0);
	code[n++] = SANDBOX_RETURN(SECCOMP_RET_ERRNO | EPERM);
	code[n++] = SANDBOX_RETURN(SECCOMP_RET_ALLOW);
	filter.len = n;
	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter, 0, 0);
}

/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0 */
/*
 * Which system call has ended and what its arguments were, from the registers
 * that the kernel saved when it began. For 64-bit programs on x86-64 and arm64.
 */
#ifndef SOCKFILTER_CALLS_BPF_H
#define SOCKFILTER_CALLS_BPF_H

#include "internal.h"
#include <bpf/bpf_core_read.h>

/* the code segment of a 32-bit program on x86-64, arch/x86/include/asm/segment.h */
#define USER32_CS 0x23
/* a 32-bit program on arm64, arch/arm64/include/uapi/asm/ptrace.h */
#define PSR_MODE32_BIT 0x10

/* how a call's arguments say where its bytes are */
enum call_form {
	CALL_OTHER,
	CALL_BUFFER,   /* descriptor, buffer */
	CALL_IOVECS,   /* descriptor, struct iovec, how many */
	CALL_MESSAGE,  /* descriptor, struct user_msghdr */
	CALL_MESSAGES, /* descriptor, struct mmsghdr, how many; the result counts messages */
	CALL_FILE,     /* descriptor, and a file that the kernel reads itself */
	CALL_CONNECT,  /* descriptor */
	CALL_ACCEPT,   /* the result is the descriptor */
};

struct call {
	__u8 form; /* enum call_form */
	bool is_read;
	__u8 flags_at; /* which argument has MSG_ flags; 0: none has */
	__u8 reserved;
};

#define CALL(number, ...)                                                                                              \
	case number:                                                                                                   \
		return (struct call)                                                                                   \
		{                                                                                                      \
			__VA_ARGS__, 0                                                                                 \
		}

/* arch/x86/entry/syscalls/syscall_64.tbl */
static __always_inline struct call call_of_x86(__u64 number)
{
	switch (number) {
		CALL(0, CALL_BUFFER, true, 0);	    /* read */
		CALL(1, CALL_BUFFER, false, 0);	    /* write */
		CALL(19, CALL_IOVECS, true, 0);	    /* readv */
		CALL(20, CALL_IOVECS, false, 0);    /* writev */
		CALL(40, CALL_FILE, false, 0);	    /* sendfile */
		CALL(42, CALL_CONNECT, false, 0);   /* connect */
		CALL(43, CALL_ACCEPT, false, 0);    /* accept */
		CALL(44, CALL_BUFFER, false, 0);    /* sendto */
		CALL(45, CALL_BUFFER, true, 3);	    /* recvfrom */
		CALL(46, CALL_MESSAGE, false, 0);   /* sendmsg */
		CALL(47, CALL_MESSAGE, true, 2);    /* recvmsg */
		CALL(288, CALL_ACCEPT, false, 0);   /* accept4 */
		CALL(299, CALL_MESSAGES, true, 3);  /* recvmmsg */
		CALL(307, CALL_MESSAGES, false, 0); /* sendmmsg */
		CALL(327, CALL_IOVECS, true, 0);    /* preadv2, which at -1 is readv */
		CALL(328, CALL_IOVECS, false, 0);   /* pwritev2 */
	}
	return (struct call){};
}

/* include/uapi/asm-generic/unistd.h */
static __always_inline struct call call_of_generic(__u64 number)
{
	switch (number) {
		CALL(63, CALL_BUFFER, true, 0);	    /* read */
		CALL(64, CALL_BUFFER, false, 0);    /* write */
		CALL(65, CALL_IOVECS, true, 0);	    /* readv */
		CALL(66, CALL_IOVECS, false, 0);    /* writev */
		CALL(71, CALL_FILE, false, 0);	    /* sendfile */
		CALL(202, CALL_ACCEPT, false, 0);   /* accept */
		CALL(203, CALL_CONNECT, false, 0);  /* connect */
		CALL(206, CALL_BUFFER, false, 0);   /* sendto */
		CALL(207, CALL_BUFFER, true, 3);    /* recvfrom */
		CALL(211, CALL_MESSAGE, false, 0);  /* sendmsg */
		CALL(212, CALL_MESSAGE, true, 2);   /* recvmsg */
		CALL(242, CALL_ACCEPT, false, 0);   /* accept4 */
		CALL(243, CALL_MESSAGES, true, 3);  /* recvmmsg */
		CALL(269, CALL_MESSAGES, false, 0); /* sendmmsg */
		CALL(286, CALL_IOVECS, true, 0);    /* preadv2 */
		CALL(287, CALL_IOVECS, false, 0);   /* pwritev2 */
	}
	return (struct call){};
}

#undef CALL

/* The verifier knows the answer and removes the other branch. */
static __always_inline bool is_arm64(void)
{
	return bpf_core_field_exists(((struct pt_regs___arm64 *)0)->orig_x0);
}

static __always_inline struct call call_of(const struct pt_regs *regs)
{
	if (is_arm64())
		return call_of_generic(BPF_CORE_READ((const struct pt_regs___arm64 *)regs, syscallno));
	return call_of_x86(BPF_CORE_READ(regs, orig_ax));
}

/* A 32-bit program has other call numbers and other structs. */
static __always_inline bool is_32_bit(const struct pt_regs *regs)
{
	if (is_arm64())
		return BPF_CORE_READ((const struct pt_regs___arm64 *)regs, pstate) & PSR_MODE32_BIT;
	return BPF_CORE_READ(regs, cs) == USER32_CS;
}

/* number is a literal, so only one of the reads is left when it is inlined. */
static __always_inline __u64 argument(const struct pt_regs *regs, int number)
{
	const struct pt_regs___arm64 *arm = (const void *)regs;

	switch (number) {
	case 0:
		return is_arm64() ? BPF_CORE_READ(arm, orig_x0) : BPF_CORE_READ(regs, di);
	case 1:
		return is_arm64() ? BPF_CORE_READ(arm, regs[1]) : BPF_CORE_READ(regs, si);
	case 2:
		return is_arm64() ? BPF_CORE_READ(arm, regs[2]) : BPF_CORE_READ(regs, dx);
	}
	return is_arm64() ? BPF_CORE_READ(arm, regs[3]) : BPF_CORE_READ(regs, r10);
}

#endif

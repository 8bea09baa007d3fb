/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0 */
/*
 * Which socket a descriptor of the current process refers to. It is read from the
 * kernel's own structures each time, because descriptors are inherited, duplicated,
 * passed to other processes and reused.
 */
#ifndef SOCKFILTER_DESCRIPTORS_BPF_H
#define SOCKFILTER_DESCRIPTORS_BPF_H

#include "internal.h"
#include <bpf/bpf_core_read.h>

/* include/uapi/linux/stat.h */
#define S_IFMT 0170000
#define S_IFSOCK 0140000

/* socket_file_ops of net/socket.c, learned from the first socket: saves two reads for every file that is no socket */
const void *socket_ops SEC(".data.sockets");

/* Returns NULL where the file is no socket. */
static __always_inline struct sock *sock_of(__u32 fd)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	struct file **files = BPF_CORE_READ(task, files, fdt, fd), *file = NULL;
	struct socket *socket;
	const void *ops, *known = *(const void *volatile *)&socket_ops;

	bpf_probe_read_kernel(&file, sizeof(file), files + fd);
	ops = BPF_CORE_READ(file, f_op);
	if (known && ops != known)
		return NULL;
	if (!known) {
		if ((BPF_CORE_READ(file, f_inode, i_mode) & S_IFMT) != S_IFSOCK)
			return NULL;
		*(const void *volatile *)&socket_ops = ops;
	}
	socket = BPF_CORE_READ(file, private_data);
	return BPF_CORE_READ(socket, sk);
}

#endif

/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0 */
/* What a program that follows processes is told before it is loaded. Read by cffi too, as config.h is. */
#ifndef SOCKFILTER_MEMBERS_H
#define SOCKFILTER_MEMBERS_H

/* the process numbers that user space knows are those of a namespace */
struct sf_members_config {
	__u64 pidns_dev;
	__u64 pidns_ino;
};

#endif

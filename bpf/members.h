/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0 */
/* What a program that follows a tree of processes is told before the load. Read by cffi too, as config.h is. */
#ifndef SOCKFILTER_MEMBERS_H
#define SOCKFILTER_MEMBERS_H

/* the namespace whose process numbers user space knows */
struct sf_members_config {
	__u64 pidns_dev;
	__u64 pidns_ino;
};

#endif

/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0 */
/*
 * What tree.bpf.c and user space share: the keys of its maps. Read by cffi
 * too, as config.h and events.h are.
 */
#ifndef SOCKFILTER_TREE_H
#define SOCKFILTER_TREE_H

/* a connection, seen from one of its ends; IPv4 addresses as ::ffff:a.b.c.d */
struct sf_pair {
	__u8 local_addr[16];
	__u8 peer_addr[16];
	__u16 local_port;
	__u16 peer_port;
};

struct sf_listener {
	__u32 netns; /* its number in nsfs */
	__u32 port;
};

#endif

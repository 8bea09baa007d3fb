/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0 */
/*
 * What tcp.bpf.c and user space share: what the kernel's TCP does with
 * connections. Read by cffi too, as config.h and events.h are. User space reads
 * the layouts at fixed offsets; a test compares them.
 */
#ifndef SOCKFILTER_TCP_EVENTS_H
#define SOCKFILTER_TCP_EVENTS_H

/* ends of open connections that are followed: 4096 buckets of four (about 5 MB) */
#define SF_TCP_BUCKETS 4096
#define SF_TCP_WAYS 4
/* the last times that an end has received: enough for a pipeline of requests, and for a reader that is late */
#define SF_TCP_RECEIVES 8
/* ends that wait to be accepted and are looked at by a timer; others make room for them */
#define SF_TCP_UNACCEPTED 256
/* nanoseconds between two looks at them: accept() has no tracepoint, so this is how exactly its time is known */
#define SF_TCP_LOOK_NS 4000000
/* addresses of a kernel stack */
#define SF_TCP_FRAMES 32
/* pairs of reason and place that drops are counted by; others are counted together */
#define SF_TCP_PLACES 1024
/* IFNAMSIZ and TASK_COMM_LEN */
#define SF_TCP_NAME_BYTES 16

/* which records user space wants, as bits of sf_tcp_config.wants */
enum sf_tcp_wants {
	SF_TCP_WANT_STATES = 1,	     /* every change of a connection's state */
	SF_TCP_WANT_RETRANSMITS = 2, /* every segment that is sent again */
	SF_TCP_WANT_DROPS = 4,	     /* drops of segments of followed connections */
	SF_TCP_WANT_SYN_DROPS = 8,   /* drops of SYNs of any connection, at most syn_drops_per_s on each CPU */
	SF_TCP_WANT_STACKS = 16,     /* the kernel's stack with a drop, at most stacks_per_s on each CPU */
	SF_TCP_WANT_RESETS = 32,     /* resets that are sent and received */
	SF_TCP_WANT_ARRIVALS = 64,   /* when unread bytes have arrived: for SF_TCP_RECEIVE.queued_ns */
	SF_TCP_WANT_FIRST = 128,     /* the first receive of each end */
	SF_TCP_WANT_SLOW = 256,	     /* receives of bytes that lay in the socket for slow_ns or more */
	SF_TCP_WANT_ACCEPTS = 1024,  /* when an end was accepted, by a timer: sf_tcp_slot.accepted_ns */
	SF_TCP_WANT_LISTENERS = 512, /* with SF_TCP_WANT_STATES: also those of listening sockets */
	SF_TCP_WANT_LIVES = 2048,    /* of states and drops, only what tells how connections begin, fail and end */
};

/* what the kernel's tracepoints have, as bits of sf_tcp_config.has */
enum sf_tcp_has {
	SF_TCP_HAS_REASON = 1,	     /* kfree_skb has a reason, since Linux 5.17 */
	SF_TCP_HAS_RECEIVER = 2,     /* kfree_skb has the receiving socket, since 6.11 */
	SF_TCP_HAS_RESET_REASON = 4, /* tcp_send_reset has a reason, since 6.10 */
	SF_TCP_HAS_ERROR = 8,	     /* tcp_retransmit_skb has an error, since 6.16 */
};

/* set before the load */
struct sf_tcp_config {
	__u64 pidns_dev; /* the process namespace of user space */
	__u64 pidns_ino;
	__u64 slow_ns;
	__u32 wants;	       /* enum sf_tcp_wants */
	__u32 has;	       /* enum sf_tcp_has */
	__u32 netns;	       /* only sockets of this network namespace, by its number in nsfs; 0: all */
	__u32 stacks_per_s;    /* on each CPU */
	__u32 syn_drops_per_s; /* on each CPU */
	__u32 by_port;	       /* compare with the map ports */
};

enum sf_tcp_kind {
	SF_TCP_STATE = 1,
	SF_TCP_RETRANSMIT = 2,
	SF_TCP_DROP = 3,
	SF_TCP_RESET_SENT = 4,
	SF_TCP_RESET_RECEIVED = 5,
	SF_TCP_RECEIVE = 6, /* with SF_TCP_WANT_FIRST or SF_TCP_WANT_SLOW */
	SF_TCP_ICMP = 7,    /* with SF_TCP_WANT_STATES: this machine answers a SYN with an ICMP message */
};

/* one end of a connection as a socket has it; IPv4 addresses as ::ffff:a.b.c.d */
struct sf_tcp_end {
	__u8 local_addr[16];
	__u8 peer_addr[16];
	__u16 local_port;
	__u16 peer_port;
	__u32 netns; /* its number in nsfs; of a drop without a socket, that of the interface; 0: not known */
};

/* what a socket knows of its connection, as struct tcp_info has it; all zero: not known */
struct sf_tcp_figures {
	__u64 bytes_acked;
	__u64 bytes_received;
	__u64 bytes_sent; /* with those that were sent again */
	__u64 bytes_retransmitted;
	__u32 srtt_us;
	__u32 rttvar_us;
	__u32 rtt_min_us;  /* 0: not measured yet */
	__u32 retransmits; /* segments */
	__u32 cwnd;	   /* segments */
	__u32 snd_wnd;	   /* bytes: what the peer permits; 0: it does not read */
	__u32 rcv_wnd;
	__u32 write_seq;
	__u32 snd_una;
	__u32 rcv_nxt;
	__u32 copied_seq;
	__u32 window_limited_ticks; /* the time for which the peer's window stopped the sender, in jiffies */
	__u32 buffer_limited_ticks; /* the time for which the send buffer was too small */
	__u32 busy_ticks;	    /* the time for which there was something to send */
};

struct sf_tcp_event {
	__u64 time_ns; /* CLOCK_MONOTONIC, as the packets' */
	__u64 socket;  /* its address, the same in all records of one life of a socket; 0: not known */
	struct sf_tcp_end end;
	struct sf_tcp_figures figures;
	__u64 location;	 /* drop: an address in the kernel's code */
	__u64 queued_ns; /* receive: how long the bytes lay in the socket; 0: not known */
	__u64 begun_ns;	 /* when the end was established, or 0: before this program ran */
	__u64 cgroup;	 /* of the process that has acted, by its inode number; 0: not known */
	__u32 reason;	 /* of the running kernel: enum skb_drop_reason, or sk_rst_reason of a reset; ICMP: the code */
	__u32 seq;	 /* retransmission, drop: of the first byte */
	__u32 end_seq;	 /* after the last byte; a SYN and a FIN count 1 */
	__u32 segments;	 /* retransmission: how many packets on the wire */
	__u32 ifindex;	 /* drop: of the interface; 0: none */
	__u32 pid;	 /* the process that has acted, in user space's namespace; 0: not known, or the kernel itself */
	__u32 frames;	 /* addresses that follow in sf_tcp_stacked.stack */
	__u32 error;	 /* state: sk_err, such as ECONNREFUSED; ICMP: the type */
	__u16 backlog;	 /* state of a listener: waiting connections */
	__u16 backlog_max; /* how many may wait */
	__u8 kind;	   /* enum sf_tcp_kind */
	__u8 before;	   /* state: enum tcp_state */
	__u8 state;	   /* enum tcp_state, afterwards */
	__u8 ca_state;	   /* retransmission: enum tcp_ca_state: 4 is loss, after a timeout */
	__u8 pending;	   /* retransmission: the timer that is set: 0 if it has expired, 5 for a tail loss probe */
	__u8 tcp_flags;	   /* drop: those of the header */
	__u8 is_outgoing;  /* drop: the socket that sends it is on this machine */
	__u8 is_first;	   /* receive: the first one of this end */
	__u8 is_passive;   /* the end was accepted, not connected; only where begun_ns is known */
	__u8 backoff;	   /* retransmission: how often the timer has doubled */
	__u8 reserved[2];
	char comm[SF_TCP_NAME_BYTES];	   /* of the process that has acted */
	char interface[SF_TCP_NAME_BYTES]; /* drop */
};

/* a drop with the kernel's stack */
struct sf_tcp_stacked {
	struct sf_tcp_event event;
	__u64 stack[SF_TCP_FRAMES]; /* the innermost first */
};

struct sf_tcp_received {
	__u64 time_ns;
	__u32 copied_seq; /* after the bytes that were received */
	__u32 unread;	  /* bytes that are left in the socket */
};

/* an open end; user space reads it while the program writes it, and checks sequence numbers */
struct sf_tcp_slot {
	__u64 socket;
	struct sf_tcp_end end;
	struct sf_tcp_figures figures;
	__u64 begun_ns;	  /* when it was established; 0: before this program ran */
	__u64 first_ns;	  /* when it first received */
	__u64 arrived_ns; /* when the oldest unread bytes arrived; 0: not known, or there are none */
	__u64 lag_ns;	  /* for how long, in all, bytes lay in the socket while it was between two receives */
	__u64 used_ns;	  /* when it was last written */
	__u32 receives;	  /* how many there were: the next goes to this number modulo SF_TCP_RECEIVES */
	__u32 is_passive; /* it was accepted, not connected; only where begun_ns is known */
	struct sf_tcp_received received[SF_TCP_RECEIVES];
	__u64 unaccepted_ns; /* when it was last seen in the accept queue; 0: it was not seen there */
	__u64 accepted_ns;   /* when it was first seen accepted, before it received; 0: it was not */
	__u32 tid;	     /* the kernel's number of the thread that last received */
	__u32 reserved;
};

/* an entry of the map unaccepted: an end that is not known to be accepted */
struct sf_tcp_unaccepted {
	__u64 socket; /* 0: none */
	__u32 bucket;
	__u32 reserved;
};

/* What slots are looked up by comes first: one line of the cache, and not one for each slot. */
struct sf_tcp_bucket {
	__u64 sockets[SF_TCP_WAYS]; /* 0: closed, or never used */
	__u32 hashes[SF_TCP_WAYS];  /* of the ends */
	struct sf_tcp_slot slots[SF_TCP_WAYS];
};

/* the key of the map places, whose values count drops on each CPU */
struct sf_tcp_place {
	__u64 location;
	__u32 reason;
	__u32 is_tcp;
};

/* memory that is shared with user space; the first member is as in struct sf_shared */
struct sf_tcp_shared {
	__u32 asleep; /* the reader is about to wait: the next record wakes it */
	__u32 reserved;
	__u64 sent;	   /* records */
	__u64 lost;	   /* records for which the ring had no room */
	__u64 uncounted;   /* drops at more places than there is room for */
	__u64 retransmits; /* records of segments that were sent again, sent or lost */
	__u64 drops;	   /* drops of followed connections, sent or lost */
};

#endif

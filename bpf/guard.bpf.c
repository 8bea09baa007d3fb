/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0 */
/*
 * Judges packets that open a connection: by their port, and by how many their source has
 * opened. All other packets pass. A dry run drops nothing, and judges in the same way.
 *
 * It reads UAPI structs only, so it needs no BTF of the kernel.
 */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_endian.h>
#include <stdbool.h>

#include "guard.h"
#include "tcp.h"

/* include/uapi/linux/bpf.h: the next program decides; the packet ends here */
#define TCX_NEXT -1
#define TCX_DROP 2
/* of a program at a control group */
#define CGROUP_PASS 1
#define CGROUP_DROP 0

#define IP_FRAGMENT 0x3fff
#define EXTENSIONS_MAX 8
/* how often a bucket is tried again that another processor has just changed */
#define RETRIES 8
/* bytes that are made readable where a driver has left the headers in a page */
#define PULL_BYTES 256

const volatile struct sf_guard_config config;

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, SF_GUARD_COUNTERS);
	__type(key, __u32);
	__type(value, __u64);
} counters SEC(".maps");

/* one bit for each port */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1024);
	__type(key, __u32);
	__type(value, __u64);
} ports SEC(".maps");

struct networks {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, SF_GUARD_NETWORKS);
	__type(key, struct sf_guard_network);
	__type(value, __u8);
} judged SEC(".maps"), exempt SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, SF_GUARD_SOURCES);
	__type(key, __u64);   /* see source_of() */
	__type(value, __u64); /* when its bucket is full again */
} sources SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, SF_GUARD_RING);
} refused SEC(".maps");

/* what opens a connection */
struct opening {
	struct sf_guard_network from;
	__u32 reserved;
	__u64 to[2];
	__u16 sport;
	__u16 dport;
	__u32 seq;
	__u32 protocol;
	__u32 is_v6;
};

static __always_inline void count(__u32 counter)
{
	__u64 *value = bpf_map_lookup_elem(&counters, &counter);

	if (value)
		++*value;
}

static __always_inline int load(struct __sk_buff *skb, __u32 off, void *to, __u32 len)
{
	/* Not from the start of the data: behind generic XDP the kernel may have lost the length of the link header. */
	return bpf_skb_load_bytes_relative(skb, off, to, len, BPF_HDR_START_NET);
}

/* what of a packet is needed in most cases: both headers, without options */
struct ipv4_tcp {
	struct iphdr ip;
	struct tcphdr tcp;
};

struct ipv6_tcp {
	struct ipv6hdr ip;
	struct tcphdr tcp;
};

enum found {
	FOUND_UNREADABLE,
	FOUND_NOTHING, /* that opens a connection */
	FOUND_OPENING,
};

static __always_inline bool opens(const struct tcphdr *tcp)
{
	return (tcp->flags & (TCP_SYN | TCP_ACK)) == TCP_SYN;
}

static __always_inline int found_tcp(const struct tcphdr *tcp, struct opening *o)
{
	o->sport = bpf_ntohs(tcp->source);
	o->dport = bpf_ntohs(tcp->dest);
	o->seq = bpf_ntohl(tcp->seq);
	o->protocol = IPPROTO_TCP;
	return FOUND_OPENING;
}

/* Reads what follows the IP headers, at off from the network header. */
static __always_inline int find_behind(struct __sk_buff *skb, __u32 off, __u8 protocol, struct opening *o)
{
	struct tcphdr tcp;
	struct udphdr udp;

	if (protocol == IPPROTO_TCP) {
		if (load(skb, off, &tcp, sizeof(tcp)) < 0)
			return FOUND_UNREADABLE;
		return opens(&tcp) ? found_tcp(&tcp, o) : FOUND_NOTHING;
	}
	if (protocol != IPPROTO_UDP || !config.udp)
		return FOUND_NOTHING;
	if (load(skb, off, &udp, sizeof(udp)) < 0)
		return FOUND_UNREADABLE;
	o->sport = bpf_ntohs(udp.source);
	o->dport = bpf_ntohs(udp.dest);
	o->protocol = IPPROTO_UDP;
	if (config.ports == SF_GUARD_ALLOW && o->dport >= config.replies_from && o->dport <= config.replies_to)
		return FOUND_NOTHING;
	return FOUND_OPENING;
}

static __always_inline void set_ipv4(struct opening *o, const struct iphdr *ip)
{
	o->from.prefix = 128;
	__builtin_memset(o->from.addr, 0, 10);
	__builtin_memset(o->from.addr + 10, 0xff, 2);
	__builtin_memcpy(o->from.addr + 12, &ip->saddr, 4);
	o->to[0] = 0;
	o->to[1] = bpf_cpu_to_be64(0xffff00000000ULL | bpf_ntohl(ip->daddr));
}

static __always_inline int find_in_ipv4(struct __sk_buff *skb, struct opening *o)
{
	struct ipv4_tcp h;
	__u32 len;

	/* the usual segment has no options; a packet that is shorter is read again */
	if (load(skb, 0, &h, sizeof(h)) < 0) {
		if (load(skb, 0, &h.ip, sizeof(h.ip)) < 0)
			return FOUND_UNREADABLE;
	} else if (h.ip.version_ihl == 0x45 && h.ip.protocol == IPPROTO_TCP) {
		if (!opens(&h.tcp) || h.ip.frag_off & bpf_htons(IP_FRAGMENT))
			return FOUND_NOTHING;
		set_ipv4(o, &h.ip);
		return found_tcp(&h.tcp, o);
	}
	if (h.ip.frag_off & bpf_htons(IP_FRAGMENT))
		return FOUND_NOTHING;
	len = (h.ip.version_ihl & 0xf) * 4;
	if (h.ip.version_ihl >> 4 != 4 || len < sizeof(h.ip))
		return FOUND_UNREADABLE;
	set_ipv4(o, &h.ip);
	return find_behind(skb, len, h.ip.protocol, o);
}

static __always_inline void set_ipv6(struct opening *o, const struct ipv6hdr *ip)
{
	o->is_v6 = 1;
	o->from.prefix = 128;
	__builtin_memcpy(o->from.addr, ip->saddr, 16);
	__builtin_memcpy(o->to, ip->daddr, 16);
}

static __always_inline int find_in_ipv6(struct __sk_buff *skb, struct opening *o)
{
	struct ipv6_opt_hdr ext;
	struct ipv6_tcp h;
	__u32 off = sizeof(h.ip);
	__u8 next;
	int i;

	if (load(skb, 0, &h, sizeof(h)) < 0) {
		if (load(skb, 0, &h.ip, sizeof(h.ip)) < 0)
			return FOUND_UNREADABLE;
	} else if (h.ip.nexthdr == IPPROTO_TCP) {
		if (!opens(&h.tcp))
			return FOUND_NOTHING;
		set_ipv6(o, &h.ip);
		return found_tcp(&h.tcp, o);
	}
	next = h.ip.nexthdr;
	set_ipv6(o, &h.ip);
#pragma unroll
	for (i = 0; i < EXTENSIONS_MAX; i++) {
		if (next != IPPROTO_HOPOPTS && next != IPPROTO_ROUTING && next != IPPROTO_DSTOPTS && next != IPPROTO_AH)
			break;
		if (load(skb, off, &ext, sizeof(ext)) < 0)
			return FOUND_UNREADABLE;
		off += next == IPPROTO_AH ? (ext.hdrlen + 2) * 4 : (ext.hdrlen + 1) * 8;
		next = ext.nexthdr;
	}
	return find_behind(skb, off, next, o);
}

static __always_inline int find(struct __sk_buff *skb, struct opening *o)
{
	if (skb->protocol == bpf_htons(ETH_P_IP))
		return find_in_ipv4(skb, o);
	return skb->protocol == bpf_htons(ETH_P_IPV6) ? find_in_ipv6(skb, o) : FOUND_NOTHING;
}

static __always_inline bool is_refused_by_port(__u16 port)
{
	__u32 word = port / 64;
	__u64 *bits;
	bool is_in;

	if (config.ports == SF_GUARD_ANY)
		return false;
	bits = bpf_map_lookup_elem(&ports, &word);
	is_in = bits && *bits >> port % 64 & 1;
	return is_in == (config.ports == SF_GUARD_DENY);
}

/*
 * Of IPv6, the network of 64 bits, which belongs to one customer (RFC 6177). Of IPv4, the
 * lower half of ::ffff:a.b.c.d: as a network, it is among those that nobody has (0::/8).
 */
static __always_inline __u64 source_of(const struct opening *o)
{
	__u64 halves[2];

	__builtin_memcpy(halves, o->from.addr, sizeof(halves));
	return o->is_v6 ? halves[0] : halves[1];
}

/*
 * A token bucket in one number, so that processors need no lock: when it is full again,
 * in nanoseconds. An opening takes its cost out, which puts that off; it is refused if
 * there is less than its cost in the bucket.
 */
static __always_inline bool is_refused_by_rate(const struct opening *o)
{
	__u64 now = bpf_ktime_get_ns(), before, after = now + config.cost_ns, *full_at;
	__u64 key = source_of(o);
	int i;

	full_at = bpf_map_lookup_elem(&sources, &key);
	if (!full_at) {
		/* a new bucket is full, and one opening takes its cost out */
		if (!bpf_map_update_elem(&sources, &key, &after, BPF_NOEXIST)) {
			count(SF_GUARD_NEW_SOURCES);
			return false;
		}
		/* another processor has just made it */
		full_at = bpf_map_lookup_elem(&sources, &key);
		if (!full_at) {
			count(SF_GUARD_NO_ROOM);
			return false;
		}
	}
#pragma unroll
	for (i = 0; i < RETRIES; i++) {
		before = *(volatile __u64 *)full_at;
		after = (before > now ? before : now) + config.cost_ns;
		if (after - now > config.room_ns)
			return true;
		if (__sync_val_compare_and_swap(full_at, before, after) == before)
			return false;
	}
	return false;
}

static __always_inline void report(const struct opening *o, __u8 rule)
{
	struct sf_refused *r = bpf_ringbuf_reserve(&refused, sizeof(*r), 0);

	if (!r) {
		count(SF_GUARD_UNREPORTED);
		return;
	}
	r->time_ns = bpf_ktime_get_ns();
	__builtin_memcpy(r->saddr, o->from.addr, sizeof(r->saddr));
	__builtin_memcpy(r->daddr, o->to, sizeof(r->daddr));
	r->sport = o->sport;
	r->dport = o->dport;
	r->seq = o->seq;
	r->rule = rule;
	r->protocol = o->protocol;
	__builtin_memset(r->reserved, 0, sizeof(r->reserved));
	/* the reader looks by itself, some times a second: under a flood, waking it would cost more than all else */
	bpf_ringbuf_submit(r, BPF_RB_NO_WAKEUP);
}

/* Returns whether an opening is refused. */
static __always_inline bool judge(const struct opening *o)
{
	count(SF_GUARD_OPENINGS);
	if ((config.by_exemption && bpf_map_lookup_elem(&exempt, &o->from)) ||
	    (config.by_source && !bpf_map_lookup_elem(&judged, &o->from))) {
		count(SF_GUARD_EXEMPT);
		return false;
	}
	if (is_refused_by_port(o->dport)) {
		count(SF_GUARD_REFUSED_PORT);
		report(o, SF_GUARD_BY_PORT);
		return true;
	}
	if (config.cost_ns && is_refused_by_rate(o)) {
		count(SF_GUARD_REFUSED_RATE);
		report(o, SF_GUARD_BY_RATE);
		return true;
	}
	count(SF_GUARD_ALLOWED);
	return false;
}

static __always_inline bool refuses(struct __sk_buff *skb, bool can_pull)
{
	struct opening o = {};
	int found;

	found = find(skb, &o);
	if (found == FOUND_UNREADABLE && can_pull &&
	    !bpf_skb_pull_data(skb, skb->len < PULL_BYTES ? skb->len : PULL_BYTES))
		found = find(skb, &o);
	if (found != FOUND_OPENING) {
		count(found == FOUND_UNREADABLE ? SF_GUARD_UNREAD : SF_GUARD_PASSED);
		return false;
	}
	return judge(&o) && config.enforce;
}

SEC("tc")
int guard_tcx(struct __sk_buff *skb)
{
	return refuses(skb, true) ? TCX_DROP : TCX_NEXT;
}

/* packets that arrive for sockets of a control group */
SEC("cgroup_skb/ingress")
int guard_cgroup(struct __sk_buff *skb)
{
	return refuses(skb, false) ? CGROUP_DROP : CGROUP_PASS;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";

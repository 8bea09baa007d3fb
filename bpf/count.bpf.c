/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0 */
/*
 * Counts packets by direction, IP version, protocol, EtherType and VLAN, at one of
 * three places: at the tap, where packet sockets get their packets, at XDP and at
 * tcx. User space loads the object once for each place, with the programs of that
 * place. Every packet passes.
 *
 * It reads UAPI structs only, so it needs no BTF.
 */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_endian.h>

typedef _Bool bool;

#include "count.h"
#include "lib/verifier.bpf.h"

/* include/uapi/linux/bpf.h: what the programs return, so that those behind them run as without them */
#define XDP_PASS 2
#define TCX_NEXT -1

/* IPv6 extension headers in a row, and VLAN tags in a frame: more than any real packet has */
#define EXTENSIONS_MAX 8
#define TAGS_MAX 4
#define VID_MASK 0xfff
/* IEEE 802.3: from here on the field is an EtherType, below it is a length */
#define ETHER_TYPE_MIN 0x600
#define ETHER_TYPE_OFFSET 12
#define IPV4_BYTES 20
#define IPV4_PROTOCOL_OFFSET 9
#define IPV6_BYTES 40
#define IPV6_NEXT_OFFSET 6
#define TAG_BYTES 4

enum place_of_program { AT_TAP, AT_XDP, AT_TCX };

const volatile struct sf_count_config config;

/*
 * max_entries is set before the load: a row for each CPU. The programs run with
 * softirqs disabled, so each row has one writer. A per-CPU array cannot be mapped,
 * and reading it takes a system call for each entry.
 */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, SF_COUNT_ROW);
	__type(key, __u32);
	__type(value, struct sf_counted);
} counts SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(max_entries, SF_COUNT_KINDS);
	__type(key, struct sf_count_key);
	__type(value, struct sf_counted);
} kinds SEC(".maps");

/*
 * Classic loads: a call of them takes a third of one of bpf_skb_load_bytes(). Beyond the
 * end of the packet they end the program, so its length is checked before.
 */
unsigned long long load_byte(void *skb, unsigned long long offset) asm("llvm.bpf.load.byte");
unsigned long long load_half(void *skb, unsigned long long offset) asm("llvm.bpf.load.half");

/* one packet */
struct counting {
	__u64 bytes;
	__u64 segments;
	__u32 off; /* of the header being read */
	__u32 is_out;
	__u16 type;
	__u16 tags;
	__u16 outer;
	__u16 inner;
};

static __always_inline void add(struct sf_counted *counted, const struct counting *c)
{
	counted->packets++;
	counted->bytes += c->bytes;
	counted->segments += c->segments;
}

static __always_inline void add_at(__u32 place, const struct counting *c)
{
	struct sf_counted *counted;

	counted = lookup_for_verifier(&counts, bpf_get_smp_processor_id() * SF_COUNT_ROW + place);
	if (counted)
		add(counted, c);
}

static __always_inline void add_protocol(__u32 is_v6, __u32 protocol, const struct counting *c)
{
	add_at(c->is_out * SF_COUNT_DIRECTION + is_v6 * SF_COUNT_PROTOCOLS + protocol, c);
}

static __always_inline void add_other(__u32 place, const struct counting *c)
{
	add_at(c->is_out * SF_COUNT_DIRECTION + SF_COUNT_OTHERS + place, c);
}

static __always_inline void add_kind(const struct sf_count_key *key, __u32 unlisted, const struct counting *c)
{
	struct sf_counted *counted = bpf_map_lookup_elem(&kinds, key), none = {};

	if (!counted) {
		/* Another CPU may insert it at the same time: both add to what is there then. */
		bpf_map_update_elem(&kinds, key, &none, BPF_NOEXIST);
		counted = bpf_map_lookup_elem(&kinds, key);
	}
	if (counted)
		add(counted, c);
	else
		add_other(unlisted, c);
}

static __always_inline int load(void *ctx, int at, __u32 off, void *to, __u32 len)
{
	return at == AT_XDP ? bpf_xdp_load_bytes(ctx, off, to, len) : bpf_skb_load_bytes(ctx, off, to, len);
}

/* the place of an extension header; 0: it is none */
static __always_inline __u32 extension_of(__u8 next)
{
	switch (next) {
	case IPPROTO_HOPOPTS:
		return SF_COUNT_HOP_BY_HOP;
	case IPPROTO_ROUTING:
		return SF_COUNT_ROUTING;
	case IPPROTO_FRAGMENT:
		return SF_COUNT_FRAGMENT;
	case IPPROTO_AH:
		return SF_COUNT_AUTHENTICATION;
	case IPPROTO_DSTOPTS:
		return SF_COUNT_DESTINATION;
	case IPPROTO_MH:
		return SF_COUNT_MOBILITY;
	case IPPROTO_HIP:
		return SF_COUNT_HIP;
	case IPPROTO_SHIM6:
		return SF_COUNT_SHIM6;
	}
	return 0;
}

/*
 * Walks the extension headers from off on. Returns the protocol behind them; where
 * the packet or the walk ends before, the number of the header that was not read.
 */
static __always_inline __u8 walk_extensions(void *ctx, int at, struct counting *c, __u8 next)
{
	__u8 header[8];
	__u32 place;
	int i;

#pragma unroll
	for (i = 0; i < EXTENSIONS_MAX; i++) {
		place = extension_of(next);
		if (!place || load(ctx, at, c->off, header, sizeof(header)) < 0)
			return next;
		/* header[0] is 59 where nothing follows, which is a protocol number too (RFC 8200, 4.7) */
		add_other(place, c);
		if (next == IPPROTO_FRAGMENT) {
			c->off += sizeof(header);
			next = header[0];
			/* behind another than the first fragment there is no header (RFC 8200, 4.5) */
			if (header[2] || header[3] & 0xf8)
				return next;
			continue;
		}
		c->off += next == IPPROTO_AH ? (header[1] + 2) * 4 : (header[1] + 1) * 8;
		next = header[0];
	}
	return next;
}

static __always_inline void count_ip(void *ctx, int at, struct counting *c, __u32 is_v6)
{
	__u8 header[IPV4_BYTES]; /* what of both versions is needed is in its first bytes */
	__u8 next;

	if (c->bytes < c->off + (is_v6 ? IPV6_BYTES : IPV4_BYTES) ||
	    load(ctx, at, c->off, header, sizeof(header)) < 0) {
		add_other(is_v6 ? SF_COUNT_MALFORMED_V6 : SF_COUNT_MALFORMED_V4, c);
		return;
	}
	if (!is_v6) {
		add_protocol(0, header[IPV4_PROTOCOL_OFFSET], c);
		return;
	}
	c->off += IPV6_BYTES;
	next = walk_extensions(ctx, at, c, header[IPV6_NEXT_OFFSET]);
	add_protocol(1, next, c);
}

static __always_inline bool is_tag(__u16 type)
{
	return type == ETH_P_8021Q || type == ETH_P_8021AD || type == ETH_P_QINQ1 || type == ETH_P_QINQ2 ||
	       type == ETH_P_QINQ3;
}

static __always_inline void note_tag(struct counting *c, __u16 vid)
{
	if (!c->tags)
		c->outer = vid;
	else
		c->inner = vid; /* of more than two: the innermost */
	c->tags++;
}

static __always_inline void walk_tags(void *ctx, int at, struct counting *c)
{
	struct vlan_hdr tag;
	int i;

#pragma unroll
	for (i = 0; i < TAGS_MAX; i++) {
		if (!is_tag(c->type) || load(ctx, at, c->off, &tag, sizeof(tag)) < 0)
			return;
		note_tag(c, bpf_ntohs(tag.h_vlan_TCI) & VID_MASK);
		c->type = bpf_ntohs(tag.h_vlan_encapsulated_proto);
		c->off += sizeof(tag);
	}
}

/* Counts a packet whose type and off are known, of the link header or of what follows a device's own tag. */
static __always_inline void count_packet(void *ctx, int at, struct counting *c)
{
	struct sf_count_key key = {.is_out = c->is_out};

	walk_tags(ctx, at, c);
	if (c->tags) {
		key.kind = SF_COUNT_VLAN;
		key.type = c->tags;
		key.outer = c->outer;
		key.inner = c->inner;
		add_kind(&key, SF_COUNT_UNLISTED_VLAN, c);
	}
	if (c->type == ETH_P_IP || c->type == ETH_P_IPV6) {
		count_ip(ctx, at, c, c->type == ETH_P_IPV6);
		return;
	}
	key.kind = SF_COUNT_ETHER_TYPE;
	key.type = c->type < ETHER_TYPE_MIN ? 0 : c->type;
	key.outer = 0;
	key.inner = 0;
	add_kind(&key, SF_COUNT_UNLISTED_TYPE, c);
}

/*
 * Whether the data of a packet of an Ethernet device begins with the network header. Where
 * generic XDP has copied the packet, the kernel forgets how long its link header is
 * (skb_pp_cow_data() does not copy mac_len, up to 6.18), and does not show it to tcx.
 */
static __always_inline bool begins_with_network(struct __sk_buff *skb)
{
	__u64 data[2], network[2];

	return bpf_skb_load_bytes(skb, 0, data, sizeof(data)) >= 0 &&
	       bpf_skb_load_bytes_relative(skb, 0, network, sizeof(network), BPF_HDR_START_NET) >= 0 &&
	       data[0] == network[0] && data[1] == network[1];
}

/* Sets where the network header is, and its type. */
static __always_inline void find_network(struct __sk_buff *skb, int at, struct counting *c)
{
	__be16 type = 0;

	c->type = bpf_ntohs(skb->protocol);
	if (config.has_link_header && at == AT_TCX && !c->is_out && begins_with_network(skb)) {
		c->bytes += ETH_HLEN;
	} else if (config.has_link_header) {
		c->off = ETH_HLEN;
		if (bpf_skb_load_bytes(skb, ETHER_TYPE_OFFSET, &type, sizeof(type)) >= 0)
			c->type = bpf_ntohs(type);
	}
	if (skb->vlan_present) {
		/* the device, or the kernel, has taken the tag out of the frame */
		c->bytes += TAG_BYTES;
		note_tag(c, skb->vlan_tci & VID_MASK);
	}
}

/*
 * Returns 0: the kernel queues nothing in the socket. What arrives has the type that the
 * kernel read from the frame; who sends frames may give it another one.
 */
SEC("socket")
int count_tap(struct __sk_buff *skb)
{
	__u64 link = config.has_link_header ? ETH_HLEN : 0, type, next;
	struct counting c = {.bytes = skb->len, .segments = skb->gso_segs ?: 1};

	c.is_out = skb->pkt_type == PACKET_OUTGOING;
	if (!skb->vlan_present && c.bytes >= link + IPV6_BYTES) {
		type = c.is_out && link ? load_half(skb, ETHER_TYPE_OFFSET) : bpf_ntohs(skb->protocol);
		if (type == ETH_P_IP) {
			add_protocol(0, load_byte(skb, link + IPV4_PROTOCOL_OFFSET), &c);
			return 0;
		}
		next = type == ETH_P_IPV6 ? load_byte(skb, link + IPV6_NEXT_OFFSET) : IPPROTO_HOPOPTS;
		if (!extension_of(next)) {
			add_protocol(1, next, &c);
			return 0;
		}
	}
	/* what the usual packet does not need */
	find_network(skb, AT_TAP, &c);
	count_packet(skb, AT_TAP, &c);
	return 0;
}

SEC("tc")
int count_tcx_in(struct __sk_buff *skb)
{
	struct counting c = {.bytes = skb->len, .segments = skb->gso_segs ?: 1};

	find_network(skb, AT_TCX, &c);
	count_packet(skb, AT_TCX, &c);
	return TCX_NEXT;
}

SEC("tc")
int count_tcx_out(struct __sk_buff *skb)
{
	struct counting c = {.bytes = skb->len, .segments = skb->gso_segs ?: 1, .is_out = 1};

	find_network(skb, AT_TCX, &c);
	count_packet(skb, AT_TCX, &c);
	return TCX_NEXT;
}

/* the beginning of a frame, up to where IPv4 has its protocol */
struct beginning {
	__u8 addresses[ETHER_TYPE_OFFSET];
	__be16 type;
	__u8 ip[IPV4_PROTOCOL_OFFSET + 1];
};

static __always_inline int count_at_xdp(struct xdp_md *ctx, struct counting *c)
{
	__be16 type;
	__u8 version;

	if (config.has_link_header) {
		if (bpf_xdp_load_bytes(ctx, ETHER_TYPE_OFFSET, &type, sizeof(type)) >= 0)
			c->type = bpf_ntohs(type);
		c->off = ETH_HLEN;
	} else if (bpf_xdp_load_bytes(ctx, 0, &version, sizeof(version)) >= 0) {
		c->type = version >> 4 == 6 ? ETH_P_IPV6 : ETH_P_IP;
	}
	count_packet(ctx, AT_XDP, c);
	return XDP_PASS;
}

/*
 * XDP sees arriving packets only. frags: a packet may be in several buffers, which the
 * kernel would otherwise refuse, or copy into one. This one reads packets directly, which
 * takes CAP_PERFMON; the other one does without.
 */
SEC("xdp.frags")
int count_xdp(struct xdp_md *ctx)
{
	const struct beginning *b = (void *)(__u64)ctx->data;
	struct counting c = {.bytes = bpf_xdp_get_buff_len(ctx), .segments = 1};

	if (config.has_link_header && (void *)(b + 1) <= (void *)(__u64)ctx->data_end &&
	    c.bytes >= ETH_HLEN + IPV6_BYTES) {
		if (b->type == bpf_htons(ETH_P_IP)) {
			add_protocol(0, b->ip[IPV4_PROTOCOL_OFFSET], &c);
			return XDP_PASS;
		}
		if (b->type == bpf_htons(ETH_P_IPV6) && !extension_of(b->ip[IPV6_NEXT_OFFSET])) {
			add_protocol(1, b->ip[IPV6_NEXT_OFFSET], &c);
			return XDP_PASS;
		}
	}
	return count_at_xdp(ctx, &c);
}

SEC("xdp.frags")
int count_xdp_by_calls(struct xdp_md *ctx)
{
	struct counting c = {.bytes = bpf_xdp_get_buff_len(ctx), .segments = 1};

	return count_at_xdp(ctx, &c);
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";

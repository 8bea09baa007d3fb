/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0 */
/*
 * Finds the TCP payload of a frame: link header, VLAN tags, IP, tunnels, TCP.
 * Knows nothing of HTTP or connections.
 *
 * All offsets count from the first byte of the frame and are read with
 * bpf_skb_load_bytes(). bpf_skb_load_bytes_relative() would save finding the
 * network header, but it reads the linear part of the buffer only; and a record
 * holds the frame from its first byte, so the offset is needed anyway.
 */
#ifndef SOCKFILTER_PACKET_BPF_H
#define SOCKFILTER_PACKET_BPF_H

#include "../events.h"
#include "../tcp.h"

/* nested IP headers, and VLAN tags before each (IEEE 802.1ad has two, and a device may push its own) */
#define PACKET_LAYERS 3
#define PACKET_TAGS 3
/*
 * IPv6 extension headers in a row: more than any real packet has, and few enough
 * for payload_off of sf_record, 16 bits, to reach the payload in the last layer.
 */
#define PACKET_EXTENSIONS 8

#define IP_MORE_FRAGMENTS 0x2000
#define IP_FRAGMENT_OFFSET 0x1fff
/* RFC 2784 and RFC 2890: the optional fields of 4 bytes, and the version */
#define GRE_CHECKSUM 0x8000
#define GRE_KEY 0x2000
#define GRE_SEQUENCE 0x1000
#define GRE_UNKNOWN 0x4fff
/* RFC 7348 and RFC 8926 */
#define VXLAN_PORT 4789
#define VXLAN_HLEN 8
#define GENEVE_PORT 6081
#define GENEVE_HLEN 8

/* what reading a packet returns; or an outcome of enum sf_counter, where the packet goes no further */
enum packet_result {
	PACKET_IS_TCP = SF_COUNTERS + 1,
	PACKET_IS_FRAGMENT,
	PACKET_GOES_ON, /* another layer at off */
};

/*
 * The layout is for the verifier, because this is on the stack: without CAP_PERFMON
 * the verifiers of 5.10 and 6.1 refuse to write a part of a word of 8 bytes whose
 * beginning was written as a number before ("attempt to corrupt spilled pointer",
 * kernel ab125ed3ec1c). So no small field is at the beginning of a word.
 */
struct packet {
	__u64 saddr[2];
	__u64 daddr[2];
	__u32 : 32;
	__u32 off; /* of the layer being read */
	__u32 : 32;
	__u32 end; /* where the innermost IP packet ends, less the padding */
	__u32 : 32;
	__u32 seq;
	__u32 : 32;
	__u32 ack;
	__u32 : 32;
	__u32 payload_off;
	__u32 : 32;
	__u32 payload_len;
	__u16 : 16;
	__u16 type; /* EtherType of the layer being read */
	__be16 sport;
	__be16 dport;
	__u8 : 8;
	__u8 family;
	__u8 tcp_flags;
	__u8 is_bare; /* the frame begins with the network header */
	__u32 : 32;
	__u32 : 32;
	volatile __u32 hidden; /* see hide_from_verifier() */
	__u64 time_ns;	       /* of a SYN, because the connection keeps the same time; else 0 */
};

/*
 * Returns the same number, but the verifier no longer knows its value. What the
 * verifier knows of a register keeps apart paths that go on the same way, and it
 * forgets a number that is stored in the second half of a word of the stack.
 */
static __always_inline __u32 hide_from_verifier(struct packet *p, __u32 value)
{
	p->hidden = value;
	return p->hidden;
}

struct ipv4_tcp {
	struct iphdr ip;
	struct tcphdr tcp;
};

/*
 * Bytes before the network header. Where the socket listens on all interfaces, a
 * frame of a device without a link header begins with the bytes of the network
 * header. An Ethernet frame would do so only with a destination address that begins
 * with 45 (IPv4), or with addresses that read as an IPv6 header. The MAC header does
 * not help: where a tunnel device has removed an outer IP header, it is at that one
 * (ipip6_rcv() in net/ipv6/sit.c).
 */
static __always_inline __u32 link_bytes(struct __sk_buff *skb, __u8 link)
{
	__u64 frame[2], net[2], differs;

	if (link == SF_LINK_ETHERNET)
		return ETH_HLEN;
	if (link == SF_LINK_NONE)
		return 0;
	if (bpf_skb_load_bytes(skb, 0, frame, sizeof(frame)) < 0 ||
	    bpf_skb_load_bytes_relative(skb, 0, net, sizeof(net), BPF_HDR_START_NET) < 0)
		return ETH_HLEN;
	differs = (frame[0] ^ net[0]) | (frame[1] ^ net[1]);
	/* A branch would double the paths that are verified from here on. */
	return ((differs | -differs) >> 63) * ETH_HLEN;
}

static __always_inline int read_vlan(struct __sk_buff *skb, struct packet *p)
{
	struct vlan_hdr tag;

	if (bpf_skb_load_bytes(skb, p->off, &tag, sizeof(tag)) < 0)
		return SF_MALFORMED;
	p->off += sizeof(tag);
	p->type = bpf_ntohs(tag.h_vlan_encapsulated_proto);
	return PACKET_GOES_ON;
}

static __always_inline int read_tcp(struct packet *p, const struct tcphdr *tcp)
{
	__u32 header = (tcp->doff_res >> 4) * 4;

	if (header < sizeof(*tcp) || p->off + header > p->end)
		return SF_MALFORMED;
	p->sport = tcp->source;
	p->dport = tcp->dest;
	p->seq = bpf_ntohl(tcp->seq);
	p->ack = bpf_ntohl(tcp->ack_seq);
	p->tcp_flags = tcp->flags;
	p->payload_off = p->off + header;
	p->payload_len = p->end - p->payload_off;
	return PACKET_IS_TCP;
}

static __always_inline int load_tcp(struct __sk_buff *skb, struct packet *p)
{
	struct tcphdr tcp;

	if (bpf_skb_load_bytes(skb, p->off, &tcp, sizeof(tcp)) < 0)
		return SF_MALFORMED;
	return read_tcp(p, &tcp);
}

/* RFC 2784, RFC 2890; version 1 (PPTP) and routing (RFC 1701) are not followed */
static __always_inline int read_gre(struct __sk_buff *skb, struct packet *p)
{
	__be16 gre[2];
	__u16 flags;

	if (bpf_skb_load_bytes(skb, p->off, gre, sizeof(gre)) < 0)
		return SF_MALFORMED;
	flags = bpf_ntohs(gre[0]);
	if (flags & GRE_UNKNOWN)
		return SF_NOT_TCP;
	p->off += sizeof(gre);
	p->off += flags & GRE_CHECKSUM ? 4 : 0;
	p->off += flags & GRE_KEY ? 4 : 0;
	p->off += flags & GRE_SEQUENCE ? 4 : 0;
	p->type = bpf_ntohs(gre[1]);
	return PACKET_GOES_ON;
}

/* only VXLAN and Geneve, the tunnels with a port of their own */
static __always_inline int read_udp(struct __sk_buff *skb, struct packet *p)
{
	struct {
		struct udphdr udp;
		__u8 option_words; /* Geneve: low 6 bits */
		__u8 flags;
		__be16 type;
		__u32 vni;
	} h;
	__u16 port;

	if (bpf_skb_load_bytes(skb, p->off, &h, sizeof(h)) < 0)
		return SF_NOT_TCP;
	port = bpf_ntohs(h.udp.dest);
	if (port == VXLAN_PORT) {
		p->off += sizeof(h.udp) + VXLAN_HLEN;
		p->type = ETH_P_TEB;
		return PACKET_GOES_ON;
	}
	if (port == GENEVE_PORT && !(h.option_words & 0xc0)) {
		p->off += sizeof(h.udp) + GENEVE_HLEN + (h.option_words & 0x3f) * 4;
		p->type = bpf_ntohs(h.type);
		return PACKET_GOES_ON;
	}
	return SF_NOT_TCP;
}

/* Reads what IP carries, at off. The caller reads TCP, because it may have the header already. */
static __always_inline int read_carried(struct __sk_buff *skb, struct packet *p, __u8 protocol)
{
	switch (protocol) {
	case IPPROTO_UDP:
		return read_udp(skb, p);
	case IPPROTO_GRE:
		return read_gre(skb, p);
	case IPPROTO_IPIP:
		p->type = ETH_P_IP;
		return PACKET_GOES_ON;
	case IPPROTO_IPV6:
		p->type = ETH_P_IPV6;
		return PACKET_GOES_ON;
	}
	return SF_NOT_TCP;
}

static __always_inline void set_ipv4(__u64 addr[2], __be32 ip)
{
	addr[0] = 0;
	addr[1] = bpf_cpu_to_be64(0xffff00000000ULL | bpf_ntohl(ip));
}

/* RFC 4302, 2: what the header at off authenticates follows it, unencrypted. */
static __always_inline int skip_authentication(struct __sk_buff *skb, struct packet *p, __u8 *next)
{
	struct ipv6_opt_hdr ext;

	if (bpf_skb_load_bytes(skb, p->off, &ext, sizeof(ext)) < 0)
		return SF_MALFORMED;
	p->off += (ext.hdrlen + 2) * 4;
	*next = ext.nexthdr;
	return PACKET_GOES_ON;
}

static __always_inline int read_ipv4(struct __sk_buff *skb, struct packet *p)
{
	struct ipv4_tcp h = {};
	__u32 header, total, fragment;
	__u8 next;

	/* One read for both headers; a packet that is shorter than both holds no TCP segment. */
	if (bpf_skb_load_bytes(skb, p->off, &h, sizeof(h)) < 0 &&
	    bpf_skb_load_bytes(skb, p->off, &h.ip, sizeof(h.ip)) < 0)
		return SF_MALFORMED;
	header = (h.ip.version_ihl & 0x0f) * 4;
	if (h.ip.version_ihl >> 4 != 4 || header < sizeof(h.ip))
		return SF_MALFORMED;
	total = bpf_ntohs(h.ip.tot_len);
	/* 0: more than 65 535 bytes, as segmentation offload leaves it (kernel b1a78b9b9886, BIG TCP) */
	if (!total)
		total = p->end - p->off;
	if (total < header || p->off + total > p->end)
		return SF_MALFORMED;
	p->end = p->off + total;
	p->family = 4;
	set_ipv4(p->saddr, h.ip.saddr);
	set_ipv4(p->daddr, h.ip.daddr);
	fragment = bpf_ntohs(h.ip.frag_off) & (IP_MORE_FRAGMENTS | IP_FRAGMENT_OFFSET);
	next = h.ip.protocol;
	if (next != IPPROTO_TCP) {
		p->off += header;
		if (fragment)
			return SF_NOT_TCP;
		if (next == IPPROTO_AH && skip_authentication(skb, p, &next) != PACKET_GOES_ON)
			return SF_MALFORMED;
		return next == IPPROTO_TCP ? load_tcp(skb, p) : read_carried(skb, p, next);
	}
	if (fragment)
		return PACKET_IS_FRAGMENT;
	p->off += header;
	if (header != sizeof(h.ip))
		return load_tcp(skb, p);
	return read_tcp(p, &h.tcp);
}

/* Follows the chain of extension headers (RFC 8200, 4), PACKET_EXTENSIONS of them at most. */
static __always_inline int walk_extensions(struct __sk_buff *skb, struct packet *p, __u8 *next)
{
	struct ipv6_opt_hdr ext;
	__be16 fragment[2];
	int i;

	/* loops take CAP_PERFMON */
#pragma unroll
	for (i = 0; i <= PACKET_EXTENSIONS; i++) {
		if (*next != IPPROTO_HOPOPTS && *next != IPPROTO_ROUTING && *next != IPPROTO_DSTOPTS &&
		    *next != IPPROTO_FRAGMENT && *next != IPPROTO_AH && *next != IPPROTO_MH)
			return PACKET_GOES_ON;
		if (bpf_skb_load_bytes(skb, p->off, &ext, sizeof(ext)) < 0)
			return SF_MALFORMED;
		if (*next == IPPROTO_FRAGMENT) {
			if (bpf_skb_load_bytes(skb, p->off, fragment, sizeof(fragment)) < 0)
				return SF_MALFORMED;
			/* offset and more-fragments both 0: an atomic fragment, whole (RFC 6946) */
			if (bpf_ntohs(fragment[1]) & 0xfff9)
				return ext.nexthdr == IPPROTO_TCP ? PACKET_IS_FRAGMENT : SF_NOT_TCP;
			p->off += 8;
		} else if (*next == IPPROTO_AH) {
			p->off += (ext.hdrlen + 2) * 4; /* RFC 4302, 2.2 */
		} else {
			p->off += (ext.hdrlen + 1) * 8;
		}
		*next = ext.nexthdr;
	}
	return SF_MALFORMED;
}

static __always_inline int read_ipv6(struct __sk_buff *skb, struct packet *p)
{
	__u32 start = p->off;
	struct ipv6hdr ip;
	__u32 total;
	__u8 next;
	int result;

	if (bpf_skb_load_bytes(skb, start, &ip, sizeof(ip)) < 0)
		return SF_MALFORMED;
	if (bpf_ntohl(ip.version_class_flow) >> 28 != 6)
		return SF_MALFORMED;
	total = bpf_ntohs(ip.payload_len);
	p->off += sizeof(ip);
	/* 0: a jumbogram (RFC 2675), or offload as in read_ipv4() */
	if (!total)
		total = p->end - p->off;
	if (p->off + total > p->end)
		return SF_MALFORMED;
	p->end = p->off + total;
	p->family = 6;
	__builtin_memcpy(p->saddr, ip.saddr, sizeof(p->saddr));
	__builtin_memcpy(p->daddr, ip.daddr, sizeof(p->daddr));
	next = ip.nexthdr;
	result = walk_extensions(skb, p, &next);
	if (result == PACKET_IS_FRAGMENT)
		p->off = start;
	if (result != PACKET_GOES_ON)
		return result;
	if (p->off > p->end)
		return SF_MALFORMED;
	if (next == IPPROTO_TCP)
		return load_tcp(skb, p);
	return read_carried(skb, p, next);
}

/* Reads the type of an Ethernet frame inside a tunnel. */
static __always_inline int read_ethernet(struct __sk_buff *skb, struct packet *p)
{
	__be16 type;

	if (bpf_skb_load_bytes(skb, p->off + ETH_HLEN - sizeof(type), &type, sizeof(type)) < 0)
		return SF_MALFORMED;
	p->off += ETH_HLEN;
	p->type = bpf_ntohs(type);
	return PACKET_GOES_ON;
}

/* The last three are older than IEEE 802.1ad, but switches still use them. */
static __always_inline bool is_vlan(const struct packet *p)
{
	return p->type == ETH_P_8021Q || p->type == ETH_P_8021AD || p->type == ETH_P_QINQ1 || p->type == ETH_P_QINQ2 ||
	       p->type == ETH_P_QINQ3;
}

/* not inlined, so that the program contains it once */
static __noinline int read_layer(struct __sk_buff *skb, struct packet *p)
{
	int i, result = PACKET_GOES_ON;

	if (p->type == ETH_P_TEB)
		result = read_ethernet(skb, p);
#pragma unroll
	for (i = 0; i < PACKET_TAGS; i++) {
		if (result == PACKET_GOES_ON && is_vlan(p))
			result = read_vlan(skb, p);
	}
	if (result != PACKET_GOES_ON)
		return result;
	if (p->type == ETH_P_IP)
		return read_ipv4(skb, p);
	if (p->type == ETH_P_IPV6)
		return read_ipv6(skb, p);
	return SF_NOT_IP;
}

/*
 * Returns PACKET_IS_TCP with all of *p set; PACKET_IS_FRAGMENT with the addresses set
 * and off at the fragment's IP header; or an outcome.
 */
static __always_inline int read_packet(struct __sk_buff *skb, __u8 link, struct packet *p)
{
	int i, result = PACKET_GOES_ON;

	p->type = bpf_ntohs(skb->protocol);
	p->end = skb->len;
	p->off = link_bytes(skb, link);
	p->is_bare = !p->off;
#pragma unroll
	for (i = 0; i < PACKET_LAYERS; i++) {
		if (result == PACKET_GOES_ON)
			result = read_layer(skb, p);
	}
	return result == PACKET_GOES_ON ? SF_NOT_TCP : result;
}

#endif

/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0 */
/*
 * The fast path: one read of both headers decides most packets that carry no HTTP,
 * which are acknowledgements and packets of other protocols than TCP. The outcome
 * is that of read_packet() and outcome_of_segment(), which take every packet that
 * is not of the plain form: IPv4 without options on Ethernet.
 */
#ifndef SOCKFILTER_FAST_PATH_BPF_H
#define SOCKFILTER_FAST_PATH_BPF_H

#include "packet.bpf.h"

/* version 4, and a header of 20 bytes */
#define IPV4_PLAIN 0x45

/*
 * Takes a frame with an Ethernet header. Returns an outcome; or PACKET_IS_TCP with
 * both headers in *h, for read_plain(); or PACKET_GOES_ON, for read_packet().
 */
static __always_inline int fast_path(struct __sk_buff *skb, struct ipv4_tcp *h)
{
	__u32 len, port;

	if (skb->protocol != bpf_htons(ETH_P_IP) || bpf_skb_load_bytes(skb, ETH_HLEN, h, sizeof(*h)) < 0)
		return PACKET_GOES_ON;
	len = bpf_ntohs(h->ip.tot_len) - sizeof(h->ip);
	if (h->ip.version_ihl != IPV4_PLAIN || h->ip.frag_off & bpf_htons(IP_MORE_FRAGMENTS | IP_FRAGMENT_OFFSET) ||
	    len > skb->len - ETH_HLEN - sizeof(h->ip))
		return PACKET_GOES_ON;
	if (h->ip.protocol == IPPROTO_TCP) {
		if (len == (h->tcp.doff_res >> 4) * 4 && len >= sizeof(h->tcp) &&
		    !(h->tcp.flags & (TCP_SYN | TCP_FIN | TCP_RST)))
			return SF_NO_PAYLOAD;
		return PACKET_IS_TCP;
	}
	if (h->ip.protocol == IPPROTO_UDP) {
		port = bpf_ntohs(h->tcp.dest);
		return port == VXLAN_PORT || port == GENEVE_PORT ? PACKET_GOES_ON : SF_NOT_TCP;
	}
	return h->ip.protocol == IPPROTO_ICMP ? SF_NOT_TCP : PACKET_GOES_ON;
}

/* Does what read_packet() does, with the headers that fast_path() has read. */
static __always_inline int read_plain(const struct ipv4_tcp *h, struct packet *p)
{
	p->family = 4;
	p->off = ETH_HLEN + sizeof(h->ip);
	p->end = ETH_HLEN + bpf_ntohs(h->ip.tot_len);
	set_ipv4(p->saddr, h->ip.saddr);
	set_ipv4(p->daddr, h->ip.daddr);
	return read_tcp(p, &h->tcp);
}

#endif

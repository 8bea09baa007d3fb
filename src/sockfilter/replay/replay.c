/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * See replay.h. This is a translation unit of its own, because the program's
 * types have the same names as the system's. It includes the whole program, and
 * replaces the kernel: maps, ring, clock, and packets.
 */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include "config.h"
#include "pages.h"

/* the configuration of the run that this thread executes */
static __thread struct sf_config config;

static __u32 payload_there(const struct __sk_buff *skb, __u32 payload_off, __u32 payload_len);
#define PAYLOAD_THERE(skb, p) payload_there(skb, (p)->payload_off, (p)->payload_len)

#include "sockfilter.bpf.c"

#include "cbpf.h"
#include "replay.h"

#define HASH_BITS 16

/* an entry of the connection table; references to entries are index + 1, and 0 is none */
struct entry {
	struct sf_flow flow;
	struct connection connection;
	__u32 chain; /* the next entry with the same hash */
	__u32 older;
	__u32 newer;
	__u32 reserved;
};

struct filter {
	struct sf_cbpf *program;
	__u64 count;
};

struct sf_replay {
	struct sf_config config;
	__u64 ports[SF_PORT_WORDS];
	__u64 counters[SF_COUNTERS];
	struct sf_skip skips[SF_SKIPS];
	__u32 hash[1 << HASH_BITS];
	struct entry entries[SF_CONNECTIONS];
	__u32 used;
	__u32 newest;
	__u32 oldest;
	__u32 records;
	struct filter filters[SF_REPLAY_FILTERS];
	size_t bytes;	/* bytes used in data */
	size_t writing; /* bytes of the record that is being written */
	__u32 offsets[SF_REPLAY_RECORDS];
	char data[SF_REPLAY_BYTES];
};

/* the current packet; the program sees only the first member */
struct host_skb {
	struct __sk_buff skb;
	__u64 len; /* bytes in the file */
	const char *frame;
};

static __thread struct sf_replay *here;
static __thread __u64 now_ns;
/* the program has read bytes that the frame had on the wire, but the file does not have */
static __thread bool misses_bytes;
/* the start of the payload, if the program has read it and it is cut within its first START_BYTES */
static __thread struct payload_start cut_start;
static __thread bool has_cut_start;

static int bpf_skb_load_bytes(const struct __sk_buff *skb, __u32 offset, void *to, __u32 len)
{
	const struct host_skb *host = (const struct host_skb *)skb;

	if (offset > host->len || len > host->len - offset) {
		misses_bytes |= (__u64)offset + len <= skb->len;
		return -1;
	}
	memcpy(to, host->frame + offset, len);
	return 0;
}

static __u32 payload_there(const struct __sk_buff *skb, __u32 payload_off, __u32 payload_len)
{
	const struct host_skb *host = (const struct host_skb *)skb;
	__u32 there = payload_off < host->len ? host->len - payload_off : 0, i;

	if (there >= payload_len)
		return payload_len;
	if (there < START_BYTES) {
		has_cut_start = true;
		memset(&cut_start, 0, sizeof(cut_start));
		memcpy(cut_start.text.bytes, host->frame + payload_off, there);
		cut_start.len = there;
		for (i = 0; i < START_WORDS; i++)
			cut_start.counts.words[i] = first_bytes(there, i * 8);
	}
	return there;
}

/* Whether a packet may carry HTTP, judging by the bytes that the file has. */
static bool may_be_http(int outcome)
{
	const struct payload_start *s = &cut_start;

	if (outcome == SF_MALFORMED)
		return misses_bytes;
	return outcome == SF_NOT_HTTP && has_cut_start &&
	       (!s->len || BEGINS("PRI ") || BEGINS("HTTP/1.") || begins_request(s) || !differs_from_others(s) ||
		(config.tls && !differs_from_hello(s)));
}

/* the program calls this only if the link type is unknown, and a capture file tells it */
static int bpf_skb_load_bytes_relative(const struct __sk_buff *skb, __u32 offset, void *to, __u32 len, __u32 start)
{
	(void)skb, (void)offset, (void)to, (void)len, (void)start;
	return -1;
}

static __u64 bpf_ktime_get_ns(void)
{
	return now_ns;
}

static __u32 bpf_get_smp_processor_id(void)
{
	return 0;
}

static __u32 *chain_of(const struct sf_flow *flow)
{
	const unsigned char *bytes = (const unsigned char *)flow;
	__u64 sum = 0, word;
	size_t i;

	for (i = 0; i < sizeof(*flow); i += sizeof(word)) {
		memcpy(&word, bytes + i, sizeof(word));
		sum = (sum ^ word) * 0x9e3779b97f4a7c15ULL;
		sum ^= sum >> 29;
	}
	return &here->hash[sum >> (64 - HASH_BITS)];
}

static void unlink_age(__u32 at)
{
	struct entry *entry = &here->entries[at - 1];

	if (entry->newer)
		here->entries[entry->newer - 1].older = entry->older;
	else
		here->newest = entry->older;
	if (entry->older)
		here->entries[entry->older - 1].newer = entry->newer;
	else
		here->oldest = entry->newer;
}

static void link_newest(__u32 at)
{
	struct entry *entry = &here->entries[at - 1];

	entry->newer = 0;
	entry->older = here->newest;
	if (here->newest)
		here->entries[here->newest - 1].newer = at;
	here->newest = at;
	if (!here->oldest)
		here->oldest = at;
}

static struct connection *find_connection(const struct sf_flow *flow)
{
	__u32 at = *chain_of(flow);

	while (at && memcmp(&here->entries[at - 1].flow, flow, sizeof(*flow)))
		at = here->entries[at - 1].chain;
	if (!at)
		return NULL;
	if (at != here->newest) {
		unlink_age(at);
		link_newest(at);
	}
	return &here->entries[at - 1].connection;
}

/* Returns an unused entry, or else the oldest one after removing it from the table. */
static __u32 free_place(void)
{
	__u32 at = here->oldest, *chain;

	if (here->used < SF_CONNECTIONS)
		return ++here->used;
	chain = chain_of(&here->entries[at - 1].flow);
	while (*chain != at)
		chain = &here->entries[*chain - 1].chain;
	*chain = here->entries[at - 1].chain;
	unlink_age(at);
	return at;
}

static long bpf_map_update_elem(void *map, const void *key, const void *value, __u64 flags)
{
	struct connection *known = find_connection(key);
	struct entry *entry;
	__u32 at, *chain;

	(void)map, (void)flags; /* always the connection table and BPF_ANY */
	if (known) {
		memcpy(known, value, sizeof(*known));
		return 0;
	}
	at = free_place();
	entry = &here->entries[at - 1];
	chain = chain_of(key);
	memcpy(&entry->flow, key, sizeof(entry->flow));
	memcpy(&entry->connection, value, sizeof(entry->connection));
	entry->chain = *chain;
	*chain = at;
	link_newest(at);
	return 0;
}

static void *bpf_map_lookup_elem(void *map, const void *key)
{
	__u32 index;

	if (map == &connections)
		return find_connection(key);
	memcpy(&index, key, sizeof(index));
	if (map == &counters)
		return index < SF_COUNTERS ? &here->counters[index] : NULL;
	if (map == &ports)
		return index < SF_PORT_WORDS ? &here->ports[index] : NULL;
	return index < SF_SKIPS ? &here->skips[index] : NULL;
}

static void *bpf_ringbuf_reserve(void *map, __u64 size, __u64 flags)
{
	(void)map, (void)flags;
	if (size > sizeof(here->data) - here->bytes || here->records == SF_REPLAY_RECORDS)
		return NULL; /* cannot happen: sf_replay_run() stops before */
	here->writing = size;
	return here->data + here->bytes;
}

static void bpf_ringbuf_submit(void *data, __u64 flags)
{
	(void)flags;
	here->offsets[here->records++] = (char *)data - here->data;
	here->bytes += here->writing;
}

static void bpf_ringbuf_discard(void *data, __u64 flags)
{
	(void)data, (void)flags;
}

/* 0 bytes are unread: the ring never fills, because a run ends before */
static __u64 bpf_ringbuf_query(void *map, __u64 flags)
{
	(void)map, (void)flags;
	return 0;
}

/* Returns whether a packet passes the filter for its link type. The frame is as in the file. */
static bool passes(const struct sf_replay *replay, const char *frames, const struct sf_packet *packet)
{
	const struct filter *filter = &replay->filters[packet->filter % SF_REPLAY_FILTERS];

	return !filter->program ||
	       cbpf_accepts(filter->program, filter->count, (const unsigned char *)frames + packet->at, packet->len,
			    packet->wire_len);
}

static int read_one(const char *frames, const struct sf_packet *packet, __u32 frame_bytes)
{
	__u32 skipped = packet->protocol ? packet->network : 0;
	struct host_skb host = {};

	misses_bytes = has_cut_start = false;
	if (skipped > packet->len)
		return SF_MALFORMED;
	host.frame = frames + packet->at + skipped;
	host.len = packet->len - skipped;
	host.skb.len = (packet->wire_len < packet->len ? packet->len : packet->wire_len) - skipped;
	host.skb.ifindex = packet->ifindex;
	if (packet->protocol) {
		config.link = SF_LINK_NONE;
		host.skb.protocol = bpf_htons(packet->protocol);
	} else {
		config.link = SF_LINK_ETHERNET;
		if (host.len < ETH_HLEN) {
			misses_bytes = host.skb.len >= ETH_HLEN;
			return SF_MALFORMED;
		}
		memcpy(&host.skb.protocol, host.frame + ETH_HLEN - 2, 2);
	}
	/* bytes that are missing in the file count as cut off by a snap length */
	config.frame_bytes = host.len < frame_bytes ? host.len : frame_bytes;
	now_ns = packet->time_ns;
	return outcome_of(&host.skb, true, false);
}

/*
 * Runs the program on packets until the records of one run are used up. frames:
 * the memory that the packets' offsets refer to. Returns the number of packets
 * that were read. The records are valid until the next run.
 */
unsigned int sf_replay_run(struct sf_replay *replay, const char *frames, struct sf_packet *packets, unsigned int count)
{
	__u64 fragments;
	unsigned int i;

	here = replay;
	config = replay->config;
	replay->bytes = 0;
	replay->records = 0;
	for (i = 0; i < count && replay->records < SF_REPLAY_RECORDS; i++) {
		if (sizeof(replay->data) - replay->bytes < 2 * SF_RECORD_BYTES_MAX)
			break;
		if (packets[i].is_again)
			replay->counters[packets[i].outcome]--;
		else
			replay->counters[SF_SEEN]++;
		/* what is inside a packet has passed with it */
		if (!packets[i].is_again && packets[i].filter && !passes(replay, frames, &packets[i])) {
			packets[i].outcome = SF_FILTERED;
			packets[i].is_cut = 0;
			replay->counters[SF_FILTERED]++;
			continue;
		}
		fragments = replay->counters[SF_FRAGMENTS];
		packets[i].outcome = read_one(frames, &packets[i], replay->config.frame_bytes);
		packets[i].is_cut |= may_be_http(packets[i].outcome);
		/* a fragment that is cut cannot be reassembled */
		packets[i].is_cut |=
			fragments != replay->counters[SF_FRAGMENTS] && packets[i].len < packets[i].wire_len;
		replay->counters[packets[i].outcome]++;
	}
	return i;
}

struct sf_replay *sf_replay_open(const struct sf_config *settings, const __u64 *ports_wanted)
{
	struct sf_replay *replay = pages_take(sizeof(*replay));

	if (!replay)
		return NULL;
	replay->config = *settings;
	memcpy(replay->ports, ports_wanted, sizeof(replay->ports));
	return replay;
}

/*
 * Sets a filter, from 1 to SF_REPLAY_FILTERS - 1. The program is copied. Returns 0, or -1 if there is no memory.
 */
int sf_replay_filter(struct sf_replay *replay, unsigned int number, const struct sf_cbpf *program, unsigned int count)
{
	struct sf_cbpf *copy = malloc(count * sizeof(*copy));

	if (!copy)
		return -1;
	memcpy(copy, program, count * sizeof(*copy));
	free(replay->filters[number].program);
	replay->filters[number] = (struct filter){copy, count};
	return 0;
}

/* Returns whether a program accepts a frame, for tests. */
int sf_cbpf_accepts(const struct sf_cbpf *program, unsigned int count, const char *frame, __u32 len, __u32 wire_len)
{
	return cbpf_accepts(program, count, (const unsigned char *)frame, len, wire_len);
}

void sf_replay_close(struct sf_replay *replay)
{
	unsigned int i;

	for (i = 0; i < SF_REPLAY_FILTERS; i++)
		free(replay->filters[i].program);
	pages_give(replay, sizeof(*replay));
}

const char *sf_replay_data(const struct sf_replay *replay)
{
	return replay->data;
}

const __u32 *sf_replay_offsets(const struct sf_replay *replay, unsigned int *count)
{
	*count = replay->records;
	return replay->offsets;
}

const __u64 *sf_replay_counters(const struct sf_replay *replay)
{
	return replay->counters;
}

struct sf_skip *sf_replay_skips(struct sf_replay *replay)
{
	return replay->skips;
}

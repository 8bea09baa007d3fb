/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The line of an exchange, as outputs/jsonl.py writes it; a test compares the
 * two. What is said of a head is made there, and kept here with its bytes, as
 * clients and servers send the same ones over and over; so is what is said of
 * a connection. Here come the numbers.
 */
#include <linux/types.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "inside.h"

/* 17 digits are what a double has; 15 are always its own */
#define EXACT_NS_MAX 1000000000000000ULL

static __u64 head_hash(const char *at, size_t len)
{
	__u64 sum = len, word;

	for (; len >= sizeof(word); at += sizeof(word), len -= sizeof(word)) {
		memcpy(&word, at, sizeof(word));
		sum = (sum ^ word) * 0x9e3779b97f4a7c15ULL;
		sum ^= sum >> 32;
	}
	word = 0;
	memcpy(&word, at, len);
	sum = (sum ^ word) * 0x9e3779b97f4a7c15ULL;
	return sum >> (64 - SAID_BITS);
}

/* the entry of a head, or the free one for it */
static struct said *json_find(struct sf_lane *lane, const char *head, size_t len)
{
	size_t at = head_hash(head, len);
	struct said *said;

	for (;; at++) {
		said = &lane->said[at & (SAID_ENTRIES - 1)];
		if (!said->head || (said->head_len == len && !memcmp(said->head, head, len)))
			return said;
	}
}

static void json_forget(struct sf_lane *lane)
{
	size_t i;

	for (i = 0; i < SAID_ENTRIES; i++)
		free(lane->said[i].head);
	memset(lane->said, 0, sizeof(lane->said));
	lane->said_count = 0;
}

/* Keeps what is said of a head. Half of the entries are in use at most; then all are forgotten. */
static void sf_lane_learn(struct sf_lane *lane, const char *head, size_t head_len, const char *text, size_t len)
{
	struct said *said;

	if (head_len > SF_LANE_HEAD_BYTES || len > SAID_BYTES_MAX)
		return;
	if (lane->said_count == SAID_ENTRIES / 2)
		json_forget(lane);
	said = json_find(lane, head, head_len);
	if (said->head)
		return;
	said->head = malloc(head_len + len);
	if (!said->head)
		return;
	memcpy(said->head, head, head_len);
	memcpy(said->head + head_len, text, len);
	said->head_len = head_len;
	said->len = len;
	lane->said_count++;
}

static char *put(char *to, const char *text, size_t len)
{
	memcpy(to, text, len);
	return to + len;
}

#define PUT(to, text) put(to, text, sizeof(text) - 1)

static char *put_number(char *to, __u64 number)
{
	char text[24], *at = digits(text + sizeof(text), number);

	return put(to, at, text + sizeof(text) - at);
}

/* repr() of ns / 1e9: the shortest text that is read as the same number */
static char *put_seconds(char *to, __u64 ns)
{
	char text[24], *end = text + sizeof(text), *at;
	size_t len, zeros;

	if (ns && ns < 100000) {
		/* 5e-05, 1.5e-05; at least 1e-09 */
		at = digits(end, ns);
		len = end - at;
		while (end[-1] == '0')
			end--;
		*to++ = *at++;
		if (at < end) {
			*to++ = '.';
			to = put(to, at, end - at);
		}
		to = PUT(to, "e-0");
		*to++ = '0' + 10 - len;
		return to;
	}
	to = put_number(to, ns / 1000000000);
	*to++ = '.';
	at = digits(end, ns % 1000000000);
	for (zeros = 9 - (end - at); zeros; zeros--)
		*to++ = '0';
	to = put(to, at, end - at);
	while (to[-1] == '0' && to[-2] != '.')
		to--;
	return to;
}

/* time_text() of outputs/jsonl.py; NULL where it cannot be told */
static char *put_time(struct sf_lane *lane, char *to, __u64 wall_ns)
{
	__u64 second = wall_ns / 1000000000, ns = wall_ns % 1000000000;
	char text[9];
	struct tm parts;
	time_t now = second;
	size_t i;

	if (second != lane->second || !lane->clock[0]) {
		if (second >= YEAR_10000 || !gmtime_r(&now, &parts) ||
		    strftime(lane->clock, sizeof(lane->clock), "%Y-%m-%dT%H:%M:%S", &parts) != 19)
			return NULL;
		lane->second = second;
	}
	to = put(to, lane->clock, 19);
	*to++ = '.';
	for (i = sizeof(text); i--; ns /= 10)
		text[i] = '0' + ns % 10;
	to = put(to, text, sizeof(text));
	*to++ = 'Z';
	return to;
}

#define EACH_BYTE(value) (0x0101010101010101ULL * (value))

/* Whether none of eight bytes has to be escaped, or is no ASCII: for each, its highest bit tells. */
static int is_plain(__u64 word)
{
	__u64 quote = word ^ EACH_BYTE('"'), backslash = word ^ EACH_BYTE('\\');

	/* 0x7f is escaped as well */
	return !((word | (word - EACH_BYTE(' ')) | (word + EACH_BYTE(1)) | (quote - EACH_BYTE(1)) |
		  (backslash - EACH_BYTE(1))) &
		 EACH_BYTE(0x80));
}

/* as JSON escapes text that is ASCII; NULL where it is not */
static char *put_text(char *to, const char *at, size_t len)
{
	static const char hex[] = "0123456789abcdef", named[] = "btn\0fr"; /* from 8 on */
	const char *end = at + len;

	for (; at < end; at++) {
		unsigned char c;
		__u64 word;

		for (; end - at >= (long)sizeof(word); at += sizeof(word), to += sizeof(word)) {
			memcpy(&word, at, sizeof(word));
			if (!is_plain(word))
				break;
			memcpy(to, &word, sizeof(word));
		}
		if (at == end)
			break;
		c = *at;
		if (c >= 0x80)
			return NULL;
		if (c >= ' ' && c != '"' && c != '\\' && c != 0x7f) {
			*to++ = c;
			continue;
		}
		*to++ = '\\';
		if (c >= ' ' && c != 0x7f) {
			*to++ = c;
		} else if (c >= 8 && c < 14 && c != 11) {
			*to++ = named[c - 8];
		} else {
			to = PUT(to, "u00");
			*to++ = hex[c >> 4];
			*to++ = hex[c & 15];
		}
	}
	return to;
}

/* NULL where outputs/jsonl.py has to look at the body */
static char *put_message(const struct sf_lane *lane, char *to, const struct said *said, const struct sf_lane_half *half)
{
	to = put(to, said->head + said->head_len, said->len);
	to = PUT(to, "{\"wire_len\":");
	to = put_number(to, half->body_len);
	to = PUT(to, ",\"len\":");
	to = put_number(to, half->body_len);
	if (lane->with_bodies && half->body_len) {
		if (!lane->show_secrets && may_hold_secret(half->body, half->body_kept))
			return NULL;
		to = PUT(to, ",\"text\":\"");
		to = half->body_kept < half->body_len ? NULL : put_text(to, half->body, half->body_kept);
		if (!to)
			return NULL;
		*to++ = '"';
	}
	return PUT(to, "}}");
}

/* bytes that a line takes at most: of a body, each may become six */
static size_t json_room(const struct sf_lane *lane, const struct sf_lane_slot *slot)
{
	size_t bodies = lane->with_bodies ? slot->half[0].body_kept + slot->half[1].body_kept : 0;

	return SF_LANE_LINE_BYTES + slot->long_room + 6 * bodies;
}

static char *put_timing(char *to, const struct sf_lane_half *request, const struct sf_lane_half *response)
{
	to = PUT(to, "{\"send\":");
	to = put_seconds(to, request->end_ns - request->start_ns);
	to = PUT(to, ",\"wait\":");
	to = put_seconds(to, response->start_ns - request->end_ns);
	to = PUT(to, ",\"receive\":");
	to = put_seconds(to, response->end_ns - response->start_ns);
	to = PUT(to, ",\"total\":");
	to = put_seconds(to, response->end_ns - request->start_ns);
	return PUT(to, "}");
}

/* times that run backwards, or take days, are left to outputs/jsonl.py */
static int has_plain_times(const struct sf_lane_half *request, const struct sf_lane_half *response)
{
	return request->start_ns <= request->end_ns && request->end_ns <= response->start_ns &&
	       response->start_ns <= response->end_ns && response->end_ns - request->start_ns < EXACT_NS_MAX;
}

/* Writes the line of the exchange that has just ended. Returns its bytes, or 0. */
static size_t json_render(struct sf_lane *lane, const struct sf_lane_slot *slot, char *line)
{
	const struct sf_lane_half *request = &slot->half[0], *response = &slot->half[1];
	const struct said *asked, *answered;
	const char *route = slot->route_len > sizeof(slot->route) ? slot->long_route : slot->route;
	char *at = line;

	/* the first of a connection says how long it took to connect */
	if (!slot->route_len || slot->conn_seq < 2 || !has_plain_times(request, response))
		return 0;
	asked = json_find(lane, request->head, request->head_len);
	answered = json_find(lane, response->head, response->head_len);
	if (!asked->head || !answered->head)
		return 0;
	at = PUT(at, "{\"kind\":\"exchange\",\"id\":");
	at = put_number(at, lane->next_id);
	at = PUT(at, ",\"time\":\"");
	at = put_time(lane, at, request->start_ns + lane->clock_offset_ns);
	if (!at)
		return 0;
	at = put(at, route, slot->route_split);
	at = put_number(at, slot->conn_seq);
	at = put(at, route + slot->route_split, slot->route_len - slot->route_split);
	at = put_message(lane, at, asked, request);
	if (!at)
		return 0;
	at = PUT(at, ",\"response\":");
	at = put_message(lane, at, answered, response);
	if (!at)
		return 0;
	at = PUT(at, ",\"informational\":[],\"timing\":");
	at = put_timing(at, request, response);
	at = PUT(at, ",\"complete\":true,\"problems\":[]}\n");
	return at - line;
}

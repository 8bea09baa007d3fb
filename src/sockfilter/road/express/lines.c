/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Writes the line of an exchange exactly as forms/line.py does; a test compares
 * the two. Leaves to forms/line.py all lines that may contain a secret, need
 * escaping, or widen a column.
 */
#include <arpa/inet.h>
#include <linux/types.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "inside.h"

#define SECOND_NS 1000000000ULL
/* room for the text of a second */
#define CLOCK_BYTES 16

static const unsigned char v4_mapped[12] = {[10] = 0xff, [11] = 0xff};

/* Does the same as Endpoint.__str__() of model/connection.py. Returns the number of bytes. */
static size_t route_end(char *at, size_t room, const struct sf_flow *flow, int end)
{
	const __u8 *address = flow->addr[end];
	unsigned int port = ntohs(flow->port[end]);
	char text[INET6_ADDRSTRLEN];

	if (!memcmp(address, v4_mapped, sizeof(v4_mapped)))
		return snprintf(at, room, "%u.%u.%u.%u:%u", address[12], address[13], address[14], address[15], port);
	inet_ntop(AF_INET6, address, text, sizeof(text));
	return snprintf(at, room, "[%s]:%u", text, port);
}

/* Does the same as Connection.route of model/connection.py. */
static void line_route(struct sf_lane_slot *slot, const struct sf_flow *flow)
{
	size_t len = route_end(slot->route, sizeof(slot->route), flow, slot->client_end);

	memcpy(slot->route + len, " > ", 3);
	len += 3;
	slot->route_len = len + route_end(slot->route + len, sizeof(slot->route) - len, flow, !slot->client_end);
}

/* Returns the bytes of method and target, or 0 if they must be escaped or may contain a secret. */
static size_t line_asked(const struct sf_lane *lane, const struct sf_lane_half *request)
{
	const char *first = memchr(request->head, ' ', request->head_len), *at;

	if (!first)
		return 0;
	for (at = ++first; *at != ' '; at++) {
		if ((unsigned char)*at >= 0x7f || (unsigned char)*at < ' ' || *at == '\\')
			return 0;
	}
	/* an @ may end a password also in a target without a scheme, as in CONNECT */
	if (!lane->show_secrets &&
	    (may_hold_secret(first, at - first) || (*first != '/' && memchr(first, '@', at - first))))
		return 0;
	return at - request->head;
}

static char *put_padded(char *to, const char *text, size_t len, size_t width)
{
	memcpy(to, text, len);
	if (len < width)
		memset(to + len, ' ', width - len);
	return to + (len < width ? width : len);
}

/* Writes a text aligned to the right, after two spaces. */
static char *put_right(char *to, const char *text, size_t len, size_t width)
{
	size_t space = 2 + (len < width ? width - len : 0);

	memset(to, ' ', space);
	memcpy(to + space, text, len);
	return to + space + len;
}

/* Writes the digits of a number before end. Returns where they begin. */
static char *digits(char *end, __u64 number)
{
	do
		*--end = '0' + number % 10;
	while (number /= 10);
	return end;
}

/* Does the same as size_text() of forms/line.py. */
static char *put_size(char *to, __u64 size)
{
	static const char *units[] = {"kB", "MB", "GB"};
	char text[32], *end = text + sizeof(text), *at;
	double number = size;
	size_t i;

	if (size < 1000) {
		memcpy(end - 2, " B", 2);
		at = digits(end - 2, size);
		return put_right(to, at, end - at, 8);
	}
	for (i = 0; i < sizeof(units) / sizeof(*units); i++) {
		number /= 1000;
		if (number < 999.5)
			return put_right(
				to, text,
				snprintf(text, sizeof(text), number < 99.95 ? "%.1f %s" : "%.0f %s", number, units[i]),
				8);
	}
	return put_right(to, text, snprintf(text, sizeof(text), "%.1f TB", number / 1000), 8);
}

/* Does the same as duration_text() of forms/line.py. */
static char *put_duration(char *to, __u64 ns)
{
	char text[40], *end = text + sizeof(text), *at;
	__u64 us = ns / 1000, rest = ns % 1000;

	if (ns < 999500) {
		/* rounds half to even, as Python does */
		us += rest > 500 || (rest == 500 && us & 1);
		memcpy(end - 3, " us", 3);
		at = digits(end - 3, us);
		return put_right(to, at, end - at, 8);
	}
	if (ns < 999950000)
		return put_right(to, text, snprintf(text, sizeof(text), "%.1f ms", ns / 1e6), 8);
	return put_right(to, text, snprintf(text, sizeof(text), "%.2f s", ns / 1e9), 8);
}

/*
 * Writes "HH:MM:SS.mmm" in local time. clock: CLOCK_BYTES with the text of the
 * second last, or empty. Returns NULL if the time cannot be converted.
 */
static char *put_time(char *clock, __u64 *last, char *to, __u64 wall_ns)
{
	__u64 second = wall_ns / SECOND_NS, ms = wall_ns % SECOND_NS / 1000000;
	struct tm parts;
	time_t now = second;

	if (second != *last || !clock[0]) {
		if (!localtime_r(&now, &parts) || !strftime(clock, CLOCK_BYTES, "%H:%M:%S", &parts))
			return NULL;
		*last = second;
	}
	memcpy(to, clock, 8);
	to[8] = '.';
	to[9] = '0' + ms / 100;
	to[10] = '0' + ms / 10 % 10;
	to[11] = '0' + ms % 10;
	return to + 12;
}

/* Writes the line of the exchange that has just ended. Returns its bytes, or 0 if forms/line.py must write it. */
static size_t line_render(struct sf_lane *lane, const struct sf_lane_slot *slot, char *line)
{
	const struct sf_lane_half *request = &slot->half[0], *response = &slot->half[1];
	size_t asked = line_asked(lane, request);
	char *at;

	if (!asked || !slot->route_len ||
	    (asked > lane->request_width && lane->request_width < lane->request_width_max) ||
	    (slot->route_len > lane->route_width && lane->route_width < lane->route_width_max))
		return 0;
	at = put_time(lane->clock, &lane->second, line, request->start_ns + lane->clock_offset_ns);
	if (!at)
		return 0;
	at = put_right(at, slot->route, 0, 0);
	at = put_padded(at, slot->route, slot->route_len, lane->route_width);
	at = put_right(at, request->head, 0, 0);
	at = put_padded(at, request->head, asked, lane->request_width);
	/* the status follows "HTTP/1.x " */
	at = put_right(at, response->head + 9, 3, 3);
	at = put_size(at, response->body_len);
	at = put_duration(at, response->end_ns - request->start_ns);
	*at++ = '\n';
	return at - line;
}

/* SPDX-License-Identifier: BSD-3-Clause */
/* libbpf's log: the end of what it has said of one load, where the reason stands. */
#ifndef SOCKFILTER_LOG_H
#define SOCKFILTER_LOG_H

#include <bpf/libbpf.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* bytes of libbpf's log that are kept of one load: the end of it, where the reason stands */
#define LOG_BYTES 65536

/* each thread has its own, so that two loads at once do not mix their words */
static __thread struct {
	char text[LOG_BYTES];
	size_t used;
} log_here;

/* Keeps the end of what is there and of what comes. */
static void log_keep(const char *text, size_t size)
{
	size_t stays;

	if (size > LOG_BYTES) {
		text += size - LOG_BYTES;
		size = LOG_BYTES;
	}
	stays = log_here.used < LOG_BYTES - size ? log_here.used : LOG_BYTES - size;
	memmove(log_here.text, log_here.text + log_here.used - stays, stays);
	memcpy(log_here.text + stays, text, size);
	log_here.used = stays + size;
}

static int log_print(enum libbpf_print_level level, const char *format, va_list args)
{
	char *text;
	int n;

	if (level == LIBBPF_DEBUG)
		return 0;
	/* the verifier's words come in one piece of up to 16 MB */
	n = vasprintf(&text, format, args);
	if (n < 0)
		return 0;
	log_keep(text, n);
	free(text);
	return n;
}

/* Copies the log of this thread out and empties it. Returns its bytes; text is not terminated. */
static size_t sf_log_take(char *text, size_t size)
{
	size_t n = log_here.used < size ? log_here.used : size;

	memcpy(text, log_here.text + log_here.used - n, n);
	log_here.used = 0;
	return n;
}

#endif

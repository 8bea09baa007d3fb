/* SPDX-License-Identifier: BSD-3-Clause */
/* Keeps the end of libbpf's log of one load. */
#ifndef SOCKFILTER_LOG_H
#define SOCKFILTER_LOG_H

#include <bpf/libbpf.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* bytes of libbpf's log that are kept for one load; the reason for an error is at the end of the log */
#define LOG_BYTES 65536

/*
 * One per thread, so that concurrent loads do not mix their logs. The text is
 * allocated when there is some: the C library ends a process that has no
 * memory for what a thread keeps.
 */
static __thread struct {
	char *text;
	size_t used;
} log_here;

/* Appends text, and drops the oldest bytes if there are more than LOG_BYTES. */
static void log_keep(const char *text, size_t size)
{
	size_t stays;

	if (!log_here.text)
		log_here.text = malloc(LOG_BYTES);
	if (!log_here.text)
		return;
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
	/* the verifier's log comes in one piece of up to 16 MB */
	n = vasprintf(&text, format, args);
	if (n < 0)
		return 0;
	log_keep(text, n);
	free(text);
	return n;
}

/* Copies the end of this thread's log into text, and clears the log. Returns the number of bytes; adds no NUL. */
static size_t sf_log_take(char *text, size_t size)
{
	size_t n = log_here.used < size ? log_here.used : size;

	if (n)
		memcpy(text, log_here.text + log_here.used - n, n);
	free(log_here.text);
	log_here.text = NULL;
	log_here.used = 0;
	return n;
}

#endif

/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Loading in a thread: the verifier takes as long as Python does to import what
 * reads from the program. The thread runs no Python, and no handler of a signal.
 */
#include <bpf/libbpf.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

#include "log.h"

struct sf_loading {
	struct bpf_object *object;
	pthread_t thread;
	int has_thread;
	int result;
	char *log; /* of the thread; NULL: there is none, or no memory for it */
	size_t log_len;
};

static void *loading_run(void *argument)
{
	struct sf_loading *loading = argument;

	loading->result = bpf_object__load(loading->object);
	loading->log = malloc(LOG_BYTES);
	if (loading->log)
		loading->log_len = sf_log_take(loading->log, LOG_BYTES);
	return NULL;
}

/*
 * Begins to load an object, which is the thread's until sf_loading_end(). Where
 * there can be no thread, that loads it. Returns NULL with errno set.
 */
static struct sf_loading *sf_loading_begin(struct bpf_object *object)
{
	struct sf_loading *loading = calloc(1, sizeof(*loading));
	sigset_t all, before;

	if (!loading)
		return NULL;
	loading->object = object;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	loading->has_thread = !pthread_create(&loading->thread, NULL, loading_run, loading);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return loading;
}

/* Waits for it, and frees it. Returns what bpf_object__load() does; its log is this thread's. */
static int sf_loading_end(struct sf_loading *loading)
{
	int result;

	if (loading->has_thread) {
		pthread_join(loading->thread, NULL);
		if (loading->log)
			log_keep(loading->log, loading->log_len);
	} else {
		loading->result = bpf_object__load(loading->object);
	}
	result = loading->result;
	free(loading->log);
	free(loading);
	return result;
}

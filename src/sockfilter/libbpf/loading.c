/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Loads an object in a thread: the verifier takes about as long as Python needs
 * to import the reader. The thread runs no Python code and no signal handlers.
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
	char *log; /* the thread's log; NULL: there is none, or no memory for it */
	size_t log_len;
};

static void *loading_run(void *argument)
{
	struct sf_loading *loading = argument;

	loading->result = bpf_object__load(loading->object);
	loading->log = malloc(LOG_BYTES);
	loading->log_len = sf_log_take(loading->log, loading->log ? LOG_BYTES : 0);
	return NULL;
}

/*
 * Starts to load an object. Only the thread may use the object until
 * sf_loading_end(). If no thread can be created, sf_loading_end() loads the
 * object. Returns NULL with errno set on failure.
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

/* Waits for the load and frees `loading`. Moves the log to this thread. Returns the result of bpf_object__load(). */
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

/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Loads programs that are attached to tracepoints by BTF (SEC("tp_btf/NAME")),
 * and reads enumerations of the running kernel. libbpf would parse all of the
 * kernel's types for that, which takes 20 to 60 ms: this goes through them once,
 * in 3 ms.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>

#include "types.c" /* goes through the types */

#define TRACEPOINT_PREFIX "btf_trace_"
#define TRACEPOINT_SECTION "tp_btf/"
#define TRACEPOINTS_MAX 32
#define TRACEPOINT_NAME_BYTES 48

/* the numbers of tracepoints' types, which stay as they are as long as the kernel runs */
struct tracepoint {
	char name[TRACEPOINT_NAME_BYTES];
	__u32 type;
};

static struct {
	pthread_mutex_t lock;
	unsigned int count;
	int has_handler;
	struct tracepoint points[TRACEPOINTS_MAX];
} tracepoints = {.lock = PTHREAD_MUTEX_INITIALIZER};

static __u32 tracepoint_type(const char *name)
{
	__u32 type = 0;
	unsigned int i;

	pthread_mutex_lock(&tracepoints.lock);
	for (i = 0; i < tracepoints.count && !type; i++)
		if (!strcmp(tracepoints.points[i].name, name))
			type = tracepoints.points[i].type;
	pthread_mutex_unlock(&tracepoints.lock);
	return type;
}

/* libbpf calls it before it loads a program. Until then the type is another one, so that libbpf reads no types. */
static int tracepoint_prepare(struct bpf_program *program, struct bpf_prog_load_opts *opts, long cookie)
{
	const char *section = bpf_program__section_name(program);

	(void)cookie;
	opts->attach_btf_id = tracepoint_type(section + strlen(TRACEPOINT_SECTION));
	if (!opts->attach_btf_id)
		return -ENOENT;
	opts->expected_attach_type = BPF_TRACE_RAW_TP;
	return bpf_program__set_type(program, BPF_PROG_TYPE_TRACING);
}

/* Returns how many arguments a tracepoint has, from the type that programs are attached to. */
static __u32 tracepoint_arguments(const struct types *types, const struct btf_type *type)
{
	const struct btf_type *pointer = type->type < types->count ? types->all[type->type] : NULL;
	const struct btf_type *function =
		pointer && btf_is_ptr(pointer) && pointer->type < types->count ? types->all[pointer->type] : NULL;

	/* the first one is not the tracepoint's */
	return function && btf_is_func_proto(function) && btf_vlen(function) ? btf_vlen(function) - 1 : 0;
}

static int tracepoint_keep(const char *name, __u32 type)
{
	int result = 0;

	pthread_mutex_lock(&tracepoints.lock);
	if (tracepoints.count < TRACEPOINTS_MAX && strlen(name) < TRACEPOINT_NAME_BYTES) {
		strcpy(tracepoints.points[tracepoints.count].name, name);
		tracepoints.points[tracepoints.count++].type = type;
	} else {
		result = -1;
	}
	pthread_mutex_unlock(&tracepoints.lock);
	return result;
}

static void tracepoints_handle(void)
{
	LIBBPF_OPTS(libbpf_prog_handler_opts, opts, .prog_prepare_load_fn = tracepoint_prepare);

	pthread_mutex_lock(&tracepoints.lock);
	if (!tracepoints.has_handler)
		tracepoints.has_handler =
			libbpf_register_prog_handler(TRACEPOINT_SECTION, BPF_PROG_TYPE_RAW_TRACEPOINT, 0, &opts) >= 0;
	pthread_mutex_unlock(&tracepoints.lock);
}

/* Maps the kernel's types, and finds the start of each. Returns -1 on failure; the caller ends it in both cases. */
static int types_begin(struct types *types, void **data, size_t *size)
{
	memset(types, 0, sizeof(*types));
	*data = types_map(size);
	return *data ? types_index(types, *data, *size) : -1;
}

static void types_end(struct types *types, void *data, size_t size)
{
	free(types->all);
	free(types->copied);
	if (data)
		munmap(data, size);
}

/*
 * Finds tracepoints by their names, so that an object whose programs are attached
 * to them can be opened. arguments gets how many arguments each has; 0: this
 * kernel has no such tracepoint. Returns -1 if the kernel has no types.
 */
static int sf_tracepoints_find(const char *const *names, __u32 *arguments, unsigned int count)
{
	struct types types;
	const char *name;
	size_t size = 0;
	unsigned int k;
	void *data;
	int result;
	__u32 i;

	tracepoints_handle();
	memset(arguments, 0, count * sizeof(*arguments));
	result = types_begin(&types, &data, &size);
	for (i = 1; !result && i < types.count; i++) {
		if (btf_kind(types.all[i]) != BTF_KIND_TYPEDEF)
			continue;
		name = types_name(&types, types.all[i]->name_off);
		if (strncmp(name, TRACEPOINT_PREFIX, strlen(TRACEPOINT_PREFIX)))
			continue;
		name += strlen(TRACEPOINT_PREFIX);
		for (k = 0; k < count; k++) {
			if (strcmp(name, names[k]))
				continue;
			arguments[k] = tracepoint_arguments(&types, types.all[i]);
			if (!tracepoint_type(name) && tracepoint_keep(name, i))
				arguments[k] = 0;
		}
	}
	types_end(&types, data, size);
	return result;
}

/*
 * Writes the values of an enumeration of the kernel as lines of NAME and number.
 * Returns how many bytes there are, which may be more than size; 0: this kernel
 * has no such enumeration.
 */
static size_t sf_kernel_enum(const char *name, char *text, size_t size)
{
	const struct btf_enum *values;
	struct types types;
	size_t data_size = 0, used = 0;
	void *data;
	__u32 i, k;
	int result = types_begin(&types, &data, &data_size);

	for (i = 1; !result && i < types.count && !used; i++) {
		if (btf_kind(types.all[i]) != BTF_KIND_ENUM || strcmp(types_name(&types, types.all[i]->name_off), name))
			continue;
		values = btf_enum(types.all[i]);
		for (k = 0; k < btf_vlen(types.all[i]); k++)
			used += snprintf(used < size ? text + used : NULL, used < size ? size - used : 0, "%s %u\n",
					 types_name(&types, values[k].name_off), (__u32)values[k].val);
	}
	types_end(&types, data, data_size);
	return used;
}

/* Returns how often the kernel did not run a program, because it would have interrupted itself. 0 before Linux 5.12. */
static __u64 sf_program_skipped(int fd)
{
	struct bpf_prog_info info = {};
	__u32 size = sizeof(info);

	return bpf_obj_get_info_by_fd(fd, &info, &size) ? 0 : info.recursion_misses;
}

/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Watches what all processes map as code: programs when they are executed, and
 * libraries when they are loaded. The kernel writes a record for each mapping
 * (perf_event_open(2), PERF_RECORD_MMAP2), which takes CAP_PERFMON. A file that
 * has been reported is not reported again.
 */
#include <errno.h>
#include <linux/perf_event.h>
#include <linux/types.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "mapping.h"

/* pages for the records of each CPU; a process that starts writes 4 KiB. A power of two */
#define WATCH_PAGES 16
/* files that are remembered as reported; one that is overwritten may be reported again. A power of two */
#define WATCH_FILES 8192
/* bytes of a record that is read: its numbers, and a path of 4096 bytes */
#define WATCH_RECORD_BYTES 4608

/* PERF_RECORD_MMAP2 without a build ID */
struct watch_record {
	struct perf_event_header header;
	__u32 pid;
	__u32 tid;
	__u64 start;
	__u64 len;
	__u64 offset;
	__u32 major;
	__u32 minor;
	__u64 inode;
	__u64 generation;
	__u32 protection;
	__u32 flags;
	char path[WATCH_RECORD_BYTES];
};

struct watch_cpu {
	struct perf_event_mmap_page *page; /* NULL: the CPU is offline */
	int fd;
	__u32 reserved;
};

struct sf_watch {
	size_t page_bytes;
	size_t bytes; /* of a CPU's records */
	unsigned int cpus;
	unsigned int lost; /* whether records were lost */
	struct {
		__u64 device;
		__u64 inode;
		__u64 generation;
	} files[WATCH_FILES];
	struct watch_record record;
	struct watch_cpu each[];
};

static void sf_watch_close(struct sf_watch *watch)
{
	unsigned int i;

	if (!watch)
		return;
	for (i = 0; i < watch->cpus; i++) {
		if (!watch->each[i].page)
			continue;
		munmap(watch->each[i].page, watch->page_bytes + watch->bytes);
		close(watch->each[i].fd);
	}
	free(watch);
}

static int watch_open_cpu(struct sf_watch *watch, unsigned int cpu)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE,
		.size = sizeof(attr),
		.config = PERF_COUNT_SW_DUMMY,
		.exclude_kernel = 1,
		.mmap = 1,
		.mmap2 = 1,
		/* each record wakes up: wakeup_events would count samples alone */
		.watermark = 1,
		.wakeup_watermark = 1,
	};
	int fd = syscall(SYS_perf_event_open, &attr, -1, cpu, -1, PERF_FLAG_FD_CLOEXEC);
	void *page;

	if (fd < 0)
		return errno == ENODEV ? 0 : -1;
	page = mmap(NULL, watch->page_bytes + watch->bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (page == MAP_FAILED) {
		close(fd);
		return -1;
	}
	watch->each[cpu].fd = fd;
	watch->each[cpu].page = page;
	return 0;
}

/* Returns NULL with errno set on failure: EACCES, CAP_PERFMON is missing. */
static struct sf_watch *sf_watch_open(void)
{
	long cpus = sysconf(_SC_NPROCESSORS_CONF);
	struct sf_watch *watch = calloc(1, sizeof(*watch) + cpus * sizeof(watch->each[0]));
	unsigned int i;
	int number;

	if (!watch)
		return NULL;
	watch->page_bytes = sysconf(_SC_PAGESIZE);
	watch->bytes = WATCH_PAGES * watch->page_bytes;
	watch->cpus = cpus;
	for (i = 0; i < watch->cpus; i++) {
		if (watch_open_cpu(watch, i)) {
			number = errno;
			sf_watch_close(watch);
			errno = number;
			return NULL;
		}
	}
	return watch;
}

/* Returns a CPU's descriptor, which is readable when there is a record; -1: it has none; -2: there is no such CPU. */
static int sf_watch_fd(const struct sf_watch *watch, unsigned int cpu)
{
	if (cpu >= watch->cpus)
		return -2;
	return watch->each[cpu].page ? watch->each[cpu].fd : -1;
}

/* Copies the next record of a CPU, and frees its place. Returns false if there is none. */
static bool watch_take(struct sf_watch *watch, struct watch_cpu *cpu)
{
	const char *data = (const char *)cpu->page + watch->page_bytes;
	__u64 head = __atomic_load_n(&cpu->page->data_head, __ATOMIC_ACQUIRE), tail = cpu->page->data_tail;
	char *to = (char *)&watch->record;
	size_t at, size, first;

	if (head == tail)
		return false;
	at = tail & (watch->bytes - 1);
	size = ((const struct perf_event_header *)(data + at))->size; /* headers are aligned, and do not wrap */
	if (size < sizeof(struct perf_event_header)) {
		__atomic_store_n(&cpu->page->data_tail, head, __ATOMIC_RELEASE);
		return false;
	}
	memset(&watch->record, 0, offsetof(struct watch_record, path) + 1);
	if (size < sizeof(watch->record)) {
		first = size < watch->bytes - at ? size : watch->bytes - at;
		memcpy(to, data + at, first);
		memcpy(to + first, data, size - first);
		to[size] = 0;
	}
	__atomic_store_n(&cpu->page->data_tail, tail + size, __ATOMIC_RELEASE);
	return true;
}

static size_t watch_slot(__u64 inode)
{
	return inode * 0x9e3779b97f4a7c15ULL >> 40 & (WATCH_FILES - 1);
}

/* Reports a file again when it is mapped again. */
static void sf_watch_forget(struct sf_watch *watch, __u64 inode)
{
	watch->files[watch_slot(inode)].inode = 0;
}

/* Returns whether the record's file has not been reported yet, and remembers it. */
static bool watch_is_new(struct sf_watch *watch)
{
	const struct watch_record *record = &watch->record;
	__u64 device = (__u64)record->major << 32 | record->minor;
	size_t slot = watch_slot(record->inode);

	if (watch->files[slot].inode == record->inode && watch->files[slot].device == device &&
	    watch->files[slot].generation == record->generation)
		return false;
	watch->files[slot].inode = record->inode;
	watch->files[slot].device = device;
	watch->files[slot].generation = record->generation;
	return true;
}

/* Writes the next mapping of a new file. Returns 1; 0: there is none; -1: some were lost since the last time. */
static int sf_watch_next(struct sf_watch *watch, struct sf_mapping *mapping)
{
	const struct watch_record *record = &watch->record;
	unsigned int i;

	for (i = 0; i < watch->cpus; i++) {
		while (watch->each[i].page && watch_take(watch, &watch->each[i])) {
			watch->lost |= record->header.type == PERF_RECORD_LOST;
			if (record->header.type != PERF_RECORD_MMAP2 || record->path[0] != '/' || !record->inode ||
			    !watch_is_new(watch))
				continue;
			mapping->pid = record->pid;
			mapping->major = record->major;
			mapping->minor = record->minor;
			mapping->inode = record->inode;
			mapping->start = record->start;
			mapping->end = record->start + record->len;
			strncpy(mapping->path, record->path, SF_MAPPING_PATH_BYTES - 1);
			mapping->path[SF_MAPPING_PATH_BYTES - 1] = 0;
			return 1;
		}
	}
	if (watch->lost) {
		watch->lost = 0;
		return -1;
	}
	return 0;
}

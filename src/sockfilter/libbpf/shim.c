/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The C part of the binding: a ring reader without callbacks, and the memory
 * shared with the program. It contains no HTTP code. The file that cffi
 * generates includes this one, so everything is static.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <arpa/inet.h>
#include <errno.h>
#include <linux/capability.h>
#include <linux/if_packet.h>
#include <linux/membarrier.h>
#include <linux/types.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "count.h"
#include "events.h"
#include "accelerate.h"
#include "guard.h"
#include "log.h"
#include "members.h"
#include "processes.h"
#include "secrets.h"
#include "skip_slot.h"
#include "syscalls.h"
#include "tree.h"

/* bytes of the largest record with its header, rounded up to pages of up to 64 KiB */
#define REACH_BYTES ((SF_RECORD_BYTES_MAX | 0xffff) + 1)

/*
 * Opens an object from its bytes, which may be freed afterwards. types: a
 * descriptor from sf_kernel_types(), which the load reads; -1: libbpf reads the
 * kernel's types itself. Returns NULL with errno set on failure.
 */
static struct bpf_object *sf_object_open(const void *bytes, size_t size, const char *name, int types)
{
	char path[32];
	LIBBPF_OPTS(bpf_object_open_opts, opts, .object_name = name);

	if (types >= 0) {
		snprintf(path, sizeof(path), "/proc/self/fd/%d", types);
		opts.btf_custom_path = path;
	}
	libbpf_set_print(log_print);
	return bpf_object__open_mem(bytes, size, &opts);
}

/* Returns the initial content of a section of globals, which the caller may change before the load. */
static void *sf_map_memory(struct bpf_map *map, size_t *size)
{
	return (void *)bpf_map__initial_value(map, size);
}

/*
 * Binds a packet socket by the interface's index. Python's bind() takes a name,
 * and index 0, all interfaces, has no name. Returns -1 with errno set on failure.
 */
static int sf_packet_bind(int fd, int ifindex, unsigned short protocol)
{
	struct sockaddr_ll address = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(protocol),
		.sll_ifindex = ifindex,
	};

	return bind(fd, (struct sockaddr *)&address, sizeof(address));
}

/*
 * Sets this thread's effective, permitted and inheritable capabilities, as bit
 * sets. Those that are not permitted cannot be regained. Returns -1 with errno
 * set on failure.
 */
static int sf_capabilities(__u64 effective, __u64 permitted, __u64 inheritable)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2];
	int i;

	for (i = 0; i < 2; i++) {
		data[i].effective = effective >> 32 * i;
		data[i].permitted = permitted >> 32 * i;
		data[i].inheritable = inheritable >> 32 * i;
	}
	return syscall(SYS_capset, &header, data);
}

/* Sets whether the permitted capabilities survive a change of the user. Returns -1 with errno set on failure. */
static int sf_keep_capabilities(int keep)
{
	return prctl(PR_SET_KEEPCAPS, keep, 0, 0, 0);
}

/* Sets no_new_privs: an exec can no longer gain privileges. Returns -1 with errno set on failure. */
static int sf_no_new_privileges(void)
{
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
}

/*
 * Attaches a program by a link, which lasts as long as its descriptor. libbpf has the call for some kinds of
 * programs only in newer versions. Returns the descriptor; a negative error number on failure.
 */
static int sf_link_create(int program_fd, int target, int attach_type, __u32 flags)
{
	LIBBPF_OPTS(bpf_link_create_opts, opts, .flags = flags);

	return bpf_link_create(program_fd, target, attach_type, &opts);
}

/*
 * Waits for the programs that run at the time of the call. On tracepoints they run with preemption disabled,
 * and MEMBARRIER_CMD_GLOBAL waits for the end of that (membarrier(2)). Returns at once if the kernel lacks it.
 */
static void sf_let_programs_end(void)
{
	syscall(__NR_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0);
}

/*
 * The reader of one ring. A record is valid from peek to release. Positions
 * only grow; the offset of a position in data is the position modulo size.
 */
struct sf_ring {
	__u64 *consumer;       /* shared, written here */
	const __u64 *producer; /* shared, written by the kernel */
	const char *data;      /* span bytes; the start of the ring is mapped again after its end */
	size_t size;
	size_t span;
	size_t page;
	__u64 next; /* the consumer's position after the next release */
};

static void sf_ring_close(struct sf_ring *ring)
{
	if (!ring)
		return;
	if (ring->consumer)
		munmap(ring->consumer, ring->page);
	if (ring->producer)
		munmap((void *)ring->producer, ring->page + ring->span);
	free(ring);
}

/*
 * Documentation/bpf/ringbuf.rst: a page for the consumer, a page for the
 * producer, and the data twice. The second copy is mapped only as far as a
 * record can reach into it, because all mapped pages count as this process's
 * memory. Returns NULL with errno set on failure.
 */
static struct sf_ring *sf_ring_open(int map_fd, size_t size)
{
	struct sf_ring *ring = calloc(1, sizeof(*ring));
	size_t page = sysconf(_SC_PAGESIZE);
	void *at;

	if (!ring)
		return NULL;
	ring->size = size;
	ring->span = size + (size < REACH_BYTES ? size : REACH_BYTES);
	ring->page = page;
	at = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_SHARED, map_fd, 0);
	if (at == MAP_FAILED)
		goto failed;
	ring->consumer = at;
	at = mmap(NULL, page + ring->span, PROT_READ, MAP_SHARED, map_fd, page);
	if (at == MAP_FAILED)
		goto failed;
	ring->producer = at;
	ring->data = (const char *)at + page;
	ring->next = *ring->consumer;
	return ring;
failed:
	sf_ring_close(ring);
	return NULL;
}

/*
 * Maps an array's values, or the program's .bss. Before libbpf 1.6, only the
 * load of a skeleton maps .bss (bpf_object__load_skeleton). Returns NULL with
 * errno set on failure.
 */
static void *sf_memory_open(int map_fd, size_t size)
{
	void *at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, map_fd, 0);

	return at == MAP_FAILED ? NULL : at;
}

static void sf_memory_close(void *memory, size_t size)
{
	if (memory)
		munmap(memory, size);
}

static const void *sf_ring_data(const struct sf_ring *ring)
{
	return ring->data;
}

/* Writes the offsets in data of at most max complete records. Returns their number. The next call continues there. */
static unsigned int sf_ring_peek(struct sf_ring *ring, __u32 *offsets, unsigned int max)
{
	__u64 produced = __atomic_load_n(ring->producer, __ATOMIC_ACQUIRE);
	unsigned int n = 0;

	while (ring->next < produced && n < max) {
		size_t at = ring->next & (ring->size - 1);
		__u32 header = __atomic_load_n((const __u32 *)(ring->data + at), __ATOMIC_ACQUIRE);
		__u32 len = header & ~(BPF_RINGBUF_BUSY_BIT | BPF_RINGBUF_DISCARD_BIT);

		if (header & BPF_RINGBUF_BUSY_BIT)
			break;
		if (!(header & BPF_RINGBUF_DISCARD_BIT))
			offsets[n++] = at + BPF_RINGBUF_HDR_SZ;
		ring->next += (BPF_RINGBUF_HDR_SZ + len + 7) & ~7ULL;
	}
	return n;
}

/* Frees the peeked records, and the discarded ones between them. */
static void sf_ring_release(struct sf_ring *ring)
{
	__atomic_store_n(ring->consumer, ring->next, __ATOMIC_RELEASE);
}

static size_t sf_ring_span(const struct sf_ring *ring)
{
	return ring->span;
}

static __u64 sf_ring_produced(const struct sf_ring *ring)
{
	return __atomic_load_n(ring->producer, __ATOMIC_ACQUIRE);
}

static __u64 sf_ring_consumed(const struct sf_ring *ring)
{
	return ring->next;
}

/* bytes that records fill: those that were not released yet */
static __u64 sf_ring_used(const struct sf_ring *ring)
{
	return sf_ring_produced(ring) - __atomic_load_n(ring->consumer, __ATOMIC_RELAXED);
}

/*
 * Requests a wake-up for the next record. Returns 0 if a record is there
 * already; the caller must not wait then. The fence orders the request before
 * the check for records. The program has no matching fence, so a record may
 * miss the request, and a wait needs a time limit.
 */
static int sf_ring_asleep(struct sf_ring *ring, struct sf_shared *shared)
{
	__atomic_store_n(&shared->asleep, 1, __ATOMIC_SEQ_CST);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (sf_ring_produced(ring) == ring->next)
		return 1;
	__atomic_store_n(&shared->asleep, 0, __ATOMIC_RELAXED);
	return 0;
}

static void sf_ring_awake(struct sf_shared *shared)
{
	__atomic_store_n(&shared->asleep, 0, __ATOMIC_RELAXED);
}

/* Writes a skip hint, which skip_hint() of bpf/lib/skipping.bpf.h reads. */
static void sf_skip_set(struct sf_skip *skips, __u64 stream, __u64 hint)
{
	struct sf_skip *slot = &skips[sf_skip_slot(stream)];

	__atomic_store_n(&slot->hint, hint, __ATOMIC_RELAXED);
	__atomic_store_n(&slot->check, stream ^ hint, __ATOMIC_RELAXED);
}

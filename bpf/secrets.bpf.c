/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0 */
/*
 * The secrets of TLS handshakes: probes on the function that a TLS library calls
 * with each secret, whether or not somebody asked for a key log. The packets are
 * captured elsewhere; a secret opens them.
 *
 * Probes are at entries only: a probe on a return changes the stack of the
 * process, which Go's runtime does not survive.
 */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>

#include "lib/verifier.bpf.h"
#include "secrets.h"

/* labels of 680 files */
#define DISTANCES 4096

const volatile struct sf_secrets_config secrets_config;

/* user space reads it without a system call */
struct sf_secret_counts counts;

/* Of a handshake each end sends four secrets: room for 960 handshakes of which both ends are here. */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 20);
} secrets SEC(".maps");

/* Copies of objects, of 25 KiB for OpenSSL: room for 300. They come for seconds, and are read as they come. */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 8 << 20);
} memories SEC(".maps");

struct owner {
	__u64 object;
	__u64 tgid;
};

/* Objects whose secrets are known or have been copied. One that has been forgotten is copied again. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, struct owner);
	__type(value, __u64);
} known SEC(".maps");

/*
 * Labels by the distance of their text from the probed function, which is the same in all processes. A process may call
 * the function before its page with the text is in memory.
 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, DISTANCES);
	__type(key, __u64);
	__type(value, __u32);
} distances SEC(".maps");

/* by enum sf_label, minus 1 */
static const char labels[][SF_LABEL_BYTES] = {
	"CLIENT_RANDOM",
	"CLIENT_EARLY_TRAFFIC_SECRET",
	"CLIENT_HANDSHAKE_TRAFFIC_SECRET",
	"SERVER_HANDSHAKE_TRAFFIC_SECRET",
	"CLIENT_TRAFFIC_SECRET_0",
	"SERVER_TRAFFIC_SECRET_0",
};

/* bpf_probe_read_user() with a 64-bit length: early 5.10 keeps no bounds of 32-bit registers */
static long (*const read_user_for_verifier)(void *to, __u64 len, const void *from) = (void *)112;

/* the arguments of a call; the label of C ends with a zero */
struct call {
	__u64 object;
	__u64 label;
	__u64 label_len; /* 0: until the zero */
	__u64 random;	 /* 0: not known */
	__u64 secret;
	__u64 secret_len;
	__u64 function;
};

/* Programs may be interrupted by others on the same CPU, and moved to another one. */
static __always_inline void count(__u64 *counter)
{
	__sync_fetch_and_add(counter, 1);
}

/* Returns whether the current process is one whose secrets are taken, and its numbers. */
static __always_inline int is_wanted(struct sf_secret *secret)
{
	struct bpf_pidns_info here = {};

	if (secrets_config.has_uid && (__u32)bpf_get_current_uid_gid() != secrets_config.uid)
		return 0;
	/* a process that user space cannot see has no number */
	bpf_get_ns_current_pid_tgid(secrets_config.pidns_dev, secrets_config.pidns_ino, &here, sizeof(here));
	secret->tgid = here.tgid;
	secret->tid = here.pid;
	return !secrets_config.tgid || secrets_config.tgid == here.tgid;
}

/* Returns the number of a label whose text cannot be read; 0: it is not known either. */
static __always_inline int label_at(const struct call *call)
{
	__u64 distance = call->label - call->function;
	__u32 *known = bpf_map_lookup_elem(&distances, &distance);

	return known ? *known : 0;
}

/* Returns the number of a label; 0: it cannot be read; -1: one that opens nothing. */
static __always_inline int label_of(const struct call *call)
{
	__u64 words[SF_LABEL_BYTES / 8] = {};
	__u64 len = call->label_len;
	long result;
	int i;

	if (!len) {
		result = bpf_probe_read_user_str(words, sizeof(words), (void *)call->label);
	} else {
		if (len >= sizeof(words))
			return -1;
		MASK_FOR_VERIFIER(len, 31);
		result = read_user_for_verifier(words, len, (void *)call->label);
	}
	if (result < 0)
		return label_at(call);
#pragma unroll
	for (i = 0; i < (int)(sizeof(labels) / sizeof(labels[0])); i++) {
		const __u64 *known = (const __u64 *)labels[i];

		if (words[0] == known[0] && words[1] == known[1] && words[2] == known[2] && words[3] == known[3])
			return i + 1;
	}
	return -1;
}

static __always_inline int is_copied(struct sf_secret *secret, const struct call *call)
{
	const __u64 limit = SF_SECRET_BYTES + 1;
	__u64 len = call->secret_len;

	if (!len || len >= limit)
		return 0;
	secret->secret_len = len;
	BELOW_FOR_VERIFIER(len, limit);
	if (read_user_for_verifier(secret->secret, len, (void *)call->secret))
		return 0;
	if (call->random && !bpf_probe_read_user(secret->random, SF_RANDOM_BYTES, (void *)call->random))
		secret->random_len = SF_RANDOM_BYTES;
	return 1;
}

/* Notes an object. Returns whether it was not known. */
static __always_inline int is_new(const struct owner *owner)
{
	__u64 nothing = 0;

	return !bpf_map_update_elem(&known, owner, &nothing, BPF_NOEXIST);
}

static __always_inline int take(const struct call *call)
{
	struct sf_secret secret = {}, *place;
	int label;

	count(&counts.seen);
	if (!is_wanted(&secret)) {
		count(&counts.excluded);
		return 0;
	}
	label = label_of(call);
	if (label < 0) {
		count(&counts.other);
		return 0;
	}
	if (!label || !is_copied(&secret, call)) {
		count(&counts.unreadable);
		return 0;
	}
	secret.time_ns = bpf_ktime_get_ns();
	secret.object = call->object;
	if (secret.object) {
		struct owner owner = {.object = secret.object, .tgid = secret.tgid};

		is_new(&owner);
	}
	secret.label = label;
	place = bpf_ringbuf_reserve(&secrets, sizeof(secret), 0);
	if (!place) {
		count(&counts.lost);
		return 0;
	}
	*place = secret;
	bpf_ringbuf_submit(place, 0);
	count(&counts.sent);
	return 0;
}

/*
 * ctx is the registers: struct pt_regs of x86-64 (arch/x86/include/uapi/asm/ptrace.h), struct user_pt_regs of arm64
 * (arch/arm64/include/uapi/asm/ptrace.h). One object serves both; user space loads the programs of its machine.
 */
enum x86_64 {
	R11 = 6,
	R10 = 7,
	R9 = 8,
	R8 = 9,
	RAX = 10,
	RCX = 11,
	RDX = 12,
	RSI = 13,
	RDI = 14,
	RIP = 16,
	RBX = 5,
};
#define ARM64_PC 32

/* arguments: object, label, secret, length */
SEC("uprobe")
int secret_x86_64(const __u64 *registers)
{
	struct call call = {
		.object = registers[RDI],
		.label = registers[RSI],
		.secret = registers[RDX],
		.secret_len = registers[RCX],
		.function = registers[RIP],
	};

	return take(&call);
}

SEC("uprobe")
int secret_aarch64(const __u64 *registers)
{
	struct call call = {
		.object = registers[0],
		.label = registers[1],
		.secret = registers[2],
		.secret_len = registers[3],
		.function = registers[ARM64_PC],
	};

	return take(&call);
}

/*
 * Go: a configuration, which many connections share, a label and its length, the random, its length and its capacity,
 * and the same of the secret.
 */
SEC("uprobe")
int secret_go_x86_64(const __u64 *registers)
{
	struct call call = {
		.label = registers[RBX],
		.label_len = registers[RCX],
		.random = registers[RSI] == SF_RANDOM_BYTES ? registers[RDI] : 0,
		.secret = registers[R9],
		.secret_len = registers[R10],
		.function = registers[RIP],
	};

	return take(&call);
}

SEC("uprobe")
int secret_go_aarch64(const __u64 *registers)
{
	struct call call = {
		.label = registers[1],
		.label_len = registers[2],
		.random = registers[4] == SF_RANDOM_BYTES ? registers[3] : 0,
		.secret = registers[6],
		.secret_len = registers[7],
		.function = registers[ARM64_PC],
	};

	return take(&call);
}

/* Whether a word may be the address of something that was allocated: malloc() aligns to 16 bytes (glibc, musl). */
static __always_inline int is_address(__u64 word)
{
	return word >= 0x10000 && word < 1ULL << 47 && !(word & 15);
}

/* Copies what a word of an object points to. */
static __always_inline void copy_block(struct sf_object *from, __u32 at, __u64 address)
{
	struct sf_block *block = bpf_ringbuf_reserve(&memories, sizeof(*block), 0);

	if (!block)
		return;
	if (bpf_probe_read_user(block->bytes, sizeof(block->bytes), (void *)address)) {
		bpf_ringbuf_discard(block, 0);
		return;
	}
	block->memory.time_ns = from->memory.time_ns;
	block->memory.object = from->memory.object;
	block->memory.tgid = from->memory.tgid;
	block->memory.at = at;
	block->memory.len = sizeof(block->bytes);
	block->memory.blocks = 0;
	from->memory.blocks++;
	bpf_ringbuf_submit(block, 0);
}

struct walk {
	struct sf_object *place;
};

/* Copies what the word with this number points to. Returns 1 after the last one. */
static long walk_word(__u32 i, struct walk *walk)
{
	struct sf_object *place = walk->place;

	if (i >= SF_OBJECT_BYTES / 8 || i * 8 >= place->memory.len || place->memory.blocks >= SF_BLOCKS)
		return 1;
	if (is_address(place->words[i]))
		copy_block(place, i * 8, place->words[i]);
	return 0;
}

/* Copies an object, once. */
static __always_inline int copy(__u64 object)
{
	struct owner owner = {.object = object};
	struct sf_secret whose = {};
	struct sf_object *place;
	struct walk walk = {};
	__u32 i;

	count(&counts.calls);
	if (!is_wanted(&whose))
		return 0;
	owner.tgid = whose.tgid;
	if (!is_new(&owner))
		return 0;
	place = bpf_ringbuf_reserve(&memories, sizeof(*place), 0);
	if (!place) {
		bpf_map_delete_elem(&known, &owner);
		count(&counts.uncopied);
		return 0;
	}
	place->memory.time_ns = bpf_ktime_get_ns();
	place->memory.object = object;
	place->memory.tgid = whose.tgid;
	place->memory.at = SF_OBJECT_BYTES;
	place->memory.len = 0;
	place->memory.blocks = 0;
	for (i = 0; i < SF_OBJECT_BYTES / SF_BLOCK_BYTES; i++) {
		if (bpf_probe_read_user((char *)place->words + i * SF_BLOCK_BYTES, SF_BLOCK_BYTES,
					(void *)(object + i * SF_BLOCK_BYTES)))
			break;
		place->memory.len += SF_BLOCK_BYTES;
	}
	walk.place = place;
	/* the verifier follows a loop a thousand times: user space loads this where there is the helper (Linux 5.17) */
	bpf_loop(SF_OBJECT_BYTES / 8, walk_word, &walk, 0);
	bpf_ringbuf_submit(place, 0);
	count(&counts.copied);
	return 0;
}

/* The first argument is the object. */
SEC("?uprobe")
int object_x86_64(const __u64 *registers)
{
	return copy(registers[RDI]);
}

SEC("?uprobe")
int object_aarch64(const __u64 *registers)
{
	return copy(registers[0]);
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";

/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Finds a function that C code calls with the labels of a key log: OpenSSL,
 * BoringSSL and GnuTLS have one that gets each secret, and whether somebody
 * wants a key log is decided inside.
 *
 * Its callers load the address of a label shortly before the call. A function
 * that logs no secrets may be called near a label too, such as the one that
 * derives them; but no other one is called near the labels of both TLS 1.2 and
 * the exporter, of which one is not derived by a label at all.
 */
#ifndef SOCKFILTER_SECRETS_LABELS_H
#define SOCKFILTER_SECRETS_LABELS_H

#include "elf_file.h"

#define LABEL_NOTHING 0
#define LABEL_CLIENT_RANDOM 1
#define LABEL_EXPORTER 7
#define LABEL_EARLY_EXPORTER 8
#define LABEL_NUMBERS 8

/* bytes after the load of a label's address in which the call is */
#define LABELS_REACH 48
/* copies of the labels in a file, and functions that are called near them; libssl has one copy, and 40 such functions */
#define LABELS_COPIES_MAX 32
#define LABELS_TARGETS_MAX 1024
/* loads of a label's address that are followed; libssl has 12: a file that was made to take long ends here */
#define LABELS_LOADS_MAX 1024
/* different labels that show the function where TLS 1.2 is compiled out */
#define LABELS_ENOUGH 3

/* by number, from 1 on; those of exporters open nothing. In a file, a zero is in place of the end of line */
static const char *const labels_texts[LABEL_NUMBERS] = {
	"CLIENT_RANDOM\n",
	"CLIENT_EARLY_TRAFFIC_SECRET\n",
	"CLIENT_HANDSHAKE_TRAFFIC_SECRET\n",
	"SERVER_HANDSHAKE_TRAFFIC_SECRET\n",
	"CLIENT_TRAFFIC_SECRET_0\n",
	"SERVER_TRAFFIC_SECRET_0\n",
	"EXPORTER_SECRET\n",
	"EARLY_EXPORTER_SECRET\n",
};

struct labels_copy {
	__u64 address;
	__u32 number;
	__u32 unused;
};

/* a function that is called near labels */
struct labels_target {
	__u64 address;
	__u32 labels; /* a bit set of numbers */
	__u32 unused;
};

struct labels {
	struct labels_copy copies[LABELS_COPIES_MAX];
	struct labels_target targets[LABELS_TARGETS_MAX];
	unsigned int copy_count;
	unsigned int target_count;
	unsigned int loads;
	unsigned int unused;
	__u64 first, last; /* the lowest and the highest address of a label */
};

static void labels_add(struct labels *labels, __u64 address, __u32 number)
{
	if (labels->copy_count == LABELS_COPIES_MAX)
		return;
	labels->copies[labels->copy_count++] = (struct labels_copy){.address = address, .number = number};
	if (!labels->first || address < labels->first)
		labels->first = address;
	if (address > labels->last)
		labels->last = address;
}

/*
 * Notes each copy of a label in a part: all labels but the first have the same word in them. Linkers may let a text
 * begin inside of another one that has the same end.
 */
static void labels_note(struct labels *labels, const struct elf_part *part)
{
	static const char word[] = "_SECRET";
	const unsigned char *at = part->bytes, *end = part->bytes + part->size;
	size_t len = strlen(labels_texts[0]) - 1, before;
	__u32 number;

	for (; (at = memmem(at, end - at, labels_texts[0], len)); at += len)
		if (at + len < end && !at[len])
			labels_add(labels, part->address + (at - part->bytes), LABEL_CLIENT_RANDOM);
	for (at = part->bytes; (at = memmem(at, end - at, word, sizeof(word) - 1)); at += sizeof(word) - 1) {
		for (number = LABEL_CLIENT_RANDOM + 1; number <= LABEL_NUMBERS; number++) {
			const char *text = labels_texts[number - 1];

			len = strlen(text) - 1;
			before = strstr(text, word) - text;
			if ((size_t)(at - part->bytes) >= before && (size_t)(end - at) > len - before &&
			    !memcmp(at - before, text, len) && !at[len - before])
				labels_add(labels, part->address + (at - before - part->bytes), number);
		}
	}
}

/* Returns the label at an address that the code loads. */
static __u32 labels_at(struct labels *labels, __u64 address)
{
	unsigned int i;

	if (address < labels->first || address > labels->last || labels->loads == LABELS_LOADS_MAX)
		return LABEL_NOTHING;
	for (i = 0; i < labels->copy_count; i++) {
		if (labels->copies[i].address == address) {
			labels->loads++;
			return labels->copies[i].number;
		}
	}
	return LABEL_NOTHING;
}

/* Notes that a function is called near a label. */
static void labels_called(struct labels *labels, __u64 address, __u32 number)
{
	struct labels_target *target = labels->targets, *end = target + labels->target_count;

	while (target < end && target->address != address)
		target++;
	if (target == end) {
		if (labels->target_count == LABELS_TARGETS_MAX)
			return;
		labels->target_count++;
		*target = (struct labels_target){.address = address};
	}
	target->labels |= 1U << number;
}

static __s32 labels_s32(const unsigned char *at)
{
	__s32 value;

	memcpy(&value, at, sizeof(value));
	return value;
}

/*
 * Returns whether a call goes to another file: by endbr64, bnd jmp [rip + DISTANCE], or bti c, adrp x16, PAGE. The
 * function that is looked for is in the same file as its callers; if it can be called from others, it has a symbol.
 */
static bool labels_is_stub(const struct elf *elf, __u64 address)
{
	static const unsigned char landing[] = {0xf3, 0x0f, 0x1e, 0xfa};
	const struct elf_part *part = elf_loaded(elf, address, PF_X);
	size_t at = address - part->address;

	if (elf->machine == EM_AARCH64) {
		if (part->size - at < 8)
			return false;
		if ((__u32)labels_s32(part->bytes + at) == 0xd503245f)
			at += 4;
		return ((__u32)labels_s32(part->bytes + at) & 0x9f00001f) == 0x90000010U;
	}
	if (part->size - at < 8)
		return false;
	if (!memcmp(part->bytes + at, landing, sizeof(landing)))
		at += sizeof(landing);
	if (part->bytes[at] == 0xf2)
		at++;
	return part->bytes[at] == 0xff && part->bytes[at + 1] == 0x25;
}

/* Notes what is called in the bytes after the load of a label's address: call and jmp with a 32-bit distance. */
static void labels_x86_calls(struct labels *labels, const struct elf *elf, const struct elf_part *code, size_t from,
			     __u32 number)
{
	size_t at;

	for (at = from; at < from + LABELS_REACH && at + 5 <= code->size; at++) {
		__u64 target = code->address + at + 5 + labels_s32(code->bytes + at + 1);

		if ((code->bytes[at] == 0xe8 || code->bytes[at] == 0xe9) && elf_loaded(elf, target, PF_X) &&
		    !labels_is_stub(elf, target))
			labels_called(labels, target, number);
	}
}

/* Looks for lea REG, [rip + DISTANCE], and for mov REG, ADDRESS in files that are not relocated. */
static void labels_x86(struct labels *labels, const struct elf *elf, const struct elf_part *code)
{
	const unsigned char *bytes = code->bytes;
	bool has_addresses = elf->type == ET_EXEC;
	__u64 address;
	__u32 number;
	size_t at;

	for (at = 1; at + 6 <= code->size; at++) {
		if (bytes[at] == 0x8d && (bytes[at + 1] & 0xc7) == 0x05 && (bytes[at - 1] & 0xfb) == 0x48) {
			address = code->address + at + 6 + labels_s32(bytes + at + 2);
			number = labels_at(labels, address);
			if (number)
				labels_x86_calls(labels, elf, code, at + 6, number);
		} else if (has_addresses && (bytes[at] & 0xf8) == 0xb8) {
			address = (__u32)labels_s32(bytes + at + 1);
			number = labels_at(labels, address);
			if (number)
				labels_x86_calls(labels, elf, code, at + 5, number);
		}
	}
}

/* Sign-extends the lowest bits of a number. */
static __s64 labels_signed(__u64 value, unsigned int bits)
{
	return (__s64)(value << (64 - bits)) >> (64 - bits);
}

/* The same for bl and b. */
static void labels_arm_calls(struct labels *labels, const struct elf *elf, const struct elf_part *code, size_t from,
			     __u32 number)
{
	__u64 target;
	__u32 word;
	size_t at;

	for (at = from; at < from + LABELS_REACH && at + 4 <= code->size; at += 4) {
		word = labels_s32(code->bytes + at);
		target = code->address + at + 4 * labels_signed(word & 0x3ffffff, 26);
		if ((word & 0x7c000000) == 0x14000000 && elf_loaded(elf, target, PF_X) && !labels_is_stub(elf, target))
			labels_called(labels, target, number);
	}
}

/* Looks for adrp REG, PAGE and add REG, REG, OFFSET, which need not be next to each other; and for adr. */
static void labels_arm(struct labels *labels, const struct elf *elf, const struct elf_part *code)
{
	__u64 pages[32] = {}, address;
	__u32 word, number;
	size_t at;

	for (at = 0; at + 4 <= code->size; at += 4) {
		word = labels_s32(code->bytes + at);
		if ((word & 0x1f000000) == 0x10000000) {
			__s64 distance = labels_signed((word >> 5 & 0x7ffff) << 2 | (word >> 29 & 3), 21);
			__u64 here = code->address + at;

			if (word >> 31) {
				pages[word & 31] = (here & ~0xfffULL) + distance * 4096;
				continue;
			}
			address = here + distance;
		} else if ((word & 0xffc00000) == 0x91000000) {
			address = pages[word >> 5 & 31] + (word >> 10 & 0xfff);
		} else {
			continue;
		}
		number = labels_at(labels, address);
		if (number)
			labels_arm_calls(labels, elf, code, at + 4, number);
	}
}

/* Chooses the function, and returns how many there are to choose from. */
static unsigned int labels_choose(const struct labels *labels, bool has_tls12, const struct labels_target **chosen)
{
	const __u32 both = 1U << LABEL_CLIENT_RANDOM | 1U << LABEL_EXPORTER;
	unsigned int i, found = 0;

	for (i = 0; i < labels->target_count; i++) {
		const struct labels_target *target = &labels->targets[i];

		if (has_tls12 ? (target->labels & both) == both : __builtin_popcount(target->labels) >= LABELS_ENOUGH) {
			*chosen = target;
			found++;
		}
	}
	return found;
}

/* Notes the addresses of labels of which there is one copy. */
static void labels_place(const struct labels *labels, struct sf_found *found)
{
	__u64 address;
	__u32 number;
	unsigned int i, copies;

	for (number = 1; number <= SF_LABELS; number++) {
		for (i = copies = 0; i < labels->copy_count; i++) {
			if (labels->copies[i].number == number) {
				address = labels->copies[i].address;
				copies++;
			}
		}
		if (copies == 1)
			found->labels[number - 1] = address;
	}
}

/* Looks for the labels in what is loaded and not changed: without code, or with it. */
static void labels_collect(struct labels *labels, struct elf *elf, bool with_code, struct sf_found *found)
{
	unsigned int i;

	for (i = 0; i < elf->load_count; i++) {
		const struct elf_part *part = &elf->loads[i];

		if (!part->size || part->flags & PF_W || (part->flags & PF_X && !with_code))
			continue;
		elf_read(elf, part->offset, part->size);
		labels_note(labels, part);
	}
	for (i = 0; i < labels->copy_count; i++)
		found->labels_seen |= 1U << labels->copies[i].number;
}

/* Searches the code. */
static enum sf_found_how labels_find(struct labels *labels, struct elf *elf, struct sf_found *found)
{
	const struct labels_target *chosen = NULL;
	unsigned int i, count;

	if (!labels->copy_count)
		return SF_NOT_TLS;
	for (i = 0; i < elf->load_count; i++) {
		if (!(elf->loads[i].flags & PF_X))
			continue;
		elf_read(elf, elf->loads[i].offset, elf->loads[i].size);
		if (elf->machine == EM_X86_64)
			labels_x86(labels, elf, &elf->loads[i]);
		else
			labels_arm(labels, elf, &elf->loads[i]);
	}
	count = labels_choose(labels, found->labels_seen >> LABEL_CLIENT_RANDOM & 1, &chosen);
	if (count != 1)
		return count ? SF_NOT_ONE : SF_NOT_CALLED;
	found_add(found, elf_loaded(elf, chosen->address, PF_X), chosen->address);
	return SF_FOUND_LABELS;
}

#endif

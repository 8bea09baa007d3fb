/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Finds a function of a Go program by the table that Go's runtime needs for its
 * stack traces (src/debug/gosym/pclntab.go, src/runtime/symtab.go). Stripping
 * leaves it in place.
 *
 *	magic, 0, 0, quantum, size of a pointer, then words of that size:
 *	functions, files, [start of the text,] offsets of names, units, files, programs, functions
 *
 * At the offset of functions: pairs of an entry and the offset of a description,
 * which has the entry again and the offset of the name. Since 1.18 these are
 * 32-bit distances from the start of the text.
 */
#ifndef SOCKFILTER_SECRETS_GO_H
#define SOCKFILTER_SECRETS_GO_H

#include "elf_file.h"

#define GO_FUNCTION "crypto/tls.(*Config).writeKeyLog"
#define GO_PACKAGE "crypto/tls.(*Conn)"

#define GO_MAGIC_1_2 0xfffffffb
#define GO_MAGIC_1_16 0xfffffffa
#define GO_MAGIC_1_18 0xfffffff0
#define GO_MAGIC_1_20 0xfffffff1
/* functions that are read; Kubernetes has 200 000 */
#define GO_FUNCTIONS_MAX (1 << 22)
/* bytes of a function that are looked at for the sign that arguments are in registers */
#define GO_PROLOGUE 24

struct go_table {
	const unsigned char *bytes;
	size_t size;
	__u64 address;
	__u32 magic;
	__u32 word; /* bytes of an entry */
	__u64 functions;
	__u64 text;
	__u64 names_at;
	__u64 functions_at;
};

static __u64 go_number(const struct go_table *table, __u64 at, __u32 bytes)
{
	__u64 value = 0;

	if (at <= table->size && bytes <= table->size - at)
		memcpy(&value, table->bytes + at, bytes);
	return value;
}

/* Copies the version of Go, if the file has it as text (since 1.18). */
static void go_version(struct elf *elf, struct sf_found *found)
{
	static const char magic[] = "\xff Go buildinf:";
	struct elf_part info = elf_named(elf, ".go.buildinfo");
	unsigned int len, i;

	if (info.size < 33 || memcmp(info.bytes, magic, sizeof(magic) - 1) || !(info.bytes[15] & 2))
		return;
	len = info.bytes[32];
	if (len >= SF_VERSION_BYTES || len > info.size - 33)
		return;
	for (i = 0; i < len && info.bytes[33 + i] > ' ' && info.bytes[33 + i] < 0x7f; i++)
		found->go_version[i] = info.bytes[33 + i];
}

/* Reads the header. Returns whether it is that of a table of a known version. */
static bool go_open(struct go_table *table, struct elf *elf, const struct elf_part *part)
{
	bool has_text;

	*table = (struct go_table){.bytes = part->bytes, .size = part->size, .address = part->address};
	table->magic = go_number(table, 0, 4);
	if (go_number(table, 4, 2) || go_number(table, 7, 1) != 8)
		return false;
	has_text = table->magic == GO_MAGIC_1_18 || table->magic == GO_MAGIC_1_20;
	if (!has_text && table->magic != GO_MAGIC_1_16)
		return table->magic == GO_MAGIC_1_2;
	table->word = has_text ? 4 : 8;
	table->functions = go_number(table, 8, 8);
	table->names_at = go_number(table, has_text ? 32 : 24, 8);
	table->functions_at = go_number(table, has_text ? 64 : 56, 8);
	if (has_text) {
		table->text = go_number(table, 24, 8);
		if (!table->text) /* written when it is loaded */
			table->text = elf_relocated(elf, table->address + 24);
		if (!table->text)
			table->text = elf_named(elf, ".text").address;
	}
	return table->functions && table->functions < GO_FUNCTIONS_MAX;
}

/* Finds the table: in its section, or where its first bytes are. */
static bool go_find_table(struct go_table *table, struct elf *elf)
{
	static const char *const names[] = {".gopclntab", ".data.rel.ro.gopclntab"};
	struct elf_part part;
	unsigned int i;
	size_t at;

	for (i = 0; i < 2; i++) {
		part = elf_named(elf, names[i]);
		if (part.size && go_open(table, elf, &part))
			return true;
	}
	for (i = 0; i < elf->load_count; i++) {
		elf_read(elf, elf->loads[i].offset, elf->loads[i].size);
		for (at = 0; at + 8 <= elf->loads[i].size; at += 8) {
			const unsigned char *bytes = elf->loads[i].bytes + at;

			if (bytes[1] != 0xff || bytes[2] != 0xff || bytes[3] != 0xff || bytes[4] || bytes[5] ||
			    bytes[7] != 8)
				continue;
			part = elf->loads[i];
			part.bytes += at;
			part.size -= at;
			part.address += at;
			if (go_open(table, elf, &part) && table->magic != GO_MAGIC_1_2)
				return true;
		}
	}
	return false;
}

/* Returns whether the file may be a Go program, without a search through all of it. */
static bool go_is_go(struct elf *elf)
{
	return elf_named(elf, ".go.buildinfo").size || elf_named(elf, ".gopclntab").size ||
	       elf_named(elf, ".data.rel.ro.gopclntab").size || elf_named(elf, ".note.go.buildid").size;
}

/* Returns the entry of a function that is described; 0: the table is damaged, or it is another function. */
static __u64 go_entry(const struct go_table *table, __u64 number, __u64 name)
{
	__u64 description = go_number(table, table->functions_at + number * 2 * table->word + table->word, table->word);
	__u64 at = table->functions_at + description;

	if (description > table->size || go_number(table, at + table->word, 4) != name)
		return 0;
	return table->text + go_number(table, at, table->word);
}

/*
 * Since 1.17, functions find their goroutine in R14, and compare the stack with
 * a bound in it: at the start of each function that calls others. Go for arm64
 * has arguments in registers since 1.18, whose table has another magic number.
 */
static bool go_has_registers(const struct go_table *table, struct elf *elf, const struct elf_part *code, __u64 address)
{
	static const unsigned char compare[] = {0x3b, 0x66, 0x10}; /* cmp REG, [r14 + 16], but for its prefix */
	size_t at = address - code->address;
	size_t len = code->size - at < GO_PROLOGUE ? code->size - at : GO_PROLOGUE;

	if (elf->machine == EM_AARCH64)
		return table->word == 4;
	elf_read(elf, code->offset + at, len);
	return memmem(code->bytes + at, len, compare, sizeof(compare)) != NULL;
}

static enum sf_found_how go_find(struct elf *elf, struct sf_found *found)
{
	const struct elf_part *code;
	const unsigned char *name;
	struct go_table table;
	__u64 i, address = 0;

	go_version(elf, found);
	if (!go_find_table(&table, elf))
		return SF_NOT_GO_TABLE;
	if (table.magic == GO_MAGIC_1_2)
		return memmem(table.bytes, table.size, GO_PACKAGE, sizeof(GO_PACKAGE) - 1) ? SF_NOT_GO_ABI
											   : SF_NOT_GO_TLS;
	if (table.names_at > table.size || table.functions_at > table.size)
		return SF_NOT_GO_TABLE;
	name = memmem(table.bytes + table.names_at, table.size - table.names_at, GO_FUNCTION, sizeof(GO_FUNCTION));
	if (!name)
		return SF_NOT_GO_TLS;
	for (i = 0; i < table.functions && !address; i++)
		address = go_entry(&table, i, name - (table.bytes + table.names_at));
	code = elf_loaded(elf, address, PF_X);
	if (!address || !code)
		return SF_NOT_GO_TABLE;
	if (!go_has_registers(&table, elf, code, address))
		return SF_NOT_GO_ABI;
	found_add(found, code, address);
	return SF_FOUND_GO;
}

#endif

/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Reads a 64-bit little-endian ELF file, as far as it is needed. Any user may have made the
 * file: each offset, size and count is checked before it is used.
 */
#ifndef SOCKFILTER_SECRETS_ELF_FILE_H
#define SOCKFILTER_SECRETS_ELF_FILE_H

#include <elf.h>
#include <errno.h>
#include <linux/types.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include "found.h"

/* program headers and sections that are read; Node has 12 and 40, and -ffunction-sections does not outlast the linker */
#define ELF_SEGMENTS_MAX 64
#define ELF_SECTIONS_MAX 512
/* entries of the dynamic section and relocations that are read; Chromium has two million relocations */
#define ELF_DYNAMIC_MAX 256
#define ELF_RELOCATIONS_MAX (1 << 23)
/* bytes of all notes of a segment that are read */
#define ELF_NOTES_MAX 4096

/* bytes that are read at once from a file, and how often that goes into the largest one */
#define ELF_CHUNK_BYTES (1UL << 20)
#define ELF_CHUNKS_MAX 512

/* a range of the file, and the address that it is loaded at */
struct elf_part {
	const unsigned char *bytes;
	size_t size;
	__u64 address;
	size_t offset;
	__u64 flags;
};

struct elf {
	unsigned char *file;
	size_t size;
	int fd; /* what has not been read yet is read from here; -1: everything is there */
	int reserved;
	__u64 read[ELF_CHUNKS_MAX / 64]; /* the chunks that have been read, as a bit set */
	__u32 machine;
	__u32 type;
	struct elf_part loads[ELF_SEGMENTS_MAX];
	unsigned int load_count;
	unsigned int sections;
	unsigned int names; /* the section that has the names of sections */
	unsigned int unused;
	__u64 sections_at;
};

/* Reads a chunk of the file, as far as there is one: what is cut meanwhile stays zero. */
static void elf_read_chunk(struct elf *elf, size_t chunk)
{
	size_t at = chunk * ELF_CHUNK_BYTES, end = at + ELF_CHUNK_BYTES;
	ssize_t n;

	if (end > elf->size)
		end = elf->size;
	for (; at < end; at += n) {
		n = pread(elf->fd, elf->file + at, end - at, at);
		if (n < 0 && errno == EINTR)
			n = 0;
		else if (n <= 0)
			break;
	}
	elf->read[chunk / 64] |= 1ULL << chunk % 64;
}

/* Reads a range of the file, unless it has been read. */
static void elf_read(struct elf *elf, size_t offset, size_t size)
{
	size_t chunk = offset / ELF_CHUNK_BYTES, last = (offset + size) / ELF_CHUNK_BYTES;

	if (elf->fd < 0)
		return;
	for (; chunk <= last && chunk * ELF_CHUNK_BYTES < elf->size; chunk++)
		if (!(elf->read[chunk / 64] >> chunk % 64 & 1))
			elf_read_chunk(elf, chunk);
}

/* Returns bytes of the file, or NULL if it does not have them. */
static const void *elf_at(struct elf *elf, __u64 offset, __u64 size)
{
	if (offset > elf->size || size > elf->size - offset)
		return NULL;
	elf_read(elf, offset, size);
	return elf->file + offset;
}

/* Cuts a range to what the file has of it. Does not read it. */
static struct elf_part elf_range(const struct elf *elf, __u64 offset, __u64 size, __u64 address, __u32 flags)
{
	struct elf_part part = {.address = address, .flags = flags};

	if (offset > elf->size)
		return part;
	part.bytes = elf->file + offset;
	part.size = size < elf->size - offset ? size : elf->size - offset;
	part.offset = offset;
	return part;
}

/* Reads a range of the file, as far as there is one. */
static struct elf_part elf_part(struct elf *elf, __u64 offset, __u64 size, __u64 address)
{
	struct elf_part part = elf_range(elf, offset, size, address, 0);

	elf_read(elf, part.offset, part.size);
	return part;
}

/* Returns the place of a program header, read as if it were unaligned. */
static bool elf_segment(struct elf *elf, unsigned int number, Elf64_Phdr *header)
{
	Elf64_Ehdr ehdr;
	const void *at;

	memcpy(&ehdr, elf->file, sizeof(ehdr));
	if (number >= ehdr.e_phnum || number >= ELF_SEGMENTS_MAX || ehdr.e_phentsize != sizeof(*header) ||
	    ehdr.e_phoff > elf->size)
		return false;
	at = elf_at(elf, ehdr.e_phoff + number * sizeof(*header), sizeof(*header));
	if (at)
		memcpy(header, at, sizeof(*header));
	return at != NULL;
}

/*
 * Returns whether the file is a 64-bit little-endian ELF file of any machine. Its bytes are in
 * memory, or are read there from a descriptor.
 */
static bool elf_open(struct elf *elf, void *file, size_t size, int fd)
{
	Elf64_Phdr header;
	Elf64_Ehdr ehdr;
	unsigned int i;

	*elf = (struct elf){.file = file, .size = size, .fd = fd};
	if (!elf_at(elf, 0, sizeof(ehdr)))
		return false;
	memcpy(&ehdr, file, sizeof(ehdr));
	if (memcmp(ehdr.e_ident, ELFMAG, SELFMAG) || ehdr.e_ident[EI_CLASS] != ELFCLASS64 ||
	    ehdr.e_ident[EI_DATA] != ELFDATA2LSB)
		return false;
	elf->machine = ehdr.e_machine;
	elf->type = ehdr.e_type;
	for (i = 0; elf_segment(elf, i, &header); i++)
		if (header.p_type == PT_LOAD)
			elf->loads[elf->load_count++] =
				elf_range(elf, header.p_offset, header.p_filesz, header.p_vaddr, header.p_flags);
	if (ehdr.e_shentsize == sizeof(Elf64_Shdr) && ehdr.e_shoff < size) {
		elf->sections_at = ehdr.e_shoff;
		elf->sections = ehdr.e_shnum < ELF_SECTIONS_MAX ? ehdr.e_shnum : ELF_SECTIONS_MAX;
		elf->names = ehdr.e_shstrndx;
	}
	return true;
}

static bool elf_section(struct elf *elf, unsigned int number, Elf64_Shdr *header)
{
	const void *at = number < elf->sections
				 ? elf_at(elf, elf->sections_at + number * sizeof(*header), sizeof(*header))
				 : NULL;

	if (at)
		memcpy(header, at, sizeof(*header));
	return at != NULL;
}

/* Returns a section's bytes; of none, if it has none in the file. */
static struct elf_part elf_section_part(struct elf *elf, const Elf64_Shdr *header)
{
	if (header->sh_type == SHT_NOBITS)
		return (struct elf_part){};
	return elf_part(elf, header->sh_offset, header->sh_size, header->sh_addr);
}

/* Returns the text at an offset of a part, or NULL if it does not end in there. */
static const char *elf_text(const struct elf_part *part, __u64 at)
{
	if (at >= part->size || !memchr(part->bytes + at, 0, part->size - at))
		return NULL;
	return (const char *)part->bytes + at;
}

/* Returns the section of a name; an empty part if there is none. */
static struct elf_part elf_named(struct elf *elf, const char *name)
{
	struct elf_part names;
	Elf64_Shdr header;
	const char *text;
	unsigned int i;

	if (!elf_section(elf, elf->names, &header))
		return (struct elf_part){};
	names = elf_section_part(elf, &header);
	for (i = 0; elf_section(elf, i, &header); i++) {
		text = elf_text(&names, header.sh_name);
		if (text && !strcmp(text, name))
			return elf_section_part(elf, &header);
	}
	return (struct elf_part){};
}

/* Returns the loaded part that has an address, or NULL. */
static const struct elf_part *elf_loaded(const struct elf *elf, __u64 address, __u32 flags)
{
	const struct elf_part *part;
	unsigned int i;

	for (i = 0; i < elf->load_count; i++) {
		part = &elf->loads[i];
		if ((part->flags & flags) == flags && address >= part->address && address - part->address < part->size)
			return part;
	}
	return NULL;
}

/* Returns the addend of the relative relocation of the word at an address; 0: there is none. */
static __u64 elf_relocated(struct elf *elf, __u64 address)
{
	__u32 relative = elf->machine == EM_AARCH64 ? R_AARCH64_RELATIVE : R_X86_64_RELATIVE;
	__u64 at = 0, bytes = 0, i;
	const struct elf_part *part;
	struct elf_part dynamic;
	Elf64_Phdr header;
	unsigned int n;
	Elf64_Rela rela;
	Elf64_Dyn dyn;

	for (n = 0; elf_segment(elf, n, &header); n++) {
		if (header.p_type != PT_DYNAMIC)
			continue;
		dynamic = elf_part(elf, header.p_offset, header.p_filesz, 0);
		for (i = 0; i < ELF_DYNAMIC_MAX && (i + 1) * sizeof(dyn) <= dynamic.size; i++) {
			memcpy(&dyn, dynamic.bytes + i * sizeof(dyn), sizeof(dyn));
			if (dyn.d_tag == DT_RELA)
				at = dyn.d_un.d_ptr;
			else if (dyn.d_tag == DT_RELASZ)
				bytes = dyn.d_un.d_val;
		}
	}
	part = elf_loaded(elf, at, 0);
	if (!at || !part)
		return 0;
	elf_read(elf, part->offset, part->size);
	at -= part->address;
	for (i = 0; i < bytes / sizeof(rela) && i < ELF_RELOCATIONS_MAX; i++) {
		if (part->size - at < sizeof(rela))
			break;
		memcpy(&rela, part->bytes + at, sizeof(rela));
		if (rela.r_offset == address && ELF64_R_TYPE(rela.r_info) == relative)
			return rela.r_addend;
		at += sizeof(rela);
	}
	return 0;
}

/* Copies the GNU build ID. Returns its bytes; 0: there is none. */
static unsigned int elf_build_id(struct elf *elf, __u8 *id, unsigned int max)
{
	struct elf_part notes;
	Elf64_Phdr header;
	Elf64_Nhdr note;
	unsigned int i;
	__u64 at, name, desc;

	for (i = 0; elf_segment(elf, i, &header); i++) {
		if (header.p_type != PT_NOTE)
			continue;
		notes = elf_part(elf, header.p_offset,
				 header.p_filesz < ELF_NOTES_MAX ? header.p_filesz : ELF_NOTES_MAX, 0);
		for (at = 0; at + sizeof(note) <= notes.size;) {
			memcpy(&note, notes.bytes + at, sizeof(note));
			name = at + sizeof(note);
			desc = name + (((__u64)note.n_namesz + 3) & ~3ULL);
			if (desc > notes.size || note.n_descsz > notes.size - desc)
				break;
			if (note.n_type == NT_GNU_BUILD_ID && note.n_namesz == 4 &&
			    !memcmp(notes.bytes + name, "GNU", 4) && note.n_descsz <= max) {
				memcpy(id, notes.bytes + desc, note.n_descsz);
				return note.n_descsz;
			}
			at = desc + (((__u64)note.n_descsz + 3) & ~3ULL);
		}
	}
	return 0;
}

/* Notes a function that has been found. */
static void found_add(struct sf_found *found, const struct elf_part *code, __u64 address)
{
	__u32 i = 0;

	while (i < found->functions && found->addresses[i] != address)
		i++;
	if (i < found->functions || i == SF_FUNCTIONS)
		return;
	found->addresses[i] = address;
	found->offsets[i] = address - code->address + code->offset;
	found->functions++;
}

#endif

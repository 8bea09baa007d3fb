/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Finds the function that gets the secrets of TLS handshakes in an ELF file.
 * The file is read and not mapped: its owner may cut it at any time, and a read
 * of a mapped page that has gone would end this process.
 */
#include <errno.h>
#include <linux/types.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "elf_file.h"
#include "found.h"
#include "go.h"
#include "labels.h"
#include "symbols.h"

/* bytes of a file that is searched: 512 MiB; Chromium and Electron have 250 MB */
#define FILE_BYTES_MAX (ELF_CHUNKS_MAX * ELF_CHUNK_BYTES)
/* the folder of rustls's source, which its messages of panics have in them, without the zero of its version */
#define RUSTLS "/rustls-"

/* Returns whether a file that has no labels has rustls, which keeps secrets to itself. */
static bool find_rustls(struct elf *elf)
{
	const unsigned char *at, *end;
	unsigned int i;

	for (i = 0; i < elf->load_count; i++) {
		if (!elf->loads[i].size || elf->loads[i].flags & PF_X)
			continue;
		end = elf->loads[i].bytes + elf->loads[i].size;
		for (at = elf->loads[i].bytes; (at = memmem(at, end - at, RUSTLS, sizeof(RUSTLS) - 1)); at++)
			if (end - at > (ssize_t)sizeof(RUSTLS) && at[sizeof(RUSTLS) - 1] == '0')
				return true;
	}
	return false;
}

static enum sf_found_how find_in_c(struct elf *elf, struct sf_found *found)
{
	struct labels *labels = calloc(1, sizeof(*labels));
	enum sf_found_how how = SF_FOUND_SYMBOL;
	bool has_symbol;

	if (!labels)
		return SF_NOT_TLS;
	has_symbol = symbols_find(elf, found);
	labels_collect(labels, elf, false, found);
	if (!has_symbol) {
		/* old linkers put constants beside code */
		if (!labels->copy_count)
			labels_collect(labels, elf, true, found);
		how = labels_find(labels, elf, found);
	}
	labels_place(labels, found);
	free(labels);
	return how == SF_NOT_TLS && find_rustls(elf) ? SF_NOT_RUSTLS : how;
}

static void find_elf(void *file, size_t size, int fd, struct sf_found *found)
{
	struct elf elf;

	*found = (struct sf_found){.how = SF_NOT_ELF};
	if (!elf_open(&elf, file, size, fd))
		return;
	found->how = SF_NOT_MACHINE;
	if (elf.machine != EM_X86_64 && elf.machine != EM_AARCH64)
		return;
	found->build_id_len = elf_build_id(&elf, found->build_id, sizeof(found->build_id));
	found->how = go_is_go(&elf) ? go_find(&elf, found) : find_in_c(&elf, found);
}

/* Finds the function in the bytes of a file. */
static void sf_find_in(const void *file, size_t size, struct sf_found *found)
{
	find_elf((void *)file, size, -1, found);
}

/* Finds the function in a regular file. Returns -1 with errno set if the file cannot be read: EFBIG, it is too large. */
static int sf_find(int fd, struct sf_found *found)
{
	struct stat status;
	size_t size;
	void *file;

	if (fstat(fd, &status))
		return -1;
	if (!S_ISREG(status.st_mode)) {
		errno = EINVAL;
		return -1;
	}
	*found = (struct sf_found){.how = SF_NOT_ELF};
	if (!status.st_size)
		return 0;
	if ((__u64)status.st_size > FILE_BYTES_MAX) {
		errno = EFBIG;
		return -1;
	}
	size = status.st_size;
	file = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (file == MAP_FAILED)
		return -1;
	find_elf(file, size, fd, found);
	munmap(file, size);
	return 0;
}

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

#include "found.h"

/* bytes of a file that is searched; Chromium and Electron have 250 MB */
#define FILE_BYTES_MAX (512UL << 20)

/* Finds the function in the bytes of a file. */
static void sf_find_in(const void *file, size_t size, struct sf_found *found)
{
	struct labels *labels;
	struct elf elf;

	*found = (struct sf_found){.how = SF_NOT_ELF};
	if (!elf_open(&elf, file, size))
		return;
	found->how = SF_NOT_MACHINE;
	if (elf.machine != EM_X86_64 && elf.machine != EM_AARCH64)
		return;
	found->build_id_len = elf_build_id(&elf, found->build_id, sizeof(found->build_id));
	if (go_is_go(&elf)) {
		found->how = go_find(&elf, found);
		return;
	}
	labels = calloc(1, sizeof(*labels));
	if (!labels)
		return;
	labels_collect(labels, &elf, found);
	found->how = symbols_find(&elf, found) ? SF_FOUND_SYMBOL : labels_find(labels, &elf, found);
	labels_place(labels, found);
	free(labels);
}

/* Reads a file from its start. Returns the bytes read; 0 if it has none or cannot be read. */
static size_t find_read(int fd, void *file, size_t size)
{
	size_t done = 0;
	ssize_t n;

	while (done < size) {
		n = pread(fd, (char *)file + done, size - done, done);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		done += n;
	}
	return done;
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
	sf_find_in(file, find_read(fd, file, size), found);
	munmap(file, size);
	return 0;
}

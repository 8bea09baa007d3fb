/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Memory for large tables, of which most pages are never used. calloc() would
 * serve: but once a block of this size has been freed, glibc takes the next one
 * from the heap, and clearing it there touches all of its pages.
 */
#ifndef SF_PAGES_H
#define SF_PAGES_H

#include <stddef.h>
#include <sys/mman.h>

/* Returns zeroed pages, which take physical memory when they are touched, or NULL with errno set. */
static inline void *pages_take(size_t size)
{
	void *at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return at == MAP_FAILED ? NULL : at;
}

static inline void pages_give(void *at, size_t size)
{
	if (at)
		munmap(at, size);
}

#endif

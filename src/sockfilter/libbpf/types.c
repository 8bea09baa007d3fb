/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Extracts the kernel's types that an object's programs read. libbpf takes
 * 25 ms to parse all types, and searches all of them for each type that a
 * program reads. A struct is copied with the structs that it contains. What it
 * points to is left out, because a program names the types that it follows.
 * Types of kernel modules are not included.
 */
#ifndef SOCKFILTER_TYPES_C
#define SOCKFILTER_TYPES_C

#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <fcntl.h>
#include <linux/types.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "log.h"

#define KERNEL_TYPES "/sys/kernel/btf/vmlinux"
/* structs that an object's programs name; sockfilter's programs name 30 */
#define NAMES_MAX 256
/* nested structs and qualifiers of one type; the kernel has ten */
#define DEPTH_MAX 64

/* All of the kernel's types, and the copied ones. A type is known by its number. */
struct types {
	const char *strings;
	const struct btf_type **all;
	__s32 *copied; /* for each type, its number in small; 0: not copied yet */
	__u32 count;
	__u32 strings_len;
	struct btf *small;
	__s32 pointer; /* the type in small that replaces all pointers */
	__u32 depth;
};

struct name {
	const char *text;
	size_t len;
};

static const char *types_name(const struct types *types, __u32 at)
{
	return at < types->strings_len ? types->strings + at : "";
}

/* Returns the number of bytes after a type's header; -1 for an unknown kind, which a newer kernel may have. */
static long types_tail(const struct btf_type *type)
{
	__u32 len = btf_vlen(type);

	switch (btf_kind(type)) {
	case BTF_KIND_PTR:
	case BTF_KIND_FWD:
	case BTF_KIND_TYPEDEF:
	case BTF_KIND_VOLATILE:
	case BTF_KIND_CONST:
	case BTF_KIND_RESTRICT:
	case BTF_KIND_FUNC:
	case BTF_KIND_FLOAT:
	case BTF_KIND_TYPE_TAG:
		return 0;
	case BTF_KIND_INT:
	case BTF_KIND_VAR:
	case BTF_KIND_DECL_TAG:
		return sizeof(__u32);
	case BTF_KIND_ARRAY:
		return sizeof(struct btf_array);
	case BTF_KIND_STRUCT:
	case BTF_KIND_UNION:
		return len * sizeof(struct btf_member);
	case BTF_KIND_ENUM:
		return len * sizeof(struct btf_enum);
	case BTF_KIND_ENUM64:
		return len * 3 * sizeof(__u32); /* struct btf_enum64, since Linux 6.0 */
	case BTF_KIND_FUNC_PROTO:
		return len * sizeof(struct btf_param);
	case BTF_KIND_DATASEC:
		return len * sizeof(struct btf_var_secinfo);
	}
	return -1;
}

/* Finds the start of each type. Returns -1 on failure. */
static int types_index(struct types *types, const void *data, size_t size)
{
	const struct btf_header *header = data;
	const char *at, *end;
	long tail;

	if (size < sizeof(*header) || header->magic != BTF_MAGIC || header->hdr_len > size ||
	    header->type_off > size - header->hdr_len || header->type_len > size - header->hdr_len - header->type_off ||
	    header->str_off > size - header->hdr_len || header->str_len > size - header->hdr_len - header->str_off)
		return -1;
	types->strings = (const char *)data + header->hdr_len + header->str_off;
	types->strings_len = header->str_len;
	if (!types->strings_len || types->strings[types->strings_len - 1])
		return -1;
	/* an upper bound of the number of types; untouched pages use no memory */
	types->all = calloc(header->type_len / sizeof(struct btf_type) + 1, sizeof(*types->all));
	types->copied = calloc(header->type_len / sizeof(struct btf_type) + 1, sizeof(*types->copied));
	if (!types->all || !types->copied)
		return -1;
	at = (const char *)data + header->hdr_len + header->type_off;
	end = at + header->type_len;
	for (types->count = 1; end - at >= (long)sizeof(struct btf_type); types->count++) {
		types->all[types->count] = (const void *)at;
		tail = types_tail((const void *)at);
		at += sizeof(struct btf_type);
		if (tail < 0 || tail > end - at)
			return -1;
		at += tail;
	}
	return 0;
}

static __s32 types_copy(struct types *types, __u32 number);

static __s32 types_copy_members(struct types *types, const struct btf_type *type)
{
	const struct btf_member *members = btf_members(type);
	const char *name = types_name(types, type->name_off);
	__u32 i, len = btf_vlen(type);
	__s32 made;

	for (i = 0; i < len; i++)
		if (types_copy(types, members[i].type) < 0)
			return -1;
	made = btf_is_struct(type) ? btf__add_struct(types->small, name, type->size)
				   : btf__add_union(types->small, name, type->size);
	for (i = 0; i < len && made > 0; i++)
		if (btf__add_field(types->small, types_name(types, members[i].name_off),
				   types_copy(types, members[i].type), btf_member_bit_offset(type, i),
				   btf_member_bitfield_size(type, i)))
			return -1;
	return made;
}

static __s32 types_make(struct types *types, const struct btf_type *type)
{
	const char *name = types_name(types, type->name_off);
	const struct btf_array *array;
	__s32 element, index;

	switch (btf_kind(type)) {
	case BTF_KIND_STRUCT:
	case BTF_KIND_UNION:
		return types_copy_members(types, type);
	case BTF_KIND_TYPEDEF:
	case BTF_KIND_VOLATILE:
	case BTF_KIND_CONST:
	case BTF_KIND_RESTRICT:
	case BTF_KIND_TYPE_TAG:
		return types_copy(types, type->type);
	case BTF_KIND_ARRAY:
		array = btf_array(type);
		element = types_copy(types, array->type);
		index = types_copy(types, array->index_type);
		return element < 0 || index < 0 ? -1 : btf__add_array(types->small, index, element, array->nelems);
	case BTF_KIND_INT:
		return btf__add_int(types->small, name, type->size, btf_int_encoding(type));
	case BTF_KIND_FLOAT:
		return btf__add_float(types->small, name, type->size);
	case BTF_KIND_ENUM:
	case BTF_KIND_ENUM64: /* the values are left out, as no program reads them */
		return btf__add_enum(types->small, name, type->size);
	}
	return types->pointer;
}

/* Copies a type into small, unless it is there. Returns its number in small; -1 on failure. */
static __s32 types_copy(struct types *types, __u32 number)
{
	__s32 made;

	if (!number) /* void */
		return 0;
	if (number >= types->count || types->depth >= DEPTH_MAX)
		return -1;
	if (types->copied[number])
		return types->copied[number];
	types->depth++;
	made = types_make(types, types->all[number]);
	types->depth--;
	if (made > 0)
		types->copied[number] = made;
	return made < 0 ? -1 : made;
}

/* Finds the names of a program's structs, without the suffix of a variant (name___old). Returns their number. */
static int types_names(const struct btf *program, struct name *names)
{
	const struct btf_type *type;
	const char *text, *variant;
	int found = 0;
	__u32 i;

	for (i = 1; i < btf__type_cnt(program) && found < NAMES_MAX; i++) {
		type = btf__type_by_id(program, i);
		text = btf__name_by_offset(program, type->name_off);
		if (!btf_is_composite(type) || !*text)
			continue;
		variant = strstr(text, "___");
		names[found].text = text;
		names[found++].len = variant ? (size_t)(variant - text) : strlen(text);
	}
	return found;
}

static int types_are_named(const struct name *names, int count, const char *name)
{
	int i;

	for (i = 0; i < count; i++)
		if (!strncmp(names[i].text, name, names[i].len) && !name[names[i].len])
			return 1;
	return 0;
}

/* Copies the types that a program names. Returns -1 on failure. */
static int types_select(struct types *types, const struct btf *program)
{
	struct name names[NAMES_MAX];
	int count = types_names(program, names);
	__u32 i;

	for (i = 1; i < types->count; i++)
		if (btf_is_composite(types->all[i]) &&
		    types_are_named(names, count, types_name(types, types->all[i]->name_off)) &&
		    types_copy(types, i) < 0)
			return -1;
	return 0;
}

/* Writes the types into an anonymous file. Returns its descriptor; -1 on failure. */
static int types_write(const struct btf *small)
{
	__u32 size;
	const void *data = btf__raw_data(small, &size);
	int fd = syscall(SYS_memfd_create, "types", 1 /* MFD_CLOEXEC */);

	if (fd >= 0 && (!data || write(fd, data, size) != size)) {
		close(fd);
		return -1;
	}
	return fd;
}

/* Reads a file into new memory, to be freed with munmap(). Returns MAP_FAILED on failure. */
static void *types_read(int fd, size_t size)
{
	char *at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	size_t got = 0;
	ssize_t n;

	while (at != MAP_FAILED && got < size) {
		n = read(fd, at + got, size - got);
		if (n <= 0) {
			munmap(at, size);
			return MAP_FAILED;
		}
		got += n;
	}
	return at;
}

/* Maps or reads all of the kernel's types; the caller frees them with munmap(). Returns NULL on failure. */
static void *types_map(size_t *size)
{
	int fd = open(KERNEL_TYPES, O_RDONLY | O_CLOEXEC);
	void *at = MAP_FAILED;
	struct stat found;

	if (fd < 0)
		return NULL;
	if (!fstat(fd, &found) && found.st_size > 0) {
		*size = found.st_size;
		at = mmap(NULL, *size, PROT_READ, MAP_PRIVATE, fd, 0);
		if (at == MAP_FAILED) /* before Linux 6.16 the file cannot be mapped */
			at = types_read(fd, *size);
	}
	close(fd);
	return at == MAP_FAILED ? NULL : at;
}

/*
 * Writes the kernel's types that the programs of an object read into an
 * anonymous file. Returns its descriptor, which the caller owns; -1 on failure:
 * libbpf must then read the kernel's types itself.
 */
static int sf_kernel_types(const void *bytes, size_t size)
{
	struct bpf_object *object;
	struct types types = {};
	size_t data_size = 0;
	void *data = types_map(&data_size);
	int fd = -1;

	libbpf_set_print(log_print);
	object = bpf_object__open_mem(bytes, size, NULL);
	types.small = btf__new_empty();
	if (object && bpf_object__btf(object) && data && types.small && !types_index(&types, data, data_size)) {
		types.pointer = btf__add_ptr(types.small, 0);
		if (types.pointer > 0 && !types_select(&types, bpf_object__btf(object)))
			fd = types_write(types.small);
	}
	btf__free(types.small);
	free(types.all);
	free(types.copied);
	if (data)
		munmap(data, data_size);
	bpf_object__close(object);
	return fd;
}

#endif

/* SPDX-License-Identifier: BSD-3-Clause */
/* Finds the function by the names in the symbol tables, if the file still has them. */
#ifndef SOCKFILTER_SECRETS_SYMBOLS_H
#define SOCKFILTER_SECRETS_SYMBOLS_H

#include "elf_file.h"

/* symbols that are read; Chromium has two million */
#define SYMBOLS_MAX (1 << 23)

/* what sends and receives, in OpenSSL, BoringSSL and GnuTLS: the first argument is the object of the connection */
static const char *const symbols_calls[] = {
	"SSL_read", "SSL_read_ex", "SSL_write", "SSL_write_ex", "gnutls_record_recv", "gnutls_record_send",
};

/* OpenSSL, BoringSSL as C and as C++, GnuTLS. All take an object, a label, and a secret with its length. */
static bool symbols_is_one(const char *name)
{
	const char *suffix;

	if (!strcmp(name, "ssl_log_secret") || !strcmp(name, "_gnutls_nss_keylog_write"))
		return true;
	/* bssl::ssl_log_secret(ssl_st const *, char const *, bssl::Span<unsigned char const>), with any prefix of bssl */
	if (strncmp(name, "_ZN", 3))
		return false;
	suffix = strstr(name, "14ssl_log_secretE");
	return suffix && !strchr(suffix, '.'); /* .part, .constprop: a piece of it, with other arguments */
}

static bool symbols_is_call(const char *name)
{
	size_t i;

	for (i = 0; i < sizeof(symbols_calls) / sizeof(symbols_calls[0]); i++)
		if (!strcmp(name, symbols_calls[i]))
			return true;
	return false;
}

static void symbols_add_call(struct sf_found *found, const struct elf_part *code, __u64 address)
{
	__u64 offset = address - code->address + code->offset;
	__u32 i = 0;

	while (i < found->call_count && found->calls[i] != offset)
		i++;
	if (i == found->call_count && i < SF_CALLS)
		found->calls[found->call_count++] = offset;
}

static void symbols_read(struct elf *elf, const struct elf_part *table, const struct elf_part *texts,
			 struct sf_found *found)
{
	const struct elf_part *code;
	Elf64_Sym symbol;
	const char *name;
	size_t at;

	for (at = 0; at + sizeof(symbol) <= table->size && at / sizeof(symbol) < SYMBOLS_MAX; at += sizeof(symbol)) {
		memcpy(&symbol, table->bytes + at, sizeof(symbol));
		if (ELF64_ST_TYPE(symbol.st_info) != STT_FUNC || symbol.st_name >= texts->size)
			continue;
		name = (const char *)texts->bytes + symbol.st_name;
		/* most names differ at the first letters; the last text of the table ends with it (symbols_find) */
		if (!memchr("_sSg", name[0], 4) || symbol.st_shndx == SHN_UNDEF)
			continue;
		code = elf_loaded(elf, symbol.st_value, PF_X);
		if (code && symbols_is_call(name))
			symbols_add_call(found, code, symbol.st_value);
		else if (code && symbols_is_one(name))
			found_add(found, code, symbol.st_value);
	}
}

/* Returns whether there is such a function. */
static bool symbols_find(struct elf *elf, struct sf_found *found)
{
	struct elf_part table, texts;
	Elf64_Shdr header, linked;
	unsigned int i;

	for (i = 0; elf_section(elf, i, &header); i++) {
		if ((header.sh_type != SHT_SYMTAB && header.sh_type != SHT_DYNSYM) ||
		    !elf_section(elf, header.sh_link, &linked))
			continue;
		table = elf_section_part(elf, &header);
		texts = elf_section_part(elf, &linked);
		if (texts.size && !texts.bytes[texts.size - 1])
			symbols_read(elf, &table, &texts, found);
	}
	return found->functions > 0;
}

#endif

/* SPDX-License-Identifier: BSD-3-Clause */
/* See opening.h. */
#include <dlfcn.h>
#include <linux/types.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "opening.h"

/* openssl/evp.h: EVP_CTRL_AEAD_SET_IVLEN and EVP_CTRL_AEAD_SET_TAG */
#define OPENER_SET_IV_BYTES 0x9
#define OPENER_SET_TAG 0x11
#define OPENER_NONCE_BYTES 12
#define OPENER_SALT_BYTES 4
#define OPENER_EXPLICIT_BYTES 8
#define OPENER_BLOCK_BYTES_MAX 16
/* number, type and version, length of the content (RFC 5246, 6.2.3.3) */
#define OPENER_ASSOCIATED_BYTES 13
/* the type of a record with application data */
#define OPENER_APPLICATION_DATA 23

/*
 * The functions of libcrypto, which are the same in OpenSSL 1.1.1 and 3. They
 * are declared here, because its headers need not be installed.
 */
static struct {
	const void *(*cipher_by_name)(const char *);
	void *(*cipher_new)(void);
	void (*cipher_free)(void *);
	int (*init)(void *, const void *, void *, const __u8 *, const __u8 *);
	int (*update)(void *, __u8 *, int *, const __u8 *, int);
	int (*final)(void *, __u8 *, int *);
	int (*ctrl)(void *, int, int, void *);
	int (*set_padding)(void *, int);
	const void *(*hash_by_name)(const char *);
	void *(*hmac_new)(void);
	void (*hmac_free)(void *);
	int (*hmac_init)(void *, const void *, int, const void *, void *);
	int (*hmac_update)(void *, const __u8 *, size_t);
	int (*hmac_final)(void *, __u8 *, unsigned int *);
} opener_crypto;

static int opener_has_crypto;

static const struct {
	const char *name;
	void *to;
} opener_symbols[] = {
	{"EVP_get_cipherbyname", &opener_crypto.cipher_by_name},
	{"EVP_CIPHER_CTX_new", &opener_crypto.cipher_new},
	{"EVP_CIPHER_CTX_free", &opener_crypto.cipher_free},
	{"EVP_DecryptInit_ex", &opener_crypto.init},
	{"EVP_DecryptUpdate", &opener_crypto.update},
	{"EVP_DecryptFinal_ex", &opener_crypto.final},
	{"EVP_CIPHER_CTX_ctrl", &opener_crypto.ctrl},
	{"EVP_CIPHER_CTX_set_padding", &opener_crypto.set_padding},
	{"EVP_get_digestbyname", &opener_crypto.hash_by_name},
	{"HMAC_CTX_new", &opener_crypto.hmac_new},
	{"HMAC_CTX_free", &opener_crypto.hmac_free},
	{"HMAC_Init_ex", &opener_crypto.hmac_init},
	{"HMAC_Update", &opener_crypto.hmac_update},
	{"HMAC_Final", &opener_crypto.hmac_final},
};

static const char *const opener_libraries[] = {"libcrypto.so.3", "libcrypto.so.1.1"};

struct sf_opener {
	void *cipher;
	void *mac;	      /* of CBC */
	__u32 mode;	      /* enum sf_opener_mode */
	__u32 flags;	      /* enum sf_opener_flag */
	__u32 explicit_bytes; /* in front of the encrypted content */
	__u32 tag_bytes;      /* of the tag, or of the MAC */
	__u32 block_bytes;    /* of CBC */
	__u8 iv[OPENER_BLOCK_BYTES_MAX];
	__u32 reserved;
};

/* What a call returns, until the next one of the same thread. */
struct opener_result {
	struct sf_opened opened;
	__u8 content[SF_OPENED_BYTES];
};

/* each thread's result; it is freed with the thread */
static pthread_key_t opener_results;

static void opener_load(void)
{
	void *library = NULL;
	size_t i;

	if (pthread_key_create(&opener_results, free))
		return;
	for (i = 0; !library && i < sizeof(opener_libraries) / sizeof(*opener_libraries); i++)
		library = dlopen(opener_libraries[i], RTLD_NOW | RTLD_LOCAL);
	if (!library)
		return;
	for (i = 0; i < sizeof(opener_symbols) / sizeof(*opener_symbols); i++) {
		void *found = dlsym(library, opener_symbols[i].name);

		if (!found)
			return;
		/* POSIX has it that pointers to functions and to data have the same form (dlsym) */
		memcpy(opener_symbols[i].to, &found, sizeof(found));
	}
	opener_has_crypto = 1;
}

/* Loads libcrypto. Returns whether there is one that opens records. */
static int sf_opener_is_possible(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, opener_load);
	return opener_has_crypto;
}

/* Returns this thread's result; NULL if there is no memory for it. */
static struct opener_result *opener_result(void)
{
	struct opener_result *result = pthread_getspecific(opener_results);

	if (result)
		return result;
	result = malloc(sizeof(*result));
	if (result && pthread_setspecific(opener_results, result)) {
		free(result);
		return NULL;
	}
	return result;
}

static void sf_opener_free(struct sf_opener *opener)
{
	if (opener->mac)
		opener_crypto.hmac_free(opener->mac);
	if (opener->cipher)
		opener_crypto.cipher_free(opener->cipher);
	free(opener);
}

static int opener_prepare(struct sf_opener *opener, const char *cipher_name, const char *key, const char *hash_name,
			  const char *mac_key, int mac_len)
{
	const void *cipher = opener_crypto.cipher_by_name(cipher_name);
	int is_ccm = opener->mode == SF_OPENER_CCM;

	opener->cipher = opener_crypto.cipher_new();
	if (!cipher || !opener->cipher)
		return -1;
	/* the lengths of CCM must be known before the key */
	if (is_ccm && (opener_crypto.init(opener->cipher, cipher, NULL, NULL, NULL) != 1 ||
		       opener_crypto.ctrl(opener->cipher, OPENER_SET_IV_BYTES, OPENER_NONCE_BYTES, NULL) != 1 ||
		       opener_crypto.ctrl(opener->cipher, OPENER_SET_TAG, opener->tag_bytes, NULL) != 1))
		return -1;
	if (opener_crypto.init(opener->cipher, is_ccm ? NULL : cipher, NULL, (const __u8 *)key, NULL) != 1)
		return -1;
	if (opener->mode != SF_OPENER_CBC)
		return 0;
	opener->mac = opener_crypto.hmac_new();
	cipher = opener_crypto.hash_by_name(hash_name);
	return opener->mac && cipher && opener_crypto.hmac_init(opener->mac, mac_key, mac_len, cipher, NULL) == 1 ? 0
														  : -1;
}

/*
 * Returns an opener. NULL: libcrypto is missing, or has no such cipher.
 *
 * cipher, hash: as libcrypto names them; hash is that of the MAC of CBC. key and
 * mac_key are as long as these need. iv: that of an AEAD, the part of it that
 * the key block has, or the first one of TLS 1.0.
 */
static struct sf_opener *sf_opener_new(int mode, int flags, const char *cipher, const char *key, const char *iv,
				       int iv_len, int tag_bytes, int block_bytes, const char *hash,
				       const char *mac_key)
{
	struct sf_opener *opener;

	if (!sf_opener_is_possible() || iv_len > OPENER_BLOCK_BYTES_MAX || block_bytes > OPENER_BLOCK_BYTES_MAX ||
	    tag_bytes > SF_OPENER_MAC_BYTES)
		return NULL;
	opener = calloc(1, sizeof(*opener));
	if (!opener)
		return NULL;
	opener->mode = mode;
	opener->flags = flags;
	opener->tag_bytes = tag_bytes;
	opener->block_bytes = block_bytes;
	if (mode == SF_OPENER_CBC)
		opener->explicit_bytes = flags & SF_OPENER_CHAINED ? 0 : block_bytes;
	else
		opener->explicit_bytes = flags & SF_OPENER_EXPLICIT ? OPENER_EXPLICIT_BYTES : 0;
	memcpy(opener->iv, iv, iv_len);
	if (opener_prepare(opener, cipher, key, hash, mac_key, tag_bytes)) {
		sf_opener_free(opener);
		return NULL;
	}
	return opener;
}

static void opener_put(__u8 *to, __u64 value, int size)
{
	while (size--) {
		to[size] = value;
		value >>= 8;
	}
}

/* HKDF-Expand-Label (RFC 8446, 7.1) for at most one block of the hash. Returns -1 if libcrypto refuses. */
static int opener_expand(void *mac, const char *label, int size, __u8 *made)
{
	__u8 info[32], block[SF_OPENER_MAC_BYTES];
	int label_len = strlen(label), len = 0;
	unsigned int block_len = 0;

	opener_put(info, size, 2);
	info[2] = label_len;
	memcpy(info + 3, label, label_len);
	len = 3 + label_len;
	info[len++] = 0; /* the length of the context */
	info[len++] = 1; /* the number of the block */
	if (opener_crypto.hmac_update(mac, info, len) != 1 || opener_crypto.hmac_final(mac, block, &block_len) != 1 ||
	    (int)block_len < size)
		return -1;
	memcpy(made, block, size);
	return 0;
}

/*
 * Returns an opener of records of TLS 1.3 that a traffic secret protects. NULL:
 * libcrypto is missing, or has no such cipher. hash: that of the suite.
 */
static struct sf_opener *sf_opener_new_tls13(int mode, const char *cipher, int key_len, int tag_bytes, const char *hash,
					     const char *secret, int secret_len)
{
	struct sf_opener *opener = NULL;
	__u8 key[SF_OPENER_KEY_BYTES], iv[OPENER_NONCE_BYTES];
	const void *known;
	void *mac;

	if (!sf_opener_is_possible() || key_len > SF_OPENER_KEY_BYTES)
		return NULL;
	mac = opener_crypto.hmac_new();
	known = opener_crypto.hash_by_name(hash);
	if (mac && known && opener_crypto.hmac_init(mac, secret, secret_len, known, NULL) == 1 &&
	    !opener_expand(mac, "tls13 key", key_len, key) && opener_crypto.hmac_init(mac, NULL, 0, NULL, NULL) == 1 &&
	    !opener_expand(mac, "tls13 iv", sizeof(iv), iv))
		opener = sf_opener_new(mode, SF_OPENER_TLS13, cipher, (const char *)key, (const char *)iv, sizeof(iv),
				       tag_bytes, 0, "", "");
	if (mac)
		opener_crypto.hmac_free(mac);
	return opener;
}

/* Writes what a tag or a MAC protects in addition to the content. Returns its length. */
static int opener_associate(const struct sf_opener *opener, __u8 *to, const __u8 *header, __u32 size, __u64 number)
{
	if (opener->flags & SF_OPENER_TLS13) {
		memcpy(to, header, SF_RECORD_HEADER_BYTES);
		return SF_RECORD_HEADER_BYTES;
	}
	opener_put(to, number, 8);
	memcpy(to + 8, header, 3);
	opener_put(to + 11, size, 2);
	return OPENER_ASSOCIATED_BYTES;
}

static void opener_nonce(const struct sf_opener *opener, __u8 *nonce, const __u8 *body, __u64 number)
{
	__u8 counter[OPENER_EXPLICIT_BYTES];
	int i;

	memcpy(nonce, opener->iv, OPENER_NONCE_BYTES);
	if (opener->explicit_bytes) {
		memcpy(nonce + OPENER_SALT_BYTES, body, OPENER_EXPLICIT_BYTES);
		return;
	}
	opener_put(counter, number, sizeof(counter));
	for (i = 0; i < OPENER_EXPLICIT_BYTES; i++)
		nonce[OPENER_SALT_BYTES + i] ^= counter[i];
}

/* Opens a record with an AEAD into content. Returns the number of bytes; -1 if the tag is wrong. */
static int opener_open_aead(const struct sf_opener *opener, const __u8 *header, const __u8 *body, __u32 body_len,
			    __u64 number, __u8 *content)
{
	__u32 is_ccm = opener->mode == SF_OPENER_CCM, size = body_len - opener->explicit_bytes - opener->tag_bytes;
	__u8 nonce[OPENER_NONCE_BYTES], associated[OPENER_ASSOCIATED_BYTES], tag[SF_OPENER_MAC_BYTES];
	const __u8 *sealed = body + opener->explicit_bytes;
	void *cipher = opener->cipher;
	int associated_len, done;

	if (body_len < opener->explicit_bytes + opener->tag_bytes)
		return -1;
	opener_nonce(opener, nonce, body, number);
	associated_len = opener_associate(opener, associated, header, size, number);
	memcpy(tag, sealed + size, opener->tag_bytes);
	/* CCM needs the tag first, and checks it with the content, also if that is empty */
	if ((is_ccm && opener_crypto.ctrl(cipher, OPENER_SET_TAG, opener->tag_bytes, tag) != 1) ||
	    opener_crypto.init(cipher, NULL, NULL, NULL, nonce) != 1 ||
	    (is_ccm && opener_crypto.update(cipher, NULL, &done, NULL, size) != 1) ||
	    opener_crypto.update(cipher, NULL, &done, associated, associated_len) != 1 ||
	    ((size || is_ccm) && opener_crypto.update(cipher, content, &done, sealed, size) != 1))
		return -1;
	if (!is_ccm && (opener_crypto.ctrl(cipher, OPENER_SET_TAG, opener->tag_bytes, tag) != 1 ||
			opener_crypto.final(cipher, content + size, &done) != 1))
		return -1;
	return size;
}

static int opener_is_mac(const struct sf_opener *opener, const __u8 *mac, const __u8 *header, const __u8 *data,
			 __u32 size, __u64 number)
{
	__u8 associated[OPENER_ASSOCIATED_BYTES], made[SF_OPENER_MAC_BYTES];
	int associated_len = opener_associate(opener, associated, header, size, number);
	unsigned int made_len = 0;

	return opener_crypto.hmac_init(opener->mac, NULL, 0, NULL, NULL) == 1 &&
	       opener_crypto.hmac_update(opener->mac, associated, associated_len) == 1 &&
	       opener_crypto.hmac_update(opener->mac, data, size) == 1 &&
	       opener_crypto.hmac_final(opener->mac, made, &made_len) == 1 && made_len == opener->tag_bytes &&
	       !memcmp(made, mac, made_len);
}

/* Decrypts with CBC. Returns -1 if libcrypto refuses. */
static int opener_decrypt_cbc(struct sf_opener *opener, const __u8 *sealed, __u32 size, const __u8 *iv, __u8 *content)
{
	int done = 0, rest = 0;

	if (opener_crypto.init(opener->cipher, NULL, NULL, NULL, iv) != 1 ||
	    opener_crypto.set_padding(opener->cipher, 0) != 1 ||
	    opener_crypto.update(opener->cipher, content, &done, sealed, size) != 1 ||
	    opener_crypto.final(opener->cipher, content + done, &rest) != 1)
		return -1;
	if (opener->flags & SF_OPENER_CHAINED)
		memcpy(opener->iv, sealed + size - opener->block_bytes, opener->block_bytes);
	return 0;
}

/* Opens a record with CBC into content. Returns the number of bytes; -1 if the MAC or the padding is wrong. */
static int opener_open_cbc(struct sf_opener *opener, const __u8 *header, const __u8 *body, __u32 body_len, __u64 number,
			   __u8 *content)
{
	__u32 is_last = opener->flags & SF_OPENER_MAC_LAST, mac_len = opener->tag_bytes, size, padding, i;

	if (is_last) {
		if (body_len < mac_len)
			return -1;
		body_len -= mac_len;
		if (!opener_is_mac(opener, body + body_len, header, body, body_len, number))
			return -1;
	}
	if (body_len <= opener->explicit_bytes || body_len % opener->block_bytes)
		return -1;
	size = body_len - opener->explicit_bytes;
	if (opener_decrypt_cbc(opener, body + opener->explicit_bytes, size, opener->explicit_bytes ? body : opener->iv,
			       content))
		return -1;
	padding = content[size - 1] + 1;
	if (size < padding + (is_last ? 0 : mac_len))
		return -1;
	for (i = size - padding; i < size; i++) {
		if (content[i] != padding - 1)
			return -1;
	}
	size -= padding;
	if (is_last)
		return size;
	size -= mac_len;
	return opener_is_mac(opener, content + size, header, content, size, number) ? (int)size : -1;
}

static int opener_open_one(struct sf_opener *opener, const __u8 *header, const __u8 *body, __u32 body_len, __u64 number,
			   __u8 *content)
{
	if (opener->mode == SF_OPENER_CBC)
		return opener_open_cbc(opener, header, body, body_len, number, content);
	return opener_open_aead(opener, header, body, body_len, number, content);
}

/*
 * Opens a record. Returns its content, which has its type at the end in TLS 1.3;
 * NULL if the tag is wrong, or if there is no memory.
 */
static const struct sf_opened *sf_opener_open(struct sf_opener *opener, const char *header, const char *body,
					      __u32 body_len, __u64 number)
{
	struct opener_result *result = opener_result();
	int size;

	if (!result || body_len > SF_OPENED_BYTES)
		return NULL;
	size = opener_open_one(opener, (const __u8 *)header, (const __u8 *)body, body_len, number, result->content);
	if (size < 0)
		return NULL;
	result->opened.content = (const char *)result->content;
	result->opened.content_len = size;
	result->opened.records = 1;
	result->opened.taken = SF_RECORD_HEADER_BYTES + body_len;
	result->opened.kind = 0;
	return &result->opened;
}

/* Takes the type from the end of a content of TLS 1.3 (RFC 8446, 5.2). Returns 0 if there is none, or zeros after it. */
static __u32 opener_kind(const __u8 *content, int *content_len)
{
	if (*content_len < 1)
		return 0;
	--*content_len;
	return content[*content_len];
}

/*
 * Opens the records at the beginning of data whose header has the type of
 * application data, as long as nothing is unusual: they are complete, open in
 * their order, are not padded, and have the same type. number: that of the
 * first. It stops before a record of another type, which opens again. Returns
 * NULL if there is no memory.
 */
static const struct sf_opened *sf_opener_open_run(struct sf_opener *opener, const char *data, __u32 size, __u64 number)
{
	const __u8 *at = (const __u8 *)data, *end = at + size;
	__u32 made = 0, records = 0, kind = OPENER_APPLICATION_DATA;
	struct opener_result *result = opener_result();

	if (!result)
		return NULL;
	while (end - at >= SF_RECORD_HEADER_BYTES && at[0] == OPENER_APPLICATION_DATA && at[1] == 3 && at[2] == 3) {
		__u32 body_len = at[3] << 8 | at[4], its = OPENER_APPLICATION_DATA;
		int content_len;

		if ((__u32)(end - at) < SF_RECORD_HEADER_BYTES + body_len || made + body_len > SF_OPENED_BYTES)
			break;
		content_len = opener_open_one(opener, at, at + SF_RECORD_HEADER_BYTES, body_len, number + records,
					      result->content + made);
		if (content_len < 0)
			break;
		if (opener->flags & SF_OPENER_TLS13)
			its = opener_kind(result->content + made, &content_len);
		if (!its || (records && its != kind))
			break;
		kind = its;
		made += content_len;
		at += SF_RECORD_HEADER_BYTES + body_len;
		records++;
	}
	result->opened.content = (const char *)result->content;
	result->opened.content_len = made;
	result->opened.records = records;
	result->opened.taken = at - (const __u8 *)data;
	result->opened.kind = kind;
	return &result->opened;
}

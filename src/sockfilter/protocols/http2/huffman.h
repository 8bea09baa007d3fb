/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef SOCKFILTER_HUFFMAN_H
#define SOCKFILTER_HUFFMAN_H

static void huffman_prepare(const __u8 *lengths);
static long huffman_decode(const __u8 *at, size_t len, __u8 *out, size_t room);

#endif

/* SPDX-License-Identifier: BSD-3-Clause */
/* Replaces libbpf's header of the same name: the kernel's helpers that the program calls, as replay.c has them. */
#ifndef SOCKFILTER_HOST_BPF_HELPERS_H
#define SOCKFILTER_HOST_BPF_HELPERS_H

#define SEC(name)
#define __uint(name, val) int(*name)[val]
#define __type(name, val) __typeof__(val) *name
#undef __always_inline
#define __always_inline inline __attribute__((always_inline))
#define __noinline __attribute__((noinline))

struct __sk_buff;

static int bpf_skb_load_bytes(const struct __sk_buff *skb, __u32 offset, void *to, __u32 len);
static int bpf_skb_load_bytes_relative(const struct __sk_buff *skb, __u32 offset, void *to, __u32 len, __u32 start);
static void *bpf_map_lookup_elem(void *map, const void *key);
static long bpf_map_update_elem(void *map, const void *key, const void *value, __u64 flags);
static void *bpf_ringbuf_reserve(void *ring, __u64 size, __u64 flags);
static void bpf_ringbuf_submit(void *data, __u64 flags);
static void bpf_ringbuf_discard(void *data, __u64 flags);
static __u64 bpf_ringbuf_query(void *ring, __u64 flags);
static __u64 bpf_ktime_get_ns(void);
static __u32 bpf_get_smp_processor_id(void);

#endif

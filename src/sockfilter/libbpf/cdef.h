/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Declarations for cffi of the functions that Python calls. The C compiler
 * checks them against the real headers. build_bpf.py puts the shared headers
 * in front: those of bpf/, road/express/lane.h, protocols/http2/hpack.h and
 * replay/replay.h.
 */

/* <bpf/libbpf.h>, <bpf/bpf.h>: all of them are in libbpf 1.1 */
struct bpf_object;
struct bpf_map;
struct bpf_program;
struct bpf_link;
void bpf_object__close(struct bpf_object *object);
struct bpf_map *bpf_object__find_map_by_name(const struct bpf_object *object, const char *name);
struct bpf_program *bpf_object__find_program_by_name(const struct bpf_object *object, const char *name);
int bpf_map__fd(const struct bpf_map *map);
int bpf_map__set_max_entries(struct bpf_map *map, __u32 max_entries);
int bpf_program__fd(const struct bpf_program *program);
int bpf_program__set_autoload(struct bpf_program *program, _Bool autoload);
struct bpf_link *bpf_program__attach(const struct bpf_program *program);
int bpf_link__destroy(struct bpf_link *link);
int bpf_link_detach(int link_fd);
int bpf_map_lookup_elem(int fd, const void *key, void *value);
int bpf_map_update_elem(int fd, const void *key, const void *value, __u64 flags);
int bpf_map_delete_elem(int fd, const void *key);
int bpf_map_get_next_key(int fd, const void *key, void *next_key);
int bpf_map_create(int map_type, const char *name, __u32 key_size, __u32 value_size, __u32 max_entries,
		   const void *opts);
int bpf_prog_load(int prog_type, const char *name, const char *license, const void *insns, size_t insn_cnt, void *opts);
int bpf_prog_get_fd_by_id(__u32 id);
int bpf_obj_get_info_by_fd(int fd, void *info, __u32 *info_len);
int libbpf_probe_bpf_map_type(int map_type, const void *opts);
struct bpf_link *bpf_program__attach_perf_event(const struct bpf_program *program, int fd);
int bpf_prog_attach(int prog_fd, int attachable_fd, int type, unsigned int flags);
int bpf_raw_tracepoint_open(const char *name, int prog_fd);
int libbpf_num_possible_cpus(void);
int bpf_map_get_next_id(__u32 start_id, __u32 *next_id);
int bpf_map_get_fd_by_id(__u32 id);
int bpf_prog_get_next_id(__u32 start_id, __u32 *next_id);
int bpf_prog_query(int target_fd, int type, __u32 query_flags, __u32 *attach_flags, __u32 *prog_ids, __u32 *prog_cnt);
int libbpf_strerror(int error, char *text, size_t size);
const char *libbpf_version_string(void);

/* <sched.h> */
int setns(int fd, int type);

/* shim.c */
int sf_capabilities(__u64 effective, __u64 permitted, __u64 inheritable);
int sf_keep_capabilities(int keep);
int sf_no_new_privileges(void);
void sf_let_programs_end(void);
int sf_link_create(int program_fd, int target, int attach_type, __u32 flags);
struct sf_ring;
struct bpf_object *sf_object_open(const void *bytes, size_t size, const char *name, int types);
void *sf_map_memory(struct bpf_map *map, size_t *size);
size_t sf_log_take(char *text, size_t size);
int sf_packet_bind(int fd, int ifindex, unsigned short protocol);
struct sf_ring *sf_ring_open(int map_fd, size_t size);
void sf_ring_close(struct sf_ring *ring);
void *sf_memory_open(int map_fd, size_t size);
void sf_memory_close(void *memory, size_t size);
const void *sf_ring_data(const struct sf_ring *ring);
size_t sf_ring_span(const struct sf_ring *ring);
unsigned int sf_ring_peek(struct sf_ring *ring, __u32 *offsets, unsigned int max);
void sf_ring_release(struct sf_ring *ring);
__u64 sf_ring_produced(const struct sf_ring *ring);
__u64 sf_ring_used(const struct sf_ring *ring);
__u64 sf_ring_consumed(const struct sf_ring *ring);
int sf_ring_asleep(struct sf_ring *ring, struct sf_shared *shared);
void sf_ring_awake(struct sf_shared *shared);
void sf_skip_set(struct sf_skip *skips, __u64 stream, __u64 hint);

/* loading.c */
struct sf_loading;
struct sf_loading *sf_loading_begin(struct bpf_object *object);
int sf_loading_end(struct sf_loading *loading);

/* sandbox.c */
int sf_landlock_abi(void);
int sf_landlock_rules(__u64 fs, __u64 net, __u64 scoped);
int sf_landlock_allow(int rules, int fd, __u64 allowed);
int sf_landlock_enter(int rules);
int sf_seccomp_enter(int serves);

/* types.c */
int sf_kernel_types(const void *bytes, size_t size);

/* tracepoints.c */
int sf_tracepoints_find(const char *const *names, __u32 *arguments, unsigned int count);
size_t sf_kernel_enum(const char *name, char *text, size_t size);
__u64 sf_program_skipped(int fd);

/* tcp_slots.c */
int sf_tcp_timer(__u64 period_ns);
unsigned int sf_tcp_slots(const struct sf_tcp_bucket *buckets, const struct sf_tcp_end *end, struct sf_tcp_slot *out);
__u64 sf_tcp_received(const struct sf_tcp_slot *slot, __u32 seq, __u64 time_ns, int is_by_time);

/* road/express/lane.c */
struct sf_lane;
struct sf_lane *sf_lane_open(__u64 body_limit, int decodes);
void sf_lane_close(struct sf_lane *lane);
int sf_lane_enter(struct sf_lane *lane, __u64 stream, int client_end, const __u32 *next, const __u32 *acked,
		  __u64 last_ns, __u32 conn_seq, const void *flow);
void sf_lane_write_lines(struct sf_lane *lane, int show_secrets, __u32 route_width_max, __u32 request_width_max);
void sf_lane_set_line(struct sf_lane *lane, __u32 route_width, __u32 request_width, long long clock_offset_ns);
int sf_lane_tally(struct sf_lane *lane, const __u64 *durations, unsigned int duration_count, const __u64 *sizes,
		  unsigned int size_count);
unsigned int sf_lane_settle(struct sf_lane *lane);
int sf_lane_tally_is_full(const struct sf_lane *lane);
const struct sf_tally_row *sf_lane_rows(const struct sf_lane *lane, unsigned int *count);
const char *sf_tally_line(const struct sf_lane *lane, unsigned int line, unsigned int *len);
void sf_lane_clear_tally(struct sf_lane *lane);
const __u32 *sf_lane_passed(const struct sf_lane *lane);
const char *sf_lane_lines(const struct sf_lane *lane);
const char *sf_lane_bodies(const struct sf_lane *lane);
struct sf_lane_slot *sf_lane_slot(struct sf_lane *lane, unsigned int slot);
void sf_lane_leave(struct sf_lane *lane, unsigned int slot);
unsigned int sf_lane_run(struct sf_lane *lane, const char *ring, const __u32 *offsets, unsigned int records);
const struct sf_lane_event *sf_lane_events(const struct sf_lane *lane);
const char *sf_lane_text(const struct sf_lane *lane, size_t *size);

/* protocols/http2/hpack.c */
void sf_hpack_prepare(const unsigned char *code_lengths, const unsigned char *name_lens, const unsigned char *sizes);
struct sf_hpack *sf_hpack_open(int is_whole);
void sf_hpack_close(struct sf_hpack *hpack);
void sf_hpack_lost(struct sf_hpack *hpack);
void sf_hpack_allow(struct sf_hpack *hpack, __u32 size);
unsigned int sf_hpack_decode(struct sf_hpack *hpack, const char *block, size_t len, struct sf_hpack_block *out);

/* sources/secrets/find.c, attach.c, watch.c */
void sf_find_in(const void *file, size_t size, struct sf_found *found);
int sf_find(int fd, struct sf_found *found);
int sf_uprobe_multi_supported(void);
int sf_loop_supported(void);
void sf_uprobe_multi_expect(struct bpf_program *program);
int sf_uprobe_multi(int program, const char *path, const __u64 *offsets, __u32 count);
struct bpf_link *bpf_program__attach_uprobe(const struct bpf_program *program, _Bool is_return, int pid,
					    const char *path, size_t offset);
struct sf_watch;
struct sf_watch *sf_watch_open(void);
void sf_watch_close(struct sf_watch *watch);
void sf_watch_forget(struct sf_watch *watch, __u64 inode);
int sf_watch_fd(const struct sf_watch *watch, unsigned int cpu);
int sf_watch_next(struct sf_watch *watch, struct sf_mapping *mapping);

/* tls/opening.c */
int sf_opener_is_possible(void);
struct sf_opener *sf_opener_new(int mode, int flags, const char *cipher, const char *key, const char *iv, int iv_len,
				int tag_bytes, int block_bytes, const char *hash, const char *mac_key);
struct sf_opener *sf_opener_new_tls13(int mode, const char *cipher, int key_len, int tag_bytes, const char *hash,
				      const char *secret, int secret_len);
void sf_opener_free(struct sf_opener *opener);
const struct sf_opened *sf_opener_open(struct sf_opener *opener, const char *header, const char *body, __u32 body_len,
				       __u64 number);
const struct sf_opened *sf_opener_open_run(struct sf_opener *opener, const char *data, __u32 size, __u64 number);

/* protocols/http2/usual.c */
void sf_usual_prepare(const unsigned char *name_lens, const unsigned char *sizes, const char *texts, size_t len);
struct sf_usual_form *sf_usual_form_open(__u64 body_limit, int decodes);
void sf_usual_form_close(struct sf_usual_form *form);
struct sf_usual *sf_usual_open(struct sf_usual_form *form, struct sf_hpack *first, struct sf_hpack *second);
void sf_usual_close(struct sf_usual *usual);
void sf_usual_set_around(struct sf_usual *usual, const char *text, __u32 before_len, __u32 behind_len);
int sf_usual_take(struct sf_usual *usual, struct sf_hpack_block *block, __u32 number, const char *data, size_t size,
		  __u32 at, __u64 time_ns, __u32 seq, __u32 ack);
int sf_usual_give(struct sf_usual *usual);
size_t sf_usual_weight(const struct sf_usual *usual);
int sf_usual_add_text(struct sf_usual *usual, __u32 number, const char *bytes, __u32 name_len, __u32 value_len,
		      __u32 flags);
const struct sf_usual_text *sf_usual_text(const struct sf_usual *usual, __u32 number, __u32 place);

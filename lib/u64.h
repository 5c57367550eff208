/*
 * u64.h - nh_u64: a core whose words and values are keys and values
 */
#ifndef NH_LIB_U64_H
#define NH_LIB_U64_H

#include "lib/hash.h"
#include "lib/map.h"

struct nh_u64 {
	const struct nh_u64_ops *ops;
	struct nh_hash hash;
	struct nh_core core;
};

/* What depends on how lines are read and written: one table a flavour. */
struct nh_u64_ops {
	struct nh_core_ops core;
	int (*get)(const struct nh_u64 *m, uint64_t key, uint64_t *value);
	int (*put)(struct nh_u64 *m, uint64_t key, uint64_t value);
	int (*insert)(struct nh_u64 *m, uint64_t key, uint64_t value);
	int (*load_or_store)(struct nh_u64 *m, uint64_t key, uint64_t value,
			     uint64_t *actual, bool *loaded);
	int (*swap)(struct nh_u64 *m, uint64_t key, uint64_t value,
		    uint64_t *old, bool *loaded);
	int (*compare_and_swap)(struct nh_u64 *m, uint64_t key,
				uint64_t expected, uint64_t desired);
	int (*fetch_add)(struct nh_u64 *m, uint64_t key, uint64_t delta,
			 uint64_t *old);
	int (*update)(struct nh_u64 *m, uint64_t key, nh_u64_update_fn fn,
		      void *arg);
	int (*remove)(struct nh_u64 *m, uint64_t key, const uint64_t *expected,
		      uint64_t *old);
	int (*get_batch)(const struct nh_u64 *m, const uint64_t *keys, size_t n,
			 uint64_t *values, uint8_t *found, size_t *hits);
	int (*put_batch)(struct nh_u64 *m, const uint64_t *keys,
			 const uint64_t *values, size_t n, size_t *done);
	int (*scan)(struct nh_u64 *m, struct nh_cursor *cursor,
		    nh_u64_scan_fn fn, void *arg);
};

extern const struct nh_u64_ops nh_u64_ops_generic;
extern const struct nh_u64_ops nh_u64_ops_native;
extern const struct nh_u64_ops nh_u64_ops_wide;
extern const struct nh_u64_ops nh_u64_ops_generic_aged;
extern const struct nh_u64_ops nh_u64_ops_native_aged;
extern const struct nh_u64_ops nh_u64_ops_wide_aged;
extern const struct nh_u64_ops nh_u64_ops_generic_mirrored;
extern const struct nh_u64_ops nh_u64_ops_native_mirrored;
extern const struct nh_u64_ops nh_u64_ops_wide_mirrored;

#endif

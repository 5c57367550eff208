/*
 * bytes.h - nh_map: a core whose values are references to entries
 */
#ifndef NH_LIB_BYTES_H
#define NH_LIB_BYTES_H

#include "lib/bytes_hash.h"
#include "lib/map.h"
#include "lib/pin.h"
#include "lib/slab.h"

struct nh_map {
	const struct nh_bytes_ops *ops;
	struct nh_bytes_hash hash;
	struct nh_slab slab;
	struct nh_pins pins;
	struct nh_core core;
};

/* A key, and the hash that says where it lies. */
struct nh_key {
	struct nh_bytes bytes;
	uint64_t hash;
};

/* What depends on how lines are read and written: one table a flavour. */
struct nh_bytes_ops {
	struct nh_core_ops core;
	int (*get)(const struct nh_map *m, const struct nh_key *key,
		   struct nh_buffer *value);
	int (*store)(struct nh_map *m, const struct nh_key *key,
		     const struct nh_bytes *value, bool replace,
		     struct nh_buffer *old, bool *loaded);
	int (*change)(struct nh_map *m, const struct nh_key *key,
		      const struct nh_bytes *expected,
		      const struct nh_bytes *desired, struct nh_buffer *old);
	int (*update)(struct nh_map *m, const struct nh_key *key,
		      nh_map_update_fn fn, void *arg);
	int (*pin)(struct nh_map *m, const struct nh_key *key,
		   struct nh_pin *pin);
	int (*get_batch)(const struct nh_map *m, const struct nh_bytes *keys,
			 size_t n, struct nh_buffer *values, int *results,
			 size_t *hits);
	int (*put_batch)(struct nh_map *m, const struct nh_bytes *keys,
			 const struct nh_bytes *values, size_t n, size_t *done);
	int (*scan)(struct nh_map *m, struct nh_cursor *cursor,
		    nh_map_scan_fn fn, void *arg);
};

extern const struct nh_bytes_ops nh_bytes_ops_generic;
extern const struct nh_bytes_ops nh_bytes_ops_native;
extern const struct nh_bytes_ops nh_bytes_ops_wide;
extern const struct nh_bytes_ops nh_bytes_ops_generic_aged;
extern const struct nh_bytes_ops nh_bytes_ops_native_aged;
extern const struct nh_bytes_ops nh_bytes_ops_wide_aged;
extern const struct nh_bytes_ops nh_bytes_ops_generic_aged;
extern const struct nh_bytes_ops nh_bytes_ops_native_aged;
extern const struct nh_bytes_ops nh_bytes_ops_wide_aged;

/* nh_key_of - a key with its hash */
static inline struct nh_key
nh_key_of(const struct nh_map *m, const void *data, size_t len)
{
	struct nh_key key = { { data, len },
			      nh_bytes_hash(&m->hash, data, len) };

	return key;
}

#endif

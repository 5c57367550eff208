/*
 * bytes.h - nh_map: a core whose values are references to entries
 */
#ifndef NH_LIB_BYTES_H
#define NH_LIB_BYTES_H

#include "lib/bytes_hash.h"
#include "lib/map.h"
#include "lib/pin.h"
#include "lib/shard.h"
#include "lib/slabs.h"

struct nh_map {
	const struct nh_bytes_ops *ops;
	struct nh_shard shard;
	struct nh_bytes_hash hash;
	struct nh_slabs slabs;
	struct nh_pins pins;
	struct nh_core core;
};

/* A key, and the hash that says where it lies. */
struct nh_key {
	struct nh_bytes bytes;
	uint64_t hash;
	uint64_t generation; /* of the rule that says so; or NH_UNSETTLED */
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
	int (*reshard)(struct nh_map *m, nh_segment_fn fn, void *arg);
	int (*segment_stats)(struct nh_map *m, unsigned segment,
			     struct nh_segment_stats *out);
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

/* nh_map_slab - where an entry of this hash belongs.  Any thread. */
static inline struct nh_slab *
nh_map_slab(const struct nh_map *m, uint64_t hash)
{
	/* relaxed: a wish. */
	uint64_t node = nh_load_relaxed(&m->core.node[nh_segment_of(hash)]);

	return nh_slabs_at(&m->slabs, node);
}

/* nh_places_of - where a key belongs by the rules in force.  Any thread. */
static inline struct nh_places
nh_places_of(const struct nh_map *m, const struct nh_bytes *key)
{
	return nh_shard_places(&m->shard,
			       nh_bytes_hash(&m->hash, key->data, key->len),
			       key->data, key->len);
}

/* nh_key_sharded - nh_key_of(), of a map that has had a rule.  Any thread. */
struct nh_key nh_key_sharded(const struct nh_map *m, const void *data,
			     size_t len);

/*
 * nh_key_of - a key with its hash; in the new place, while keys move
 *
 * Inlined, so that it is built where it is wanted: to copy it 16 bytes at a
 * time just after it was stored in words is slow.
 */
static inline __attribute__((always_inline)) struct nh_key
nh_key_of(const struct nh_map *m, const void *data, size_t len)
{
	if (nh_unlikely(nh_shard_generation(&m->shard)))
		return nh_key_sharded(m, data, len);
	return (struct nh_key){ { data, len },
				nh_bytes_hash(&m->hash, data, len),
				0 };
}

/* nh_key_settled - could the key be nowhere else, until now? */
static inline bool
nh_key_settled(const struct nh_map *m, const struct nh_key *key)
{
	return nh_shard_generation(&m->shard) == key->generation;
}

#endif

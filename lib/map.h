/*
 * map.h - a map: 256 segments
 *
 *	struct nh_u64
 *	  descriptors	256 x 16 bytes: all that a reader needs, 4 KiB
 *	  segments	256 x { two tables, the migration under way }
 *	  stripes	the counters
 *
 * A descriptor is a pair, read and written as one unit:
 *
 *	size	generation (32 bits) | lines (32 bits)
 *	base	the first line
 *
 * An even generation 2k says that table k % 2 holds the segment, in `lines`
 * lines from `base`.  The odd one after it says that a migration is under way
 * from there to the other table, which only the slow paths look into; then
 * `lines` is 0 and `base` is nh_moving_block, which has no key, says that there
 * are MORE, and cannot be locked.  So the fast paths need not ask: what they
 * find there sends them the slow way.  The generation never comes back, so a
 * reader that finds `size` unchanged after its search knows that nothing it
 * looked at had become something else.
 */
#ifndef NH_LIB_MAP_H
#define NH_LIB_MAP_H

#include <numahash.h>
#include <pthread.h>

#include "lib/hash.h"
#include "lib/table.h"
#include "lib/thread.h"

#define NH_SEGMENTS 256
#define NH_SIZE_MIGRATING (UINT64_C(1) << 32)
#define NH_SIZE_LINES UINT64_C(0xffffffff)

struct nh_descriptor {
	union {
		struct nh_pair pair; /* both */
		struct {
			nh_atomic size;
			nh_atomic base;
		};
	};
};

struct nh_segment {
	_Alignas(64) nh_atomic busy; /* a migration starts, runs, or ends */
	nh_atomic claim;   /* generation (32) | next group to drain (32) */
	nh_atomic drained; /* groups */
	nh_atomic groups;  /* of the migration under way */
	struct nh_table table[2];
};

struct nh_maintenance;

struct nh_u64 {
	const struct nh_u64_ops *ops;
	struct nh_hash hash;
	bool fixed;
	int node;
	nh_atomic reserved;    /* entries: do not shrink below by yourself */
	nh_atomic table_bytes; /* of all tables, dying ones too */
	struct nh_maintenance *maintenance;
	_Alignas(64) struct nh_descriptor descriptor[NH_SEGMENTS];
	struct nh_segment segment[NH_SEGMENTS];
	struct nh_stripe stripe[NH_STRIPES];
};

/* What depends on how lines are read and written: one table a flavour. */
struct nh_u64_ops {
	const char *name;
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
	int (*clear)(struct nh_u64 *m);
	int (*reserve)(struct nh_u64 *m, uint64_t n);
	int (*shrink)(struct nh_u64 *m);
	void (*help)(struct nh_u64 *m, unsigned segment);
	void (*lock_down)(struct nh_u64 *m);
};

extern const struct nh_u64_ops nh_u64_ops_generic;
extern const struct nh_u64_ops nh_u64_ops_native;
extern const struct nh_u64_ops nh_u64_ops_wide;

static inline unsigned
nh_segment_of(uint64_t hash)
{
	return (unsigned)(hash >> 56);
}

/*
 * nh_descriptor_of_hash - the descriptor of a hash's segment
 *
 * &m->descriptor[nh_segment_of(hash)], in three instructions and not five.
 */
static inline const struct nh_descriptor *
nh_descriptor_of_hash(const struct nh_u64 *m, uint64_t hash)
{
	size_t bytes = (hash >> 52 | hash << 12) &
		       (NH_SEGMENTS - 1) * sizeof(struct nh_descriptor);

	return (const void *)((const char *)m->descriptor + bytes);
}

/* The table that holds a segment, or that a migration leaves. */
static inline struct nh_table *
nh_segment_table(struct nh_segment *s, uint64_t size)
{
	return &s->table[size >> 33 & 1];
}

/* The table that a migration fills. */
static inline struct nh_table *
nh_segment_next(struct nh_segment *s, uint64_t size)
{
	return &s->table[~(size >> 33) & 1];
}

#endif

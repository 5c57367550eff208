/*
 * map.h - what every kind of map is: 256 segments
 *
 *	struct nh_core
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
 * find there sends them the slow way.  A table with a salt (lib/salt.h) shows
 * the same under an even generation.  The generation never comes back, so a
 * reader that finds `size` unchanged after its search knows that nothing it
 * looked at had become something else.
 */
#ifndef NH_LIB_MAP_H
#define NH_LIB_MAP_H

#include <numahash.h>
#include <pthread.h>

#include "lib/hash.h"
#include "lib/salt.h"
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
struct nh_idle;
struct nh_core;

/* What depends on how lines are read and written, of any kind of map. */
struct nh_core_ops {
	const char *name;
	bool salts; /* all operations know tables with a salt */
	int (*clear)(struct nh_core *m);
	int (*reserve)(struct nh_core *m, uint64_t n);
	int (*shrink)(struct nh_core *m);
	int (*settle)(struct nh_core *m, unsigned segment);
	void (*lock_down)(struct nh_core *m);
	int (*rehome)(struct nh_core *m, unsigned segment);
	void (*hide)(struct nh_core *m, unsigned segment, bool hidden);
	/* Bring a segment's copies up to date; NULL: there are none. */
	int (*mirror)(struct nh_core *m, unsigned segment);
	/* Of a segment, what is idle; NULL: no ages. */
	uint64_t (*sweep)(struct nh_core *m, unsigned segment);
};

/* What every kind of map is made of. */
struct nh_core {
	const struct nh_core_ops *ops;
	bool fixed;
	nh_atomic reserved;    /* entries: do not shrink below by yourself */
	nh_atomic table_bytes; /* of all tables, dying ones too */
	uint64_t chain_limit;  /* lines; 0: none */
	nh_storm_fn on_storm;
	void *storm_arg;
	nh_atomic storms, reseeds, rehomes; /* as in struct nh_stats */
	nh_atomic plain;		    /* no segment may get a salt */
	struct nh_maintenance *maintenance;
	struct nh_idle *idle;	    /* or NULL */
	int policy;		    /* enum nh_placement_policy, but not AUTO */
	struct nh_adapt *adapt;	    /* or NULL: lib/adapt.h */
	struct nh_mirrors *mirrors; /* or NULL: lib/mirror.h */
	_Alignas(64) struct nh_descriptor descriptor[NH_SEGMENTS];
	struct nh_segment segment[NH_SEGMENTS];
	nh_atomic weather[NH_SEGMENTS]; /* lib/storm.h */
	nh_atomic node[NH_SEGMENTS];	/* where it belongs: lib/placement.h */
	struct nh_stripe stripe[NH_STRIPES];
};

/*
 * nh_core_create - make a map of `bytes`, zeroed, as nh_u64_create() does
 *
 * `init` gets a checked configuration; `fini` frees what it gets, also when
 * `init` failed half way.
 */
void *nh_core_create(const struct nh_config *config, size_t bytes,
		     int (*init)(void *map, const struct nh_config *config),
		     void (*fini)(void *map), int *err);

/*
 * nh_core_init - an empty core.  NH_ERR_NOMEM, NH_ERR_SYSTEM.  Before others.
 *
 * After an error nh_core_fini() is still due.  `config` was checked.
 */
int nh_core_init(struct nh_core *m, const struct nh_core_ops *ops,
		 const struct nh_config *config);

/* nh_core_fini - give all tables back.  No other thread uses it. */
void nh_core_fini(struct nh_core *m);

/* nh_core_level - the flavour to use, enum nh_level, or NH_ERR_ARG */
int nh_core_level(const struct nh_config *config);

/* nh_core_seed - the configured seed, or a random one.  NH_ERR_SYSTEM. */
int nh_core_seed(const struct nh_config *config, uint64_t *seed);

/* nh_core_random - from the system.  NH_ERR_SYSTEM.  Any thread. */
int nh_core_random(uint64_t *random);

/* nh_core_reserve_more - as nh_u64_reserve() */
int nh_core_reserve_more(struct nh_core *m, uint64_t n);

/* nh_core_len - as nh_u64_len().  Any thread. */
uint64_t nh_core_len(const struct nh_core *m);

/* nh_core_stats - all but fixed_bytes; as nh_u64_stats().  Any thread. */
int nh_core_stats(const struct nh_core *m, struct nh_stats *out);

/* Is it one table, without a salt, that `size` and `base` describe? */
static inline bool
nh_size_is_plain(uint64_t size)
{
	return size & NH_SIZE_LINES;
}

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
nh_descriptor_of_hash(const struct nh_core *m, uint64_t hash)
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

/*
 * twomap_internal.h - what the two-map is made of, for itself and its tests
 *
 *	read --> table { map: key -> entry ---+--> box { value } }
 *	 (+ amended bit)                      |
 *	dirty -> table { map: key -> entry ---+ }	the same entries
 *
 *	entry.p:  box       live
 *		  NULL      deleted
 *		  EXPUNGED  deleted, and its key is in read only
 *
 * read is {map, amended} in one word: a table's address with amended in its
 * lowest bit, so that a promotion and the setting of amended are one store
 * each and allocate nothing.  (Go allocates 16 bytes for each.)
 *
 * While mu is free:
 *  I1 amended if and only if there is a dirty map (after clear: only if)
 *  I2 a key in both maps has the same entry in both
 *  I3 with a dirty map, p is EXPUNGED for a key of read if and only if the
 *     dirty map does not have the key
 *  I4 no entry of dirty is EXPUNGED
 *  I5 without a dirty map no entry is EXPUNGED
 *  I6 misses < max(1, len(dirty)); without a dirty map misses is 0
 */
#ifndef BENCH_BASELINE_TWOMAP_INTERNAL_H
#define BENCH_BASELINE_TWOMAP_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <urcu/urcu-qsbr.h>

#include "bench/baseline/gomap.h"

extern struct twomap_box twomap_expunged;
#define TWOMAP_EXPUNGED (&twomap_expunged)

/* An entry that was expunged while its table was read. */
struct twomap_dead {
	gomap_key key;
	struct twomap_entry *entry;
};

/*
 * A map that is dirty, then perhaps read, then retired.  From the moment it is
 * read, map does not change; the rest is under mu until it is retired.
 */
struct twomap_table {
	struct gomap map;
	struct twomap *owner;
	struct twomap_dead *dead; /* what its heir may not have */
	size_t dead_len, dead_size;
	struct twomap_table *heir; /* the map that was promoted over this */
	struct gomap wiped;	   /* of clear: what dirty held */
	_Atomic unsigned pins;	   /* callbacks that still need map */
	struct rcu_head rcu;
};

#define TWOMAP_AMENDED ((uintptr_t)1)

/* Since the map was made. */
struct twomap_counters {
	uint64_t promotions;	/* dirty became read, range's own included */
	uint64_t copies;	/* of read into a new dirty map */
	uint64_t copied;	/* entries in those copies */
	uint64_t expunged;	/* entries those copies left out */
	uint64_t locked_misses; /* took the lock and counted a miss */
	uint64_t new_keys;
};

struct twomap {
	/* Readers' line; order(read-publish), see twomap.c. */
	_Alignas(64) _Atomic uintptr_t read;
	bool keep_garbage;

	/* Writers' line and on. */
	_Alignas(64) pthread_mutex_t mu;
	struct twomap_table *dirty; /* or NULL */
	size_t misses;
	struct twomap_counters count;
	_Atomic size_t retired_bytes; /* tables that wait for a grace period */
};

static inline struct twomap_table *
twomap_table_of(uintptr_t read)
{
	return (struct twomap_table *)(read & ~TWOMAP_AMENDED);
}

static inline bool
twomap_is_amended(uintptr_t read)
{
	return read & TWOMAP_AMENDED;
}

static inline bool
twomap_is_live(const struct twomap_box *p)
{
	return p && p != TWOMAP_EXPUNGED;
}

static inline struct twomap_box *
twomap_box_load(struct twomap_entry *e)
{
	/* order(box-publish): acquire, so that the value can be read. */
	return atomic_load_explicit(&e->p, memory_order_acquire);
}

/* twomap_table_new - an empty table, in no map yet.  Any thread. */
struct twomap_table *twomap_table_new(struct twomap *m, size_t hint);

/* twomap_table_free - the table, but not its entries.  When nobody uses it. */
void twomap_table_free(struct twomap_table *t);

size_t twomap_table_bytes(const struct twomap_table *t);

/* twomap_table_note_dead - e was expunged from t, which is read.  Under mu. */
void twomap_table_note_dead(struct twomap_table *t, gomap_key key,
			    struct twomap_entry *e);

/*
 * twomap_table_free_entries - those of map, with boxes, that `but` has not
 *
 * but may be NULL.  For keys in both, the entries must be the same.  When no
 * operation can reach them.
 */
void twomap_table_free_entries(const struct gomap *map,
			       const struct gomap *but);

/*
 * twomap_table_retire - t is not read any more.  Under mu.
 *
 * After a grace period it is freed with what only it held: the dead entries
 * that its heir has not, or without an heir all there is.
 */
void twomap_table_retire(struct twomap_table *t);

#endif

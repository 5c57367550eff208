/*
 * twomap.h - the two-map concurrent map (sync.Map of Go <= 1.23)
 *
 * This is what the library is measured against.  Its algorithm, state machine
 * and cost model are sync.Map's (Store and Delete as of 1.19, Swap and the
 * CompareAnd... pair of 1.20, Clear of 1.23).  Its constants are made as small
 * as C allows; each place where it is better off than Go says so, here, in
 * gomap.h, pair.h and twomap_cells.h:
 *  - keys are inline, boxes hold values, and neither passes a type switch;
 *  - what a lock-free read needs does not share a line with the mutex;
 *  - a slow path does not repeat its search in read when read has not changed;
 *  - memory is reclaimed by liburcu instead of a tracing collector.
 *
 * The last one is the price of C, and can be taken off: TWOMAP_KEEP_GARBAGE.
 *
 * A thread that uses a map must be between twomap_thread_begin() and
 * twomap_thread_end(), and must call twomap_quiescent() from time to time, say
 * every 64 operations; while it waits for others for long, it should end and
 * begin again.  A thread that does neither stops all reclamation.
 *
 * Running out of memory ends the process, as it does in Go.
 */
#ifndef BENCH_BASELINE_TWOMAP_H
#define BENCH_BASELINE_TWOMAP_H

#include "bench/baseline/twomap_internal.h"

struct twomap;

enum twomap_flags {
	/*
	 * Replaced boxes and dropped entries are never reused: what the
	 * operations cost without reclamation.  Memory grows with each write.
	 */
	TWOMAP_KEEP_GARBAGE = 1,
};

/* twomap_thread_begin - before the first call of a thread on any map. */
void twomap_thread_begin(void);

/* twomap_thread_end - after the last one; hands over what waits for reuse. */
void twomap_thread_end(void);

/* twomap_quiescent - "I hold nothing".  Not in a callback of twomap_range(). */
void twomap_quiescent(void);

/*
 * twomap_barrier - wait until all that was handed over can be reused
 *
 * For exact statistics.  A thread hands over full bags, and the rest in
 * twomap_thread_end().  Waits for every thread that has begun.
 */
void twomap_barrier(void);

/* twomap_create - an empty map; flags of enum twomap_flags.  Never NULL. */
struct twomap *twomap_create(unsigned flags);

/* twomap_destroy - when no other call on m is running; see twomap_barrier(). */
void twomap_destroy(struct twomap *m);

/*
 * The following are for any thread that has begun.  pair.h says what keys and
 * values are; one that is too long for an entry or a box ends the process.
 */

/* twomap_store - set key to value. */
void twomap_store(struct twomap *m, gomap_key key, twomap_value value);

/* twomap_swap - store; true with what was there in *old, else false. */
bool twomap_swap(struct twomap *m, gomap_key key, twomap_value value,
		 twomap_value *old);

/* twomap_load_or_store - *actual is there now; true if it was there before. */
bool twomap_load_or_store(struct twomap *m, gomap_key key, twomap_value value,
			  twomap_value *actual);

/* twomap_delete - true if it was there. */
bool twomap_delete(struct twomap *m, gomap_key key);

/* twomap_load_and_delete - true with what was there in *old, else false. */
bool twomap_load_and_delete(struct twomap *m, gomap_key key, twomap_value *old);

/* twomap_compare_and_swap - true if key had the value expected. */
bool twomap_compare_and_swap(struct twomap *m, gomap_key key,
			     twomap_value expected, twomap_value desired);

/* twomap_compare_and_delete - true if key had the value expected. */
bool twomap_compare_and_delete(struct twomap *m, gomap_key key,
			       twomap_value expected);

/*
 * twomap_range - show each pair to fn until it returns false
 *
 * Promotes first if there is anything to promote, so a fn that returns false
 * at once forces a promotion.  Not a snapshot, but no key twice.  fn may call
 * any operation on any map, but must not call twomap_quiescent().
 */
typedef bool (*twomap_range_fn)(void *arg, gomap_key key, twomap_value value);
void twomap_range(struct twomap *m, twomap_range_fn fn, void *arg);

/* twomap_clear - remove everything. */
void twomap_clear(struct twomap *m);

/* twomap_counters - what happened since the map was made. */
void twomap_counters(struct twomap *m, struct twomap_counters *out);

/* Bytes now.  What waits for a grace period counts, as garbage does in Go. */
struct twomap_memory {
	size_t tables; /* of this map: buckets of read, dirty and retired */
	size_t cells;  /* of all maps: entries and boxes */
	size_t held;   /* by the pool those cells come from */
};

/* twomap_memory - exact while no operation runs; see twomap_barrier(). */
void twomap_memory(struct twomap *m, struct twomap_memory *out);

/* The slow side of twomap_load(). */
bool twomap_load_missed(struct twomap *m, gomap_key key, uintptr_t seen,
			twomap_value *value);

static inline bool
twomap_entry_load(struct twomap_entry *e, twomap_value *value)
{
	struct twomap_box *p = twomap_box_load(e);

	if (!twomap_is_live(p))
		return false;
	twomap_value_copy(value, twomap_box_value(p));
	return true;
}

/* twomap_load - true with the value of key, or false. */
static inline bool
twomap_load(struct twomap *m, gomap_key key, twomap_value *value)
{
	/* order(read-publish): acquire, so that its table can be searched. */
	uintptr_t read = atomic_load_explicit(&m->read, memory_order_acquire);
	struct twomap_entry *e = gomap_get(&twomap_table_of(read)->map, key);

	if (e)
		return twomap_entry_load(e, value);
	return twomap_is_amended(read) &&
	       twomap_load_missed(m, key, read, value);
}

#endif

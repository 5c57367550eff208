/*
 * twomap.c - the operations of the two-map, and what the collector did in Go
 *
 * The names are Go's: missLocked is miss_locked, dirtyLocked dirty_locked.
 *
 * order(read-publish): a table is filled under mu and then stored to read with
 * release; lock-free operations load read with acquire.  Under mu plain order
 * is enough, since read is only written there.
 *
 * order(box-publish): a box is filled and then put into an entry with release.
 * Whoever loads p with acquire may read the box.  A swap that takes a box out
 * acquires too, for the same reason.
 *
 * An operation holds references (read, entries, boxes) from its start to its
 * end, which is within one QSBR reading section: nothing it saw is reused
 * meanwhile.  So a compare-and-swap on p cannot mistake a new box for an old
 * one at the same address, and a read word that has not changed still names
 * the same table.
 */
#include "bench/baseline/twomap.h"

#include <stdlib.h>

#include "bench/baseline/twomap_cells.h"

struct twomap_box twomap_expunged;

/* ----------------------------------------------------------- small pieces */

static void
retire(struct twomap *m, enum twomap_pool pool, void *cell)
{
	if (!m->keep_garbage)
		twomap_cell_retire(pool, cell);
}

static struct twomap_box *
box_new(twomap_value value)
{
	struct twomap_box *box = twomap_cell_alloc(TWOMAP_BOXES);

	if (!twomap_box_init(box, value))
		twomap_die("the value is too long");
	return box;
}

static struct twomap_entry *
entry_new(gomap_key key, struct twomap_box *box)
{
	struct twomap_entry *e = twomap_cell_alloc(TWOMAP_ENTRIES);

	if (!twomap_entry_init(e, key))
		twomap_die("the key is too long");
	/* relaxed: published with its table, under mu or by promotion. */
	atomic_store_explicit(&e->p, box, memory_order_relaxed);
	return e;
}

static uintptr_t
load_read(struct twomap *m)
{
	/* order(read-publish): acquire, so that its table can be searched. */
	return atomic_load_explicit(&m->read, memory_order_acquire);
}

static void
store_read_locked(struct twomap *m, uintptr_t read)
{
	/* order(read-publish): release, after the table was filled. */
	atomic_store_explicit(&m->read, read, memory_order_release);
}

static struct twomap_entry *
find(uintptr_t read, gomap_key key)
{
	return gomap_get(&twomap_table_of(read)->map, key);
}

static struct twomap_entry *
find_dirty_locked(struct twomap *m, gomap_key key)
{
	return m->dirty ? gomap_get(&m->dirty->map, key) : NULL;
}

/* On failure *expected is what is there, and its value can be read. */
static bool
cas_box(struct twomap_entry *e, struct twomap_box **expected,
	struct twomap_box *desired)
{
	/*
	 * order(box-publish): release, after desired was filled; acquire, so
	 * that the value that was there can be read.
	 */
	return atomic_compare_exchange_strong_explicit(&e->p, expected, desired,
						       memory_order_acq_rel,
						       memory_order_acquire);
}

/* ---------------------------------------------- the two maps, mu being held */

static void
promote_locked(struct twomap *m)
{
	/* relaxed: read is only written under mu. */
	uintptr_t read = atomic_load_explicit(&m->read, memory_order_relaxed);
	struct twomap_table *old = twomap_table_of(read);

	/* relaxed: nobody else knows of these pins yet. */
	atomic_store_explicit(&m->dirty->pins, 2, memory_order_relaxed);
	old->heir = m->dirty;
	store_read_locked(m, (uintptr_t)m->dirty);
	m->dirty = NULL;
	m->misses = 0;
	m->count.promotions++;
	twomap_table_retire(old);
}

static void
miss_locked(struct twomap *m)
{
	m->count.locked_misses++;
	if (++m->misses >= m->dirty->map.count)
		promote_locked(m);
}

static bool
try_expunge_locked(struct twomap_entry *e)
{
	struct twomap_box *p = twomap_box_load(e);

	while (!p)
		if (cas_box(e, &p, TWOMAP_EXPUNGED))
			return true;
	return p == TWOMAP_EXPUNGED;
}

static bool
unexpunge_locked(struct twomap_entry *e)
{
	struct twomap_box *p = TWOMAP_EXPUNGED;

	return cas_box(e, &p, NULL);
}

/*
 * The copy of read, O(n), that the next new key after a promotion pays for.
 * Prefetching in batches of 16 was tried: 3 % at a million entries.
 */
static void
dirty_locked(struct twomap *m, struct twomap_table *read)
{
	struct gomap_iter it = { .map = &read->map };
	struct gomap *dirty;
	gomap_key key;
	void *e;

	if (m->dirty)
		return;
	m->dirty = twomap_table_new(m, read->map.count);
	dirty = &m->dirty->map;
	while (gomap_next(&it, &key, &e)) {
		if (try_expunge_locked(e))
			twomap_table_note_dead(read, key, e);
		else
			gomap_set(dirty, key, e);
	}
	m->count.copies++;
	m->count.copied += dirty->count;
	m->count.expunged += read->map.count - dirty->count;
}

static void
add_locked(struct twomap *m, uintptr_t read, gomap_key key,
	   struct twomap_box *box)
{
	struct twomap_entry *e = entry_new(key, box);

	if (!twomap_is_amended(read)) {
		dirty_locked(m, twomap_table_of(read));
		store_read_locked(m, read | TWOMAP_AMENDED);
	}
	gomap_set(&m->dirty->map, twomap_entry_key(e, key), e);
	m->count.new_keys++;
}

/*
 * Lock, and look again: e was found in `seen`.  *read is what read is now, and
 * the result the entry it has; while the table is the same, so is the answer.
 */
static struct twomap_entry *
lock_and_find(struct twomap *m, gomap_key key, uintptr_t seen,
	      struct twomap_entry *e, uintptr_t *read)
{
	pthread_mutex_lock(&m->mu);
	/* relaxed: read is only written under mu. */
	*read = atomic_load_explicit(&m->read, memory_order_relaxed);
	if (twomap_table_of(*read) == twomap_table_of(seen))
		return e;
	return find(*read, key);
}

/* Put an entry that is in read back into dirty, if it was left out there. */
static void
readmit_locked(struct twomap *m, gomap_key key, struct twomap_entry *e)
{
	if (unexpunge_locked(e))
		gomap_set(&m->dirty->map, twomap_entry_key(e, key), e);
}

/* ------------------------------------------------------------------- load */

/*
 * The entry of a key that `seen`, which is amended, does not have.  Unless it
 * turns up in read, this counts a miss, whether dirty has the key or not.
 */
static struct twomap_entry *
find_and_miss(struct twomap *m, gomap_key key, uintptr_t seen)
{
	uintptr_t read;
	struct twomap_entry *e = lock_and_find(m, key, seen, NULL, &read);

	if (!e && twomap_is_amended(read)) {
		e = find_dirty_locked(m, key);
		miss_locked(m);
	}
	pthread_mutex_unlock(&m->mu);
	return e;
}

bool
twomap_load_missed(struct twomap *m, gomap_key key, uintptr_t seen,
		   twomap_value *value)
{
	struct twomap_entry *e = find_and_miss(m, key, seen);

	return e && twomap_entry_load(e, value);
}

/* ------------------------------------------------------------------ store */

/* false when the entry is expunged; else *old is the box that was there. */
static bool
try_swap(struct twomap_entry *e, struct twomap_box *box,
	 struct twomap_box **old)
{
	*old = twomap_box_load(e);
	while (*old != TWOMAP_EXPUNGED)
		if (cas_box(e, old, box))
			return true;
	return false;
}

static struct twomap_box *
swap_locked(struct twomap_entry *e, struct twomap_box *box)
{
	/* order(box-publish): release, after it was filled; and acquire. */
	return atomic_exchange_explicit(&e->p, box, memory_order_acq_rel);
}

static struct twomap_box *
put_locked(struct twomap *m, gomap_key key, uintptr_t read,
	   struct twomap_entry *e, struct twomap_box *box)
{
	if (e) {
		readmit_locked(m, key, e);
		return swap_locked(e, box);
	}
	e = find_dirty_locked(m, key);
	if (e)
		return swap_locked(e, box);
	add_locked(m, read, key, box);
	return NULL;
}

/* Store; the box that was there, for the caller to retire, or NULL. */
static struct twomap_box *
put(struct twomap *m, gomap_key key, twomap_value value)
{
	uintptr_t seen = load_read(m), read;
	struct twomap_entry *e = find(seen, key);
	struct twomap_box *box = box_new(value), *old;

	if (e && try_swap(e, box, &old))
		return old;
	e = lock_and_find(m, key, seen, e, &read);
	old = put_locked(m, key, read, e, box);
	pthread_mutex_unlock(&m->mu);
	return old;
}

void
twomap_store(struct twomap *m, gomap_key key, twomap_value value)
{
	struct twomap_box *old = put(m, key, value);

	if (old)
		retire(m, TWOMAP_BOXES, old);
}

bool
twomap_swap(struct twomap *m, gomap_key key, twomap_value value,
	    twomap_value *old)
{
	struct twomap_box *box = put(m, key, value);

	if (!box)
		return false;
	twomap_value_copy(old, twomap_box_value(box));
	retire(m, TWOMAP_BOXES, box);
	return true;
}

/* ---------------------------------------------------------- load or store */

enum outcome { LOADED, STORED, EXPUNGED };

static enum outcome
try_load_or_store(struct twomap_entry *e, twomap_value value,
		  twomap_value *actual)
{
	struct twomap_box *p = twomap_box_load(e), *box = NULL;

	while (!p) {
		if (!box)
			box = box_new(value);
		if (!cas_box(e, &p, box))
			continue;
		twomap_value_copy(actual, value);
		return STORED;
	}
	if (box)
		twomap_cell_undo(TWOMAP_BOXES, box);
	if (p == TWOMAP_EXPUNGED)
		return EXPUNGED;
	twomap_value_copy(actual, twomap_box_value(p));
	return LOADED;
}

static enum outcome
load_or_store_locked(struct twomap *m, gomap_key key, uintptr_t read,
		     struct twomap_entry *e, twomap_value value,
		     twomap_value *actual)
{
	enum outcome outcome;

	if (e) {
		readmit_locked(m, key, e);
		return try_load_or_store(e, value, actual);
	}
	e = find_dirty_locked(m, key);
	if (e) {
		outcome = try_load_or_store(e, value, actual);
		miss_locked(m);
		return outcome;
	}
	add_locked(m, read, key, box_new(value));
	twomap_value_copy(actual, value);
	return STORED;
}

bool
twomap_load_or_store(struct twomap *m, gomap_key key, twomap_value value,
		     twomap_value *actual)
{
	uintptr_t seen = load_read(m), read;
	struct twomap_entry *e = find(seen, key);
	enum outcome outcome = EXPUNGED;

	if (e)
		outcome = try_load_or_store(e, value, actual);
	if (outcome == EXPUNGED) {
		e = lock_and_find(m, key, seen, e, &read);
		outcome = load_or_store_locked(m, key, read, e, value, actual);
		pthread_mutex_unlock(&m->mu);
	}
	return outcome == LOADED;
}

/* ----------------------------------------------------------------- delete */

/* Empty the entry; the box that was there, for the caller, or NULL. */
static struct twomap_box *
take_box(struct twomap_entry *e)
{
	struct twomap_box *p = twomap_box_load(e);

	while (twomap_is_live(p))
		if (cas_box(e, &p, NULL))
			return p;
	return NULL;
}

/* As find_and_miss(), but dirty loses the key; *taken tells whether it had. */
static struct twomap_entry *
take_and_miss(struct twomap *m, gomap_key key, uintptr_t seen, bool *taken)
{
	uintptr_t read;
	struct twomap_entry *e = lock_and_find(m, key, seen, NULL, &read);

	if (!e && twomap_is_amended(read)) {
		e = gomap_remove(&m->dirty->map, key);
		*taken = e;
		miss_locked(m);
	}
	pthread_mutex_unlock(&m->mu);
	return e;
}

/* Delete; the box that was there, for the caller to retire, or NULL. */
static struct twomap_box *
take(struct twomap *m, gomap_key key)
{
	uintptr_t seen = load_read(m);
	struct twomap_entry *e = find(seen, key);
	struct twomap_box *box;
	bool taken = false;

	if (!e && twomap_is_amended(seen))
		e = take_and_miss(m, key, seen, &taken);
	if (!e)
		return NULL;
	box = take_box(e);
	/* It was in dirty alone: nobody finds it any more. */
	if (taken)
		retire(m, TWOMAP_ENTRIES, e);
	return box;
}

bool
twomap_delete(struct twomap *m, gomap_key key)
{
	struct twomap_box *box = take(m, key);

	if (box)
		retire(m, TWOMAP_BOXES, box);
	return box;
}

bool
twomap_load_and_delete(struct twomap *m, gomap_key key, twomap_value *old)
{
	struct twomap_box *box = take(m, key);

	if (!box)
		return false;
	twomap_value_copy(old, twomap_box_value(box));
	retire(m, TWOMAP_BOXES, box);
	return true;
}

/* ---------------------------------------------------------------- compare */

/* Replace a box of the value expected by desired, which may be NULL. */
static bool
replace(struct twomap *m, struct twomap_entry *e, twomap_value expected,
	struct twomap_box *desired)
{
	struct twomap_box *p = twomap_box_load(e);

	while (twomap_is_live(p) &&
	       twomap_value_equal(twomap_box_value(p), expected)) {
		if (!cas_box(e, &p, desired))
			continue;
		retire(m, TWOMAP_BOXES, p);
		return true;
	}
	return false;
}

bool
twomap_compare_and_swap(struct twomap *m, gomap_key key, twomap_value expected,
			twomap_value desired)
{
	uintptr_t seen = load_read(m);
	struct twomap_entry *e = find(seen, key);
	struct twomap_box *box;
	bool swapped = false;
	uintptr_t read;

	if (!e && !twomap_is_amended(seen))
		return false;
	box = box_new(desired);
	if (e) {
		swapped = replace(m, e, expected, box);
	} else {
		e = lock_and_find(m, key, seen, NULL, &read);
		if (e) {
			swapped = replace(m, e, expected, box);
		} else if ((e = find_dirty_locked(m, key))) {
			swapped = replace(m, e, expected, box);
			miss_locked(m);
		}
		pthread_mutex_unlock(&m->mu);
	}
	if (!swapped)
		twomap_cell_undo(TWOMAP_BOXES, box);
	return swapped;
}

bool
twomap_compare_and_delete(struct twomap *m, gomap_key key,
			  twomap_value expected)
{
	uintptr_t seen = load_read(m);
	struct twomap_entry *e = find(seen, key);

	/* A key of dirty alone stays there, dead, until it is expunged. */
	if (!e && twomap_is_amended(seen))
		e = find_and_miss(m, key, seen);
	return e && replace(m, e, expected, NULL);
}

/* -------------------------------------------------------- range and clear */

/* What range may walk: all that was there when it was called is in read. */
static struct twomap_table *
promoted(struct twomap *m)
{
	uintptr_t read = load_read(m);

	if (twomap_is_amended(read)) {
		pthread_mutex_lock(&m->mu);
		if (twomap_is_amended(load_read(m)))
			promote_locked(m);
		read = load_read(m);
		pthread_mutex_unlock(&m->mu);
	}
	return twomap_table_of(read);
}

void
twomap_range(struct twomap *m, twomap_range_fn fn, void *arg)
{
	struct gomap_iter it = { .map = &promoted(m)->map };
	struct twomap_box *p;
	gomap_key key;
	void *e;

	while (gomap_next(&it, &key, &e)) {
		p = twomap_box_load(e);
		if (twomap_is_live(p) && !fn(arg, key, twomap_box_value(p)))
			return;
	}
}

static bool
is_clear(uintptr_t read)
{
	return !twomap_table_of(read)->map.count && !twomap_is_amended(read);
}

void
twomap_clear(struct twomap *m)
{
	struct twomap_table *old;

	if (is_clear(load_read(m)))
		return;
	pthread_mutex_lock(&m->mu);
	if (!is_clear(load_read(m))) {
		old = twomap_table_of(load_read(m));
		store_read_locked(m, (uintptr_t)twomap_table_new(m, 0));
		if (m->dirty)
			gomap_clear_into(&m->dirty->map, &old->wiped);
		twomap_table_retire(old);
	}
	m->misses = 0;
	pthread_mutex_unlock(&m->mu);
}

/* --------------------------------------------------- life and statistics */

struct twomap *
twomap_create(unsigned flags)
{
	struct twomap *m = aligned_alloc(64, sizeof *m);
	pthread_mutexattr_t attr;

	if (!m)
		twomap_die("out of memory");
	*m = (struct twomap){ .keep_garbage = flags & TWOMAP_KEEP_GARBAGE };
	/* Go's mutex spins before it sleeps, too. */
	pthread_mutexattr_init(&attr);
	pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_ADAPTIVE_NP);
	pthread_mutex_init(&m->mu, &attr);
	pthread_mutexattr_destroy(&attr);
	store_read_locked(m, (uintptr_t)twomap_table_new(m, 0));
	return m;
}

void
twomap_destroy(struct twomap *m)
{
	struct twomap_table *read = twomap_table_of(load_read(m));

	/* Callbacks pin tables and use m. */
	twomap_barrier();
	if (m->dirty)
		twomap_table_free_entries(&m->dirty->map, &read->map);
	twomap_table_free_entries(&read->map, NULL);
	if (m->dirty)
		twomap_table_free(m->dirty);
	twomap_table_free(read);
	pthread_mutex_destroy(&m->mu);
	free(m);
}

void
twomap_counters(struct twomap *m, struct twomap_counters *out)
{
	pthread_mutex_lock(&m->mu);
	*out = m->count;
	pthread_mutex_unlock(&m->mu);
}

void
twomap_memory(struct twomap *m, struct twomap_memory *out)
{
	struct twomap_cells_memory cells;

	pthread_mutex_lock(&m->mu);
	out->tables = twomap_table_bytes(twomap_table_of(load_read(m)));
	if (m->dirty)
		out->tables += twomap_table_bytes(m->dirty);
	pthread_mutex_unlock(&m->mu);
	/* relaxed: statistics. */
	out->tables +=
		atomic_load_explicit(&m->retired_bytes, memory_order_relaxed);
	twomap_cells_memory(&cells);
	out->cells = cells.in_use;
	out->held = cells.held;
}

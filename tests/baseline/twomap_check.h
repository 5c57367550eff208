/*
 * twomap_check.h - looking into a two-map: its invariants and entry states
 *
 * The map must be at rest: mu is free and no operation runs.
 *
 * T2 to T22 in the tests are the names under which the same rules were checked
 * against Go's own sync.Map.  What must not take the lock is called while the
 * test holds it: if it did, the test would hang until its alarm.
 */
#ifndef TESTS_BASELINE_TWOMAP_CHECK_H
#define TESTS_BASELINE_TWOMAP_CHECK_H

#include "bench/baseline/twomap.h"
#include "bench/baseline/twomap_sanitize.h"
#include "tests/baseline/kit.h"
#include "tests/baseline/numbers.h"

#ifdef TWOMAP_TSAN
/* See twomap_sanitize.h. */
const char *__tsan_default_suppressions(void);

const char *
__tsan_default_suppressions(void)
{
	return "called_from_lib:liburcu-qsbr\n";
}
#endif

enum entry_state { NOWHERE, NIL, EXPUNGED, LIVE };

static inline uintptr_t
read_word(struct twomap *m)
{
	return atomic_load_explicit(&m->read, memory_order_acquire);
}

static inline const struct gomap *
read_map(struct twomap *m)
{
	return &twomap_table_of(read_word(m))->map;
}

static inline struct twomap_entry *
in_read(struct twomap *m, uint64_t key)
{
	struct number_room k;

	return gomap_get(read_map(m), number_key(key, &k));
}

static inline struct twomap_entry *
in_dirty(struct twomap *m, uint64_t key)
{
	struct number_room k;

	if (!m->dirty)
		return NULL;
	return gomap_get(&m->dirty->map, number_key(key, &k));
}

static inline bool
amended(struct twomap *m)
{
	return twomap_is_amended(read_word(m));
}

static inline enum entry_state
entry_state(struct twomap_entry *e)
{
	struct twomap_box *p;

	if (!e)
		return NOWHERE;
	p = atomic_load_explicit(&e->p, memory_order_acquire);
	if (!p)
		return NIL;
	return p == TWOMAP_EXPUNGED ? EXPUNGED : LIVE;
}

/* Of the entry of a key, in whichever map it is. */
static inline enum entry_state
key_state(struct twomap *m, uint64_t key)
{
	struct twomap_entry *e = in_read(m, key);

	return entry_state(e ? e : in_dirty(m, key));
}

/* I2, I3 and I5, seen from read. */
static inline void
check_read(struct twomap *m)
{
	struct gomap_iter it = { .map = read_map(m) };
	struct twomap_entry *other;
	gomap_key key;
	size_t n = 0;
	void *e;

	for (; gomap_next(&it, &key, &e); n++) {
		other = in_dirty(m, number_of_key(key));
		if (other)
			assert_ptr_equal(other, e); /* I2 */
		if (m->dirty)
			assert_int_equal(entry_state(e) == EXPUNGED,
					 !other); /* I3 */
		else
			assert_int_not_equal(entry_state(e), EXPUNGED); /* I5 */
	}
	assert_int_equal(n, read_map(m)->count);
}

/* I4, and that len(dirty) is what dirty holds. */
static inline void
check_dirty(struct twomap *m)
{
	struct gomap_iter it = { .map = &m->dirty->map };
	gomap_key key;
	size_t n = 0;
	void *e;

	for (; gomap_next(&it, &key, &e); n++)
		assert_int_not_equal(entry_state(e), EXPUNGED); /* I4 */
	assert_int_equal(n, m->dirty->map.count);
}

/* After clear, and until the next promotion, I1 is only an implication. */
static inline void
check_cleared(struct twomap *m)
{
	if (amended(m))
		assert_non_null(m->dirty); /* I1 */
	check_read(m);
	if (m->dirty) {
		check_dirty(m);
		assert_true(m->misses == 0 ||
			    m->misses < m->dirty->map.count); /* I6 */
	} else {
		assert_int_equal(m->misses, 0); /* I6 */
	}
}

static inline void
check(struct twomap *m)
{
	assert_int_equal(amended(m), m->dirty != NULL); /* I1 */
	check_cleared(m);
}

static inline bool
stop_at_once(void *arg, gomap_key key, twomap_value value)
{
	(void)arg;
	(void)key;
	(void)value;
	return false;
}

/* What a Go program writes to force a promotion. */
static inline void
promote(struct twomap *m)
{
	twomap_range(m, stop_at_once, NULL);
}

static inline struct twomap_counters
counters(struct twomap *m)
{
	struct twomap_counters c;

	twomap_counters(m, &c);
	return c;
}

/* Wait for all that this thread retired; it holds no reference after this. */
static inline void
settle(void)
{
	twomap_thread_end();
	twomap_barrier();
	twomap_thread_begin();
}

static inline size_t
cells_in_use(struct twomap *m)
{
	struct twomap_memory memory;

	twomap_memory(m, &memory);
	return memory.cells / sizeof(uint64_t);
}

static inline int
map_setup(void **state)
{
	twomap_thread_begin();
	*state = twomap_create(0);
	return 0;
}

/* No entry and no box may be left: nothing leaked, nothing freed twice. */
static inline int
map_teardown(void **state)
{
	struct twomap *empty;
	size_t left;

	twomap_destroy(*state);
	settle();
	empty = twomap_create(0);
	left = cells_in_use(empty);
	twomap_destroy(empty);
	twomap_thread_end();
	return left ? -1 : 0;
}

#define ON_MAP(test) \
	cmocka_unit_test_setup_teardown(test, map_setup, map_teardown)

/* ----------------------------------------------------- where a test begins */

#define N 8u

static inline void
store_range(struct twomap *m, uint64_t first, uint64_t n)
{
	for (uint64_t key = first; key < first + n; key++) {
		number_store(m, key, key * 10);
		check(m);
	}
}

/* So many that a check after each takes long. */
#define MANY 1000u

/* Keys 0 to MANY - 1, each with itself, in dirty. */
static inline void
fill_many(struct twomap *m)
{
	for (uint64_t key = 0; key < MANY; key++)
		number_store(m, key, key);
}

/* Keys 0 to N - 1 in read, no dirty map. */
static inline void
fill_read(struct twomap *m)
{
	store_range(m, 0, N);
	promote(m);
	check(m);
	assert_int_equal(read_map(m)->count, N);
	assert_null(m->dirty);
}

/* The same, and key 100 in dirty alone. */
static inline void
fill_both(struct twomap *m)
{
	fill_read(m);
	store_range(m, 100, 1);
	assert_true(amended(m));
	assert_null(in_read(m, 100));
	assert_int_equal(m->dirty->map.count, N + 1);
}

/* The same, and key 0 expunged. */
static inline void
fill_expunged(struct twomap *m)
{
	fill_read(m);
	assert_true(number_delete(m, 0));
	store_range(m, 100, 1);
	assert_int_equal(key_state(m, 0), EXPUNGED);
	assert_null(in_dirty(m, 0));
}

static inline void
check_value(struct twomap *m, uint64_t key, uint64_t expected)
{
	uint64_t value;

	assert_true(number_load(m, key, &value));
	assert_int_equal(value, expected);
}

static inline void
check_absent(struct twomap *m, uint64_t key)
{
	uint64_t value = 77;

	assert_false(number_load(m, key, &value));
	assert_int_equal(value, 77);
}

/* Locked misses so far; a difference of 0 says that none was counted. */
static inline uint64_t
misses(struct twomap *m)
{
	return counters(m).locked_misses;
}

#endif

/*
 * test_twomap.c - store, load or store, in each state of an entry
 */
#include "tests/baseline/twomap_check.h"

#include <pthread.h>

/* ------------------------------------------------------------------ store */

static void
test_a_new_map_is_empty_and_not_amended(void **state)
{
	struct twomap *m = *state;

	check(m);
	assert_false(amended(m));
	assert_int_equal(read_map(m)->count, 0);
	check_absent(m, 0);
	check_absent(m, UINT64_MAX);
}

static void
test_every_key_and_every_value_is_legal(void **state)
{
	static const uint64_t word[] = { 0, 1, INT64_MAX, UINT64_MAX };
	struct twomap *m = *state;

	for (size_t i = 0; i < sizeof word / sizeof *word; i++)
		twomap_store(m, word[i], word[3 - i]);
	for (size_t i = 0; i < sizeof word / sizeof *word; i++)
		check_value(m, word[i], word[3 - i]);
	check(m);
}

/* T2 */
static void
test_store_never_counts_a_miss(void **state)
{
	struct twomap *m = *state;

	fill_both(m);
	for (unsigned i = 0; i < 1000; i++) {
		twomap_store(m, 100, i);
		check(m);
	}
	assert_int_equal(misses(m), 0);
	assert_null(in_read(m, 100));
	check_value(m, 100, 999);
}

/* T2 */
static void
test_a_map_that_is_only_stored_to_is_never_promoted(void **state)
{
	struct twomap *m = *state;

	for (unsigned i = 0; i < 1000; i++)
		twomap_store(m, i % 100, i);
	check(m);
	assert_int_equal(counters(m).promotions, 0);
	assert_int_equal(counters(m).new_keys, 100);
	assert_int_equal(read_map(m)->count, 0);
	assert_int_equal(m->dirty->map.count, 100);
}

/* T9 */
static void
test_store_revives_a_deleted_entry_of_read_in_place(void **state)
{
	struct twomap *m = *state;
	struct twomap_entry *e;

	fill_read(m);
	e = in_read(m, 3);
	twomap_delete(m, 3);
	check(m);
	assert_int_equal(key_state(m, 3), NIL);
	pthread_mutex_lock(&m->mu);
	twomap_store(m, 3, 33);
	pthread_mutex_unlock(&m->mu);
	check(m);
	assert_ptr_equal(in_read(m, 3), e);
	assert_null(m->dirty);
	check_value(m, 3, 33);
}

/* T9 */
static void
test_store_revives_a_deleted_entry_of_both_maps_in_place(void **state)
{
	struct twomap *m = *state;

	fill_both(m);
	twomap_delete(m, 3);
	check(m);
	pthread_mutex_lock(&m->mu);
	twomap_store(m, 3, 33);
	pthread_mutex_unlock(&m->mu);
	check(m);
	assert_int_equal(m->dirty->map.count, N + 1);
	check_value(m, 3, 33);
}

static void
test_store_to_an_expunged_entry_puts_it_back_into_dirty(void **state)
{
	struct twomap *m = *state;
	struct twomap_entry *e;
	uint64_t new_keys;

	fill_expunged(m);
	e = in_read(m, 0);
	new_keys = counters(m).new_keys;
	twomap_store(m, 0, 5);
	check(m);
	assert_ptr_equal(in_dirty(m, 0), e);
	assert_int_equal(key_state(m, 0), LIVE);
	assert_int_equal(counters(m).new_keys, new_keys);
	assert_int_equal(misses(m), 0);
	promote(m);
	check(m);
	check_value(m, 0, 5);
	settle();
	check_value(m, 0, 5);
}

static void *
store_to_0(void *arg)
{
	twomap_thread_begin();
	twomap_store(arg, 0, 5);
	twomap_thread_end();
	return NULL;
}

/*
 * Another thread stores while this one has the lock.  If EXPUNGED could become
 * a box without the lock, it would within the time given.
 */
static void
test_an_expunged_entry_gets_no_box_without_the_lock(void **state)
{
	struct twomap *m = *state;
	pthread_t thread;

	fill_expunged(m);
	pthread_mutex_lock(&m->mu);
	assert_int_equal(pthread_create(&thread, NULL, store_to_0, m), 0);
	for (unsigned i = 0; i < 50; i++) {
		usleep(1000);
		assert_int_equal(key_state(m, 0), EXPUNGED);
	}
	pthread_mutex_unlock(&m->mu);
	assert_int_equal(pthread_join(thread, NULL), 0);
	check(m);
	assert_int_equal(key_state(m, 0), LIVE);
	assert_non_null(in_dirty(m, 0));
}

static void
test_swap_is_store_with_the_old_value_in_every_state(void **state)
{
	struct twomap *m = *state;
	uint64_t old = 77;

	fill_expunged(m);
	assert_false(twomap_swap(m, 0, 1, &old));   /* expunged */
	assert_false(twomap_swap(m, 101, 2, &old)); /* new */
	twomap_delete(m, 1);
	assert_false(twomap_swap(m, 1, 3, &old)); /* nil */
	check(m);
	assert_int_equal(old, 77);
	assert_true(twomap_swap(m, 0, 4, &old)); /* both maps */
	assert_int_equal(old, 1);
	assert_true(twomap_swap(m, 101, 5, &old)); /* dirty alone */
	assert_int_equal(old, 2);
	check(m);
	check_value(m, 0, 4);
	check_value(m, 1, 3);
	check_value(m, 101, 5);
}

/* 1.20: CompareAndDelete leaves a dead key in dirty. */
static void
test_store_revives_a_dead_entry_of_dirty_alone(void **state)
{
	struct twomap *m = *state;
	struct twomap_entry *e;

	fill_both(m);
	e = in_dirty(m, 100);
	assert_true(twomap_compare_and_delete(m, 100, 1000));
	assert_int_equal(key_state(m, 100), NIL);
	twomap_store(m, 100, 6);
	check(m);
	assert_ptr_equal(in_dirty(m, 100), e);
	check_value(m, 100, 6);
}

/* ---------------------------------------------------------- load or store */

/* T3 */
static void
test_load_or_store_of_a_key_in_dirty_alone_counts_a_miss(void **state)
{
	struct twomap *m = *state;
	uint64_t actual;

	fill_both(m);
	assert_true(twomap_load_or_store(m, 100, 1, &actual));
	check(m);
	assert_int_equal(actual, 1000);
	assert_int_equal(m->misses, 1);
}

/* T4 */
static void
test_load_or_store_of_a_new_key_counts_no_miss(void **state)
{
	struct twomap *m = *state;
	uint64_t actual;

	fill_both(m);
	assert_false(twomap_load_or_store(m, 101, 1, &actual));
	check(m);
	assert_int_equal(actual, 1);
	assert_int_equal(m->misses, 0);
	assert_int_equal(misses(m), 0);
	assert_non_null(in_dirty(m, 101));
}

static void
test_load_or_store_of_a_key_in_read_takes_no_lock(void **state)
{
	struct twomap *m = *state;
	uint64_t actual;

	fill_both(m);
	twomap_delete(m, 1);
	pthread_mutex_lock(&m->mu);
	assert_true(twomap_load_or_store(m, 0, 1, &actual));
	assert_int_equal(actual, 0);
	assert_false(twomap_load_or_store(m, 1, 11, &actual));
	assert_int_equal(actual, 11);
	pthread_mutex_unlock(&m->mu);
	check(m);
	check_value(m, 1, 11);
}

/* T14 */
static void
test_load_or_store_of_an_expunged_key_unexpunges_and_counts_no_miss(
	void **state)
{
	struct twomap *m = *state;
	uint64_t actual;

	fill_expunged(m);
	assert_false(twomap_load_or_store(m, 0, 5, &actual));
	check(m);
	assert_int_equal(actual, 5);
	assert_int_equal(misses(m), 0);
	assert_ptr_equal(in_dirty(m, 0), in_read(m, 0));
	check_value(m, 0, 5);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		ON_MAP(test_a_new_map_is_empty_and_not_amended),
		ON_MAP(test_every_key_and_every_value_is_legal),
		ON_MAP(test_store_never_counts_a_miss),
		ON_MAP(test_a_map_that_is_only_stored_to_is_never_promoted),
		ON_MAP(test_store_revives_a_deleted_entry_of_read_in_place),
		ON_MAP(test_store_revives_a_deleted_entry_of_both_maps_in_place),
		ON_MAP(test_store_to_an_expunged_entry_puts_it_back_into_dirty),
		ON_MAP(test_an_expunged_entry_gets_no_box_without_the_lock),
		ON_MAP(test_swap_is_store_with_the_old_value_in_every_state),
		ON_MAP(test_store_revives_a_dead_entry_of_dirty_alone),
		ON_MAP(test_load_or_store_of_a_key_in_dirty_alone_counts_a_miss),
		ON_MAP(test_load_or_store_of_a_new_key_counts_no_miss),
		ON_MAP(test_load_or_store_of_a_key_in_read_takes_no_lock),
		ON_MAP(test_load_or_store_of_an_expunged_key_unexpunges_and_counts_no_miss),
	};

	alarm(TEST_SECONDS);
	return cmocka_run_group_tests_name("twomap", tests, NULL, NULL);
}

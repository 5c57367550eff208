/*
 * test_twomap_delete.c - delete; compare and swap, and delete
 */
#include "tests/baseline/twomap_check.h"

/* ----------------------------------------------------------------- delete */

/* T8 */
static void
test_delete_in_read_takes_no_lock_and_keeps_the_slot(void **state)
{
	struct twomap *m = *state;
	uint64_t old;

	fill_read(m);
	pthread_mutex_lock(&m->mu);
	assert_true(twomap_load_and_delete(m, 4, &old));
	pthread_mutex_unlock(&m->mu);
	check(m);
	assert_int_equal(old, 40);
	assert_int_equal(read_map(m)->count, N);
	assert_int_equal(key_state(m, 4), NIL);
	assert_int_equal(misses(m), 0);
}

/* T12 */
static void
test_delete_of_a_dead_key_of_read_says_false_and_counts_no_miss(void **state)
{
	struct twomap *m = *state;
	uint64_t old = 77;

	fill_expunged(m);
	twomap_delete(m, 1);
	pthread_mutex_lock(&m->mu);
	assert_false(twomap_load_and_delete(m, 0, &old)); /* expunged */
	assert_false(twomap_delete(m, 1));		  /* nil */
	pthread_mutex_unlock(&m->mu);
	check(m);
	assert_int_equal(old, 77);
	assert_int_equal(misses(m), 0);
	assert_int_equal(key_state(m, 0), EXPUNGED);
}

/* T15 */
static void
test_delete_of_a_key_in_both_maps_keeps_its_slot_in_dirty(void **state)
{
	struct twomap *m = *state;

	fill_both(m);
	assert_true(twomap_delete(m, 2));
	check(m);
	assert_int_equal(m->dirty->map.count, N + 1);
	assert_int_equal(entry_state(in_read(m, 2)), NIL);
	assert_int_equal(entry_state(in_dirty(m, 2)), NIL);
}

/* T16 */
static void
test_delete_of_a_key_in_dirty_alone_removes_it_and_counts_a_miss(void **state)
{
	struct twomap *m = *state;
	struct twomap_entry *e;
	uint64_t old;

	fill_both(m);
	e = in_dirty(m, 100);
	assert_true(twomap_load_and_delete(m, 100, &old));
	check(m);
	assert_int_equal(old, 1000);
	assert_int_equal(m->dirty->map.count, N);
	assert_int_equal(m->misses, 1);
	assert_int_equal(key_state(m, 100), NOWHERE);
	/* Retired, but this thread has not been quiescent since. */
	assert_int_equal(entry_state(e), NIL);
	assert_false(twomap_delete(m, 100));
	assert_int_equal(m->misses, 2);
}

static void
test_delete_of_an_absent_key_on_an_unamended_map_takes_no_lock(void **state)
{
	struct twomap *m = *state;

	fill_read(m);
	pthread_mutex_lock(&m->mu);
	assert_false(twomap_delete(m, 500));
	pthread_mutex_unlock(&m->mu);
	check(m);
}

/* ---------------------------------------------------------------- compare */

static void
test_compare_and_swap_in_read_wants_the_value_and_no_lock(void **state)
{
	struct twomap *m = *state;

	fill_expunged(m);
	twomap_delete(m, 1);
	pthread_mutex_lock(&m->mu);
	assert_true(twomap_compare_and_swap(m, 2, 20, 21));
	assert_false(twomap_compare_and_swap(m, 2, 20, 22));
	assert_false(twomap_compare_and_swap(m, 0, 0, 1));  /* expunged */
	assert_false(twomap_compare_and_swap(m, 1, 10, 1)); /* nil */
	pthread_mutex_unlock(&m->mu);
	check(m);
	check_value(m, 2, 21);
	assert_int_equal(key_state(m, 0), EXPUNGED);
	assert_int_equal(key_state(m, 1), NIL);
	assert_int_equal(misses(m), 0);
}

static void
test_compare_and_swap_of_an_absent_key_never_counts_a_miss(void **state)
{
	struct twomap *m = *state;

	fill_read(m);
	pthread_mutex_lock(&m->mu);
	assert_false(twomap_compare_and_swap(m, 500, 0, 1));
	pthread_mutex_unlock(&m->mu);
	store_range(m, 100, 1);
	assert_false(twomap_compare_and_swap(m, 500, 0, 1));
	check(m);
	assert_int_equal(misses(m), 0);
	check_absent(m, 500);
}

static void
test_compare_and_swap_in_dirty_alone_counts_a_miss_either_way(void **state)
{
	struct twomap *m = *state;

	fill_both(m);
	assert_true(twomap_compare_and_swap(m, 100, 1000, 1001));
	check(m);
	assert_int_equal(m->misses, 1);
	assert_false(twomap_compare_and_swap(m, 100, 1000, 1002));
	check(m);
	assert_int_equal(m->misses, 2);
	check_value(m, 100, 1001);
}

static void
test_compare_and_delete_in_read_wants_the_value_and_no_lock(void **state)
{
	struct twomap *m = *state;

	fill_expunged(m);
	pthread_mutex_lock(&m->mu);
	assert_false(twomap_compare_and_delete(m, 2, 19));
	assert_true(twomap_compare_and_delete(m, 2, 20));
	assert_false(twomap_compare_and_delete(m, 2, 20));
	assert_false(twomap_compare_and_delete(m, 0, 0));
	pthread_mutex_unlock(&m->mu);
	check(m);
	assert_int_equal(key_state(m, 2), NIL);
	assert_int_equal(misses(m), 0);
}

static void
test_compare_and_delete_leaves_the_dead_key_in_dirty(void **state)
{
	struct twomap *m = *state;

	fill_both(m);
	assert_false(twomap_compare_and_delete(m, 100, 1));
	assert_int_equal(m->misses, 1);
	assert_true(twomap_compare_and_delete(m, 100, 1000));
	check(m);
	assert_int_equal(m->misses, 2);
	assert_int_equal(entry_state(in_dirty(m, 100)), NIL);
	assert_int_equal(m->dirty->map.count, N + 1);
	promote(m);
	assert_int_equal(entry_state(in_read(m, 100)), NIL);
	store_range(m, 101, 1);
	assert_int_equal(key_state(m, 100), EXPUNGED);
	promote(m);
	check(m);
	assert_int_equal(key_state(m, 100), NOWHERE);
}

static void
test_compare_and_delete_of_an_absent_key_counts_a_miss_if_amended(void **state)
{
	struct twomap *m = *state;

	fill_read(m);
	pthread_mutex_lock(&m->mu);
	assert_false(twomap_compare_and_delete(m, 500, 0));
	pthread_mutex_unlock(&m->mu);
	store_range(m, 100, 1);
	assert_false(twomap_compare_and_delete(m, 500, 0));
	check(m);
	assert_int_equal(m->misses, 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		ON_MAP(test_delete_in_read_takes_no_lock_and_keeps_the_slot),
		ON_MAP(test_delete_of_a_dead_key_of_read_says_false_and_counts_no_miss),
		ON_MAP(test_delete_of_a_key_in_both_maps_keeps_its_slot_in_dirty),
		ON_MAP(test_delete_of_a_key_in_dirty_alone_removes_it_and_counts_a_miss),
		ON_MAP(test_delete_of_an_absent_key_on_an_unamended_map_takes_no_lock),
		ON_MAP(test_compare_and_swap_in_read_wants_the_value_and_no_lock),
		ON_MAP(test_compare_and_swap_of_an_absent_key_never_counts_a_miss),
		ON_MAP(test_compare_and_swap_in_dirty_alone_counts_a_miss_either_way),
		ON_MAP(test_compare_and_delete_in_read_wants_the_value_and_no_lock),
		ON_MAP(test_compare_and_delete_leaves_the_dead_key_in_dirty),
		ON_MAP(test_compare_and_delete_of_an_absent_key_counts_a_miss_if_amended),
	};

	alarm(TEST_SECONDS);
	return cmocka_run_group_tests_name("twomap_delete", tests, NULL, NULL);
}

/*
 * test_twomap_dead.c - what becomes of dead entries, and when they are freed
 *
 * The copy that expunges, the promotion that drops, compare and clear; T
 * numbers as in test_twomap.c.
 */
#include "tests/baseline/twomap_check.h"

/* ---------------------------------------------- the copy, and dead entries */

static void
test_the_copy_shares_live_entries_and_expunges_dead_ones(void **state)
{
	struct twomap *m = *state;

	fill_read(m);
	twomap_delete(m, 0);
	twomap_delete(m, 1);
	check(m);
	store_range(m, 100, 2);
	for (uint64_t key = 2; key < N; key++)
		assert_ptr_equal(in_dirty(m, key), in_read(m, key));
	assert_int_equal(key_state(m, 0), EXPUNGED);
	assert_int_equal(key_state(m, 1), EXPUNGED);
	assert_int_equal(counters(m).copies, 2);
	assert_int_equal(counters(m).copied, N - 2);
	assert_int_equal(counters(m).expunged, 2);
	promote(m);
	check(m);
	assert_int_equal(key_state(m, 0), NOWHERE);
}

/* T17, T19 */
static void
test_a_key_deleted_while_dirty_exists_stays_one_promotion_longer(void **state)
{
	struct twomap *m = *state;

	fill_both(m);
	twomap_delete(m, 0);
	promote(m);
	check(m);
	assert_int_equal(key_state(m, 0), NIL);
	store_range(m, 101, 1); /* the copy expunges it */
	assert_int_equal(key_state(m, 0), EXPUNGED);
	promote(m); /* and this drops it */
	check(m);
	assert_int_equal(key_state(m, 0), NOWHERE);
	settle();
	assert_int_equal(cells_in_use(m), 2 * (N + 1));
}

/* T21 */
static void
test_the_copy_has_room_for_the_dead_keys_too(void **state)
{
	struct twomap *m = *state;

	for (uint64_t key = 0; key < 1000; key++)
		twomap_store(m, key, key);
	promote(m);
	for (uint64_t key = 0; key < 1000; key++)
		twomap_delete(m, key);
	check(m);
	store_range(m, 5000, 1);
	assert_int_equal(m->dirty->map.count, 1);
	assert_int_equal(m->dirty->map.B, 8); /* as make(map, 1000) */
}

/* T22 */
static void
test_the_room_for_dead_keys_goes_with_the_second_copy(void **state)
{
	struct twomap *m = *state;

	for (uint64_t key = 0; key < 1000; key++)
		twomap_store(m, key, key);
	promote(m);
	for (uint64_t key = 0; key < 1000; key++)
		twomap_delete(m, key);
	store_range(m, 5000, 1); /* copy 1 expunges */
	promote(m);		 /* promotion 1 frees keys and entries */
	settle();
	assert_int_equal(read_map(m)->count, 1);
	assert_int_equal(cells_in_use(m), 2);
	assert_int_equal(read_map(m)->B, 8); /* but not the buckets */
	store_range(m, 5001, 1);	     /* copy 2 */
	promote(m);			     /* promotion 2 */
	assert_int_equal(read_map(m)->B, 0);
	check(m);
}

/* Dead and revived before its table is retired: it is not dropped. */
static void
test_an_entry_revived_after_the_copy_survives_the_promotion(void **state)
{
	struct twomap *m = *state;

	fill_expunged(m);
	twomap_store(m, 0, 5);
	promote(m);
	twomap_delete(m, 0);
	store_range(m, 101, 1); /* expunged again, in the next table */
	settle();		/* the first table is reclaimed now */
	assert_int_equal(key_state(m, 0), EXPUNGED);
	twomap_store(m, 0, 6);
	promote(m);
	settle();
	check_value(m, 0, 6);
	assert_int_equal(cells_in_use(m), 2 * (N + 2));
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

/* ------------------------------------------------------------------ clear */

static void
test_clear_of_an_empty_map_takes_no_lock(void **state)
{
	struct twomap *m = *state;

	pthread_mutex_lock(&m->mu);
	twomap_clear(m);
	pthread_mutex_unlock(&m->mu);
	check(m);
}

static void
test_clear_empties_both_maps_and_frees_each_entry_once(void **state)
{
	struct twomap *m = *state;

	fill_expunged(m); /* in read, in both, in dirty alone, expunged */
	twomap_delete(m, 1);
	twomap_clear(m);
	check_cleared(m);
	for (uint64_t key = 0; key <= 100; key++)
		check_absent(m, key);
	settle();
	assert_int_equal(cells_in_use(m), 0);
}

static void
test_clear_leaves_an_empty_dirty_map_of_the_same_size(void **state)
{
	struct twomap *m = *state;
	uint8_t B;

	for (uint64_t key = 0; key < 1000; key++)
		twomap_store(m, key, key);
	B = m->dirty->map.B;
	check_absent(m, 5000);
	assert_int_equal(m->misses, 1);
	twomap_clear(m);
	check_cleared(m);
	assert_false(amended(m));
	assert_int_equal(m->misses, 0);
	assert_int_equal(m->dirty->map.count, 0);
	assert_int_equal(m->dirty->map.B, B);
}

static void
test_a_new_key_after_clear_copies_nothing(void **state)
{
	struct twomap *m = *state;
	uint64_t copies;

	fill_both(m);
	twomap_clear(m);
	check_cleared(m);
	copies = counters(m).copies;
	twomap_store(m, 1, 11);
	check(m); /* amended again, so I1 holds in full */
	assert_int_equal(counters(m).copies, copies);
	check_value(m, 1, 11); /* a miss, 1 >= 1: promoted */
	check(m);
	assert_false(amended(m));
	check_value(m, 1, 11);
}

static void
test_clear_of_an_unamended_map_makes_no_dirty_map(void **state)
{
	struct twomap *m = *state;

	fill_read(m);
	twomap_clear(m);
	check(m);
	assert_null(m->dirty);
	check_absent(m, 0);
	settle();
	assert_int_equal(cells_in_use(m), 0);
}

/* ------------------------------------------------------------ reclamation */

static void
test_a_live_key_takes_one_entry_and_one_box(void **state)
{
	struct twomap *m = *state;

	for (uint64_t key = 0; key < 1000; key++)
		twomap_store(m, key, key);
	assert_int_equal(cells_in_use(m), 2000);
	for (uint64_t i = 0; i < 10000; i++) {
		twomap_store(m, i % 1000, i);
		if (i % 64 == 0)
			twomap_quiescent();
	}
	settle();
	assert_int_equal(cells_in_use(m), 2000);
}

static void
test_replaced_boxes_are_used_again(void **state)
{
	struct twomap *m = *state;
	struct twomap_memory before, after;

	twomap_store(m, 1, 1);
	promote(m);
	twomap_memory(m, &before);
	for (unsigned round = 0; round < 20; round++) {
		for (unsigned i = 0; i < 5000; i++)
			twomap_store(m, 1, i);
		twomap_quiescent();
		twomap_barrier();
	}
	twomap_memory(m, &after);
	/* 100000 boxes were taken; room for 2 * 5000 and a slab is plenty. */
	assert_true(after.held - before.held < 2 * 5000 * 8 * 5 / 4 + 70000);
}

static void
test_the_old_read_map_is_freed_after_a_promotion(void **state)
{
	struct twomap *m = *state;
	struct twomap_memory both, one;

	for (uint64_t key = 0; key < 1000; key++)
		twomap_store(m, key, key);
	promote(m);
	store_range(m, 5000, 1);
	twomap_memory(m, &both);
	promote(m);
	settle();
	twomap_memory(m, &one);
	assert_true(both.tables > one.tables + 256 * 144);
	assert_int_equal(m->retired_bytes, 0);
}

/* 2 s at most; the worker of call_rcu() looks every 10 ms. */
static void
test_quiescent_states_are_all_that_reclaiming_waits_for(void **state)
{
	struct twomap *m = *state;

	fill_both(m);
	promote(m);
	usleep(50000);
	assert_true(m->retired_bytes > 0);
	for (unsigned i = 0; i < 2000 && m->retired_bytes; i++) {
		twomap_quiescent();
		usleep(1000);
	}
	assert_int_equal(m->retired_bytes, 0);
}

struct seen {
	struct twomap *map;
	uint64_t n;
};

/* Promote three maps over the one that is being walked, and wait. */
static bool
linger(void *arg, uint64_t key, uint64_t value)
{
	struct seen *seen = arg;
	size_t retired;

	assert_int_equal(value, key * 10);
	if (seen->n++)
		return true;
	for (uint64_t round = 0; round < 3; round++) {
		twomap_store(seen->map, 1000 + round, 0);
		promote(seen->map);
	}
	retired = seen->map->retired_bytes;
	assert_true(retired > 0);
	usleep(50000); /* reclaiming takes 10 ms when nothing stops it */
	assert_int_equal(seen->map->retired_bytes, retired);
	return true;
}

static void
test_a_range_that_runs_keeps_its_read_map(void **state)
{
	struct seen seen = { .map = *state };
	struct twomap *m = *state;

	fill_read(m);
	twomap_range(m, linger, &seen);
	assert_int_equal(seen.n, N);
	check(m);
	settle();
	assert_int_equal(m->retired_bytes, 0);
}

static void
test_a_map_told_so_keeps_its_garbage(void **state)
{
	struct twomap *m;
	size_t before;

	before = cells_in_use(*state);
	m = twomap_create(TWOMAP_KEEP_GARBAGE);
	for (unsigned i = 0; i < 1000; i++)
		twomap_store(m, 1, i);
	check_value(m, 1, 999);
	settle();
	assert_int_equal(cells_in_use(m) - before, 1001);
	twomap_destroy(m);
	assert_int_equal(cells_in_use(*state) - before, 999);
}

/* The garbage kept stays in use for good. */
static int
map_teardown_with_garbage(void **state)
{
	twomap_destroy(*state);
	twomap_thread_end();
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		ON_MAP(test_the_copy_shares_live_entries_and_expunges_dead_ones),
		ON_MAP(test_a_key_deleted_while_dirty_exists_stays_one_promotion_longer),
		ON_MAP(test_the_copy_has_room_for_the_dead_keys_too),
		ON_MAP(test_the_room_for_dead_keys_goes_with_the_second_copy),
		ON_MAP(test_an_entry_revived_after_the_copy_survives_the_promotion),
		ON_MAP(test_compare_and_swap_in_read_wants_the_value_and_no_lock),
		ON_MAP(test_compare_and_swap_of_an_absent_key_never_counts_a_miss),
		ON_MAP(test_compare_and_swap_in_dirty_alone_counts_a_miss_either_way),
		ON_MAP(test_compare_and_delete_in_read_wants_the_value_and_no_lock),
		ON_MAP(test_compare_and_delete_leaves_the_dead_key_in_dirty),
		ON_MAP(test_compare_and_delete_of_an_absent_key_counts_a_miss_if_amended),
		ON_MAP(test_clear_of_an_empty_map_takes_no_lock),
		ON_MAP(test_clear_empties_both_maps_and_frees_each_entry_once),
		ON_MAP(test_clear_leaves_an_empty_dirty_map_of_the_same_size),
		ON_MAP(test_a_new_key_after_clear_copies_nothing),
		ON_MAP(test_clear_of_an_unamended_map_makes_no_dirty_map),
		ON_MAP(test_a_live_key_takes_one_entry_and_one_box),
		ON_MAP(test_replaced_boxes_are_used_again),
		ON_MAP(test_the_old_read_map_is_freed_after_a_promotion),
		ON_MAP(test_quiescent_states_are_all_that_reclaiming_waits_for),
		ON_MAP(test_a_range_that_runs_keeps_its_read_map),
		/* Last: what it keeps, the others would find. */
		cmocka_unit_test_setup_teardown(
			test_a_map_told_so_keeps_its_garbage, map_setup,
			map_teardown_with_garbage),
	};

	alarm(TEST_SECONDS);
	return cmocka_run_group_tests_name("twomap_dead", tests, NULL, NULL);
}

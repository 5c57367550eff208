/*
 * test_twomap_dead.c - the copy that expunges, dead entries, clear
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

/* Keys 0 to MANY - 1 in read, all dead. */
static void
fill_dead(struct twomap *m)
{
	fill_many(m);
	promote(m);
	for (uint64_t key = 0; key < MANY; key++)
		twomap_delete(m, key);
}

/* T21 */
static void
test_the_copy_has_room_for_the_dead_keys_too(void **state)
{
	struct twomap *m = *state;

	fill_dead(m);
	check(m);
	store_range(m, 5000, 1);
	assert_int_equal(m->dirty->map.count, 1);
	assert_int_equal(m->dirty->map.B, 8); /* as make(map, MANY) */
}

/* T22 */
static void
test_the_room_for_dead_keys_goes_with_the_second_copy(void **state)
{
	struct twomap *m = *state;

	fill_dead(m);
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

	fill_many(m);
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

int
main(void)
{
	const struct CMUnitTest tests[] = {
		ON_MAP(test_the_copy_shares_live_entries_and_expunges_dead_ones),
		ON_MAP(test_a_key_deleted_while_dirty_exists_stays_one_promotion_longer),
		ON_MAP(test_the_copy_has_room_for_the_dead_keys_too),
		ON_MAP(test_the_room_for_dead_keys_goes_with_the_second_copy),
		ON_MAP(test_an_entry_revived_after_the_copy_survives_the_promotion),
		ON_MAP(test_clear_of_an_empty_map_takes_no_lock),
		ON_MAP(test_clear_empties_both_maps_and_frees_each_entry_once),
		ON_MAP(test_clear_leaves_an_empty_dirty_map_of_the_same_size),
		ON_MAP(test_a_new_key_after_clear_copies_nothing),
		ON_MAP(test_clear_of_an_unamended_map_makes_no_dirty_map),
	};

	alarm(TEST_SECONDS);
	return cmocka_run_group_tests_name("twomap_dead", tests, NULL, NULL);
}

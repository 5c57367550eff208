/*
 * test_twomap_free.c - when entries, boxes and tables are freed
 */
#include "tests/baseline/twomap_check.h"

static void
test_a_live_key_takes_one_entry_and_one_box(void **state)
{
	struct twomap *m = *state;

	fill_many(m);
	assert_int_equal(cells_in_use(m), 2 * MANY);
	for (uint64_t i = 0; i < 10000; i++) {
		twomap_store(m, i % MANY, i);
		if (i % 64 == 0)
			twomap_quiescent();
	}
	settle();
	assert_int_equal(cells_in_use(m), 2 * MANY);
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

	fill_many(m);
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
	return cmocka_run_group_tests_name("twomap_free", tests, NULL, NULL);
}

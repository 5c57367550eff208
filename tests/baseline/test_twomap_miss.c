/*
 * test_twomap_miss.c - misses, and the promotion they lead to; range
 */
#include "tests/baseline/twomap_check.h"

/* ------------------------------------------------------- misses, promotion */

/* T5 */
static void
test_as_many_misses_as_dirty_has_keys_promote(void **state)
{
	struct twomap *m = *state;

	fill_both(m);
	for (unsigned i = 1; i < N + 1; i++) {
		check_value(m, 100, 1000);
		check(m);
		assert_int_equal(m->misses, i);
		assert_true(amended(m));
	}
	check_value(m, 100, 1000);
	check(m);
	assert_false(amended(m));
	assert_null(m->dirty);
	assert_non_null(in_read(m, 100));
	assert_int_equal(misses(m), N + 1);
}

/* T5 */
static void
test_a_load_that_finds_nothing_in_dirty_counts_too(void **state)
{
	struct twomap *m = *state;

	fill_both(m);
	for (unsigned i = 0; i < N + 1; i++) {
		check_absent(m, 500);
		check(m);
	}
	assert_int_equal(counters(m).promotions, 2);
	assert_false(amended(m));
}

/* T6 */
static void
test_dead_keys_of_dirty_count_in_its_length(void **state)
{
	struct twomap *m = *state;

	fill_both(m);
	for (uint64_t key = 0; key < N; key++)
		twomap_delete(m, key);
	check(m);
	assert_int_equal(m->dirty->map.count, N + 1);
	for (unsigned i = 0; i < N; i++)
		check_value(m, 100, 1000);
	assert_true(amended(m));
	check_value(m, 100, 1000);
	assert_false(amended(m));
	check(m);
}

/* T7 */
static void
test_load_of_an_absent_key_on_an_unamended_map_takes_no_lock(void **state)
{
	struct twomap *m = *state;

	fill_read(m);
	pthread_mutex_lock(&m->mu);
	for (unsigned i = 0; i < 100; i++)
		check_absent(m, 500);
	pthread_mutex_unlock(&m->mu);
	check(m);
	assert_int_equal(misses(m), 0);
}

/* T11 */
static void
test_load_of_a_dead_key_of_read_takes_no_lock_even_if_amended(void **state)
{
	struct twomap *m = *state;

	fill_expunged(m);
	twomap_delete(m, 1);
	pthread_mutex_lock(&m->mu);
	check_absent(m, 0); /* expunged */
	check_absent(m, 1); /* nil */
	pthread_mutex_unlock(&m->mu);
	check(m);
	assert_int_equal(misses(m), 0);
}

static void
test_load_of_a_key_of_read_takes_no_lock(void **state)
{
	struct twomap *m = *state;

	fill_both(m);
	pthread_mutex_lock(&m->mu);
	check_value(m, 1, 10);
	pthread_mutex_unlock(&m->mu);
}

/* T20 */
static void
test_the_first_miss_on_an_empty_dirty_map_promotes(void **state)
{
	struct twomap *m = *state;

	store_range(m, 0, 1);
	assert_true(amended(m));
	assert_true(twomap_delete(m, 0)); /* leaves dirty empty: 1 >= 0 */
	check(m);
	assert_false(amended(m));
	assert_int_equal(read_map(m)->count, 0);
	assert_int_equal(misses(m), 1);
	assert_int_equal(counters(m).promotions, 1);
}

/* ------------------------------------------------------------------ range */

/* T17 */
static void
test_range_promotes_at_once_and_counts_no_miss(void **state)
{
	struct twomap *m = *state;

	fill_both(m);
	promote(m);
	check(m);
	assert_false(amended(m));
	assert_null(m->dirty);
	assert_non_null(in_read(m, 100));
	assert_int_equal(counters(m).promotions, 2);
	assert_int_equal(misses(m), 0);
}

static void
test_range_on_an_unamended_map_takes_no_lock(void **state)
{
	struct twomap *m = *state;

	fill_read(m);
	pthread_mutex_lock(&m->mu);
	promote(m);
	pthread_mutex_unlock(&m->mu);
	assert_int_equal(counters(m).promotions, 1);
}

struct seen {
	struct twomap *map;
	uint64_t n, sum;
	bool stop;
};

static bool
see(void *arg, uint64_t key, uint64_t value)
{
	struct seen *seen = arg;

	assert_int_equal(value, key * 10);
	seen->n++;
	seen->sum += key;
	return !seen->stop;
}

static void
test_range_shows_what_is_live_once(void **state)
{
	struct seen seen = { .n = 0 };
	struct twomap *m = *state;

	fill_expunged(m); /* 1 to 7 and 100 are live */
	twomap_delete(m, 1);
	twomap_range(m, see, &seen);
	assert_int_equal(seen.n, N - 2 + 1);
	assert_int_equal(seen.sum, N * (N - 1) / 2 - 1 + 100);
	seen = (struct seen){ .stop = true };
	twomap_range(m, see, &seen);
	assert_int_equal(seen.n, 1);
}

/* Delete the key, put two new ones and promote, all inside a range. */
static bool
disturb(void *arg, uint64_t key, uint64_t value)
{
	struct seen *seen = arg;

	(void)value;
	assert_true(key < N);
	assert_true(twomap_delete(seen->map, key));
	twomap_store(seen->map, 1000 + key, 1);
	promote(seen->map);
	seen->n++;
	return true;
}

static void
test_every_operation_may_be_called_inside_range(void **state)
{
	struct seen seen = { .map = *state };
	struct twomap *m = *state;

	fill_read(m);
	twomap_range(m, disturb, &seen);
	check(m);
	assert_int_equal(seen.n, N);
	for (uint64_t key = 0; key < N; key++) {
		check_absent(m, key);
		check_value(m, 1000 + key, 1);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		ON_MAP(test_as_many_misses_as_dirty_has_keys_promote),
		ON_MAP(test_a_load_that_finds_nothing_in_dirty_counts_too),
		ON_MAP(test_dead_keys_of_dirty_count_in_its_length),
		ON_MAP(test_load_of_an_absent_key_on_an_unamended_map_takes_no_lock),
		ON_MAP(test_load_of_a_dead_key_of_read_takes_no_lock_even_if_amended),
		ON_MAP(test_load_of_a_key_of_read_takes_no_lock),
		ON_MAP(test_the_first_miss_on_an_empty_dirty_map_promotes),
		ON_MAP(test_range_promotes_at_once_and_counts_no_miss),
		ON_MAP(test_range_on_an_unamended_map_takes_no_lock),
		ON_MAP(test_range_shows_what_is_live_once),
		ON_MAP(test_every_operation_may_be_called_inside_range),
	};

	alarm(TEST_SECONDS);
	return cmocka_run_group_tests_name("twomap_miss", tests, NULL, NULL);
}

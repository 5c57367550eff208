/*
 * test_gomap_grow.c - when Go's bucket map grows, and how
 */
#include "tests/baseline/gomap_fixture.h"

/* 8 fit into one bucket; after that 6.5 times the buckets do. */
static void
test_the_array_doubles_when_a_pair_exceeds_the_load_of_6_5(void **state)
{
	struct gomap m;
	uint64_t grows;

	(void)state;
	gomap_init(&m, 0);
	for (uint64_t n = 0; n < KEYS; n++) {
		bool over = n + 1 > 8 && 2 * (n + 1) > 13u << m.B;
		uint8_t B = m.B;

		assert_true(!m.old || !over);
		grows = m.grows;
		gomap_set(&m, n, elem_of(n));
		assert_int_equal(m.grows - grows, over);
		assert_int_equal(m.B, B + over);
	}
	assert_int_equal(m.B, 12);
	check_has(&m, 0, KEYS);
	gomap_fini(&m);
}

static void
test_the_new_array_is_allocated_at_once(void **state)
{
	struct gomap m;
	uint64_t n = 0;

	(void)state;
	gomap_init(&m, 0);
	while (m.B < 10)
		gomap_set(&m, n, elem_of(n)), n++;
	assert_non_null(m.old);
	assert_int_equal(m.same_size, false);
	assert_true(m.bytes >= ARRAY_BYTES(10) + ARRAY_BYTES(9));
	gomap_fini(&m);
}

static void
test_a_write_moves_at_most_two_old_buckets_and_at_least_one(void **state)
{
	struct gomap m;
	size_t before, after;
	unsigned writes = 0;

	(void)state;
	gomap_init(&m, 0);
	for (uint64_t n = 0; n < KEYS; n++) {
		before = moved_buckets(&m);
		gomap_set(&m, n, elem_of(n));
		after = moved_buckets(&m);
		if (!m.old || after < before)
			continue;
		assert_in_range(after - before, 1, 2);
		writes++;
	}
	assert_true(writes > 1000);
	gomap_fini(&m);
}

static void
test_deletes_move_old_buckets_too(void **state)
{
	struct gomap m;
	uint64_t n;

	(void)state;
	gomap_init(&m, 0);
	n = stop_in_growth(&m);
	for (uint64_t key = 0; m.old; key++)
		gomap_remove(&m, key);
	assert_true(m.count > 0 && m.count < n);
	check_has(&m, n - m.count, m.count);
	gomap_fini(&m);
}

static void
test_a_map_in_the_middle_of_a_growth_finds_all_it_has(void **state)
{
	struct gomap m;
	uint64_t n;

	(void)state;
	gomap_init(&m, 0);
	n = stop_in_growth(&m);
	check_has(&m, 0, n);
	assert_null(gomap_get(&m, n));
	gomap_fini(&m);
}

static void
test_a_walk_shows_each_pair_once_in_any_state_of_growth(void **state)
{
	struct gomap m;
	unsigned growing = 0;

	(void)state;
	gomap_init(&m, 0);
	check_walk(&m);
	for (uint64_t n = 0; n < 1500; n++) {
		gomap_set(&m, n, elem_of(n));
		check_walk(&m);
		growing += m.old != NULL;
	}
	assert_true(growing > 100);
	gomap_fini(&m);
}

/* Give each bucket an overflow bucket, and then take the pairs out again. */
static void
litter(struct gomap *m)
{
	uint64_t key[9], from = KEYS;
	unsigned n;

	for (size_t bucket = 0; bucket <= m->mask; bucket++) {
		for (n = 0; chain_length(m, bucket) < 2; n++) {
			key[n] = next_colliding(m, bucket, &from);
			gomap_set(m, key[n], elem_of(n));
		}
		while (n)
			gomap_remove(m, key[--n]);
	}
}

static void
test_as_many_overflows_as_buckets_cause_a_growth_at_equal_size(void **state)
{
	struct gomap m;
	size_t bytes;

	(void)state;
	gomap_init(&m, 100);
	assert_int_equal(m.B, 4);
	insert(&m, 0, 1); /* so that the map never gets empty */
	litter(&m);
	assert_int_equal(m.overflows, 16);
	assert_int_equal(m.same_size_grows, 0);
	bytes = m.bytes;
	insert(&m, 1, 1);
	assert_int_equal(m.same_size_grows, 1);
	assert_true(m.same_size);
	check_walk(&m);
	insert(&m, 2, 40);
	assert_null(m.old);
	assert_int_equal(m.B, 4);
	assert_int_equal(m.grows, 0);
	assert_true(m.overflows < 16);
	assert_true(m.bytes < bytes);
	check_has(&m, 0, 42);
	gomap_fini(&m);
}

static void
test_deletes_free_no_bucket_and_never_shrink_the_array(void **state)
{
	struct gomap m;
	size_t bytes;
	uint8_t B;

	(void)state;
	gomap_init(&m, 0);
	insert(&m, 0, KEYS);
	assert_null(m.old);
	bytes = m.bytes;
	B = m.B;
	for (uint64_t key = 0; key < KEYS; key++)
		assert_ptr_equal(gomap_remove(&m, key), elem_of(key));
	assert_int_equal(m.count, 0);
	assert_int_equal(m.bytes, bytes);
	assert_int_equal(m.B, B);
	insert(&m, 0, 100);
	assert_int_equal(m.B, B);
	check_walk(&m);
	gomap_fini(&m);
}

static void
test_a_hint_makes_the_array_that_so_many_pairs_need(void **state)
{
	static const struct {
		size_t hint;
		unsigned B;
	} row[] = { { 0, 0 },	 { 8, 0 },	{ 9, 1 },	 { 13, 1 },
		    { 14, 2 },	 { 26, 2 },	{ 27, 3 },	 { 1664, 8 },
		    { 1665, 9 }, { 10000, 11 }, { 1u << 20, 18 } };
	struct gomap m;

	(void)state;
	for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
		gomap_init(&m, row[i].hint);
		assert_int_equal(m.B, row[i].B);
		assert_true(m.B == 0 || m.bytes >= 144u << m.B);
		gomap_fini(&m);
	}
}

static void
test_a_map_with_a_hint_does_not_grow_up_to_it(void **state)
{
	struct gomap m;

	(void)state;
	gomap_init(&m, KEYS);
	insert(&m, 0, KEYS);
	assert_int_equal(m.grows + m.same_size_grows, 0);
	check_has(&m, 0, KEYS);
	gomap_fini(&m);
}

static void
test_an_absurd_hint_is_ignored(void **state)
{
	struct gomap m;

	(void)state;
	gomap_init(&m, SIZE_MAX);
	assert_int_equal(m.B, 0);
	assert_int_equal(m.bytes, 0);
	gomap_fini(&m);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			test_the_array_doubles_when_a_pair_exceeds_the_load_of_6_5),
		cmocka_unit_test(test_the_new_array_is_allocated_at_once),
		cmocka_unit_test(
			test_a_write_moves_at_most_two_old_buckets_and_at_least_one),
		cmocka_unit_test(test_deletes_move_old_buckets_too),
		cmocka_unit_test(
			test_a_map_in_the_middle_of_a_growth_finds_all_it_has),
		cmocka_unit_test(
			test_a_walk_shows_each_pair_once_in_any_state_of_growth),
		cmocka_unit_test(
			test_as_many_overflows_as_buckets_cause_a_growth_at_equal_size),
		cmocka_unit_test(
			test_deletes_free_no_bucket_and_never_shrink_the_array),
		cmocka_unit_test(
			test_a_hint_makes_the_array_that_so_many_pairs_need),
		cmocka_unit_test(test_a_map_with_a_hint_does_not_grow_up_to_it),
		cmocka_unit_test(test_an_absurd_hint_is_ignored),
	};

	alarm(TEST_SECONDS);
	return cmocka_run_group_tests_name("gomap_grow", tests, NULL, NULL);
}

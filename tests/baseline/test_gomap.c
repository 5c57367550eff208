/*
 * test_gomap.c - the model of Go's bucket map keeps Go's rules
 */
#include "tests/baseline/gomap_fixture.h"

#include <pthread.h>

static void
test_an_empty_map_has_no_bucket_and_finds_nothing(void **state)
{
	struct gomap m;

	(void)state;
	gomap_init(&m, 0);
	assert_null(gomap_get(&m, 1));
	assert_null(gomap_remove(&m, 1));
	assert_int_equal(m.bytes, 0);
	gomap_fini(&m);
}

static void
test_set_replaces_the_element_of_a_key_it_has(void **state)
{
	struct gomap m;

	(void)state;
	gomap_init(&m, 0);
	gomap_set(&m, 7, elem_of(1));
	gomap_set(&m, 7, elem_of(2));
	assert_int_equal(m.count, 1);
	assert_ptr_equal(gomap_get(&m, 7), elem_of(2));
	gomap_fini(&m);
}

static void
test_the_first_and_last_key_are_ordinary_keys(void **state)
{
	struct gomap m;

	(void)state;
	gomap_init(&m, 0);
	gomap_set(&m, 0, elem_of(1));
	gomap_set(&m, UINT64_MAX, elem_of(2));
	assert_ptr_equal(gomap_get(&m, 0), elem_of(1));
	assert_ptr_equal(gomap_get(&m, UINT64_MAX), elem_of(2));
	gomap_fini(&m);
}

static void
test_the_seed_is_drawn_again_when_the_map_becomes_empty(void **state)
{
	struct gomap m;
	uint64_t seed;

	(void)state;
	gomap_init(&m, 0);
	seed = m.seed;
	insert(&m, 0, 2);
	gomap_remove(&m, 0);
	assert_true(m.seed == seed);
	gomap_remove(&m, 1);
	assert_true(m.seed != seed);
	gomap_fini(&m);
}

static void
test_two_maps_have_different_seeds(void **state)
{
	struct gomap a, b;

	(void)state;
	gomap_init(&a, 0);
	gomap_init(&b, 0);
	assert_true(a.seed != b.seed);
}

static void
test_clear_hands_over_the_content_and_keeps_the_size(void **state)
{
	struct gomap m, content;
	uint64_t n, seed;
	uint8_t B;

	(void)state;
	gomap_init(&m, 0);
	n = stop_in_growth(&m);
	seed = m.seed;
	B = m.B;
	gomap_clear_into(&m, &content);
	assert_int_equal(m.count, 0);
	assert_int_equal(m.B, B);
	assert_null(m.old);
	assert_true(m.seed != seed);
	assert_null(gomap_get(&m, 1));
	check_has(&content, 0, n);
	check_walk(&content);
	insert(&m, 0, n);
	check_walk(&m);
	gomap_fini(&content);
	gomap_fini(&m);
}

/* Keys that differ in few bits only, at the bottom, the middle or the top. */
static void
test_regular_keys_do_not_pile_up(void **state)
{
	struct gomap m;

	(void)state;
	for (unsigned shift = 0; shift <= 48; shift += 8) {
		gomap_init(&m, 0);
		for (uint64_t i = 0; i < 10000; i++)
			gomap_set(&m, i << shift, elem_of(i));
		assert_int_equal(m.count, 10000);
		assert_true(m.overflows < 600);
		for (size_t b = 0; b <= m.mask; b++)
			assert_in_range(chain_length(&m, b), 1, 4);
		gomap_fini(&m);
	}
}

static void
test_random_operations_agree_with_an_array(void **state)
{
	static void *model[KEYS];
	uint64_t random = kit_seed(), key, reach = 1;
	struct gomap m;
	size_t count = 0;

	(void)state;
	gomap_seed_random(random);
	gomap_init(&m, 0);
	for (unsigned i = 0; i < 600000; i++) {
		if (i % 20000 == 0)
			reach = 1 + kit_random(&random) % KEYS;
		key = kit_random(&random) % reach;
		assert_ptr_equal(gomap_get(&m, key), model[key]);
		if (kit_random(&random) % 100 < (i / 100000 % 2 ? 30 : 60)) {
			count += !model[key];
			model[key] = elem_of(kit_random(&random));
			gomap_set(&m, key, model[key]);
		} else {
			count -= model[key] != NULL;
			assert_ptr_equal(gomap_remove(&m, key), model[key]);
			model[key] = NULL;
		}
		assert_int_equal(m.count, count);
	}
	for (key = 0; key < KEYS; key++)
		assert_ptr_equal(gomap_get(&m, key), model[key]);
	check_walk(&m);
	assert_true(m.grows > 5);
	gomap_fini(&m);
}

/* No cmocka in here: its asserts are for the main thread. */
static void *
read_all(void *arg)
{
	const struct gomap *m = arg;
	uintptr_t wrong = 0;

	for (unsigned round = 0; round < 20; round++)
		for (uint64_t key = 0; key < m->count; key++)
			wrong += gomap_get(m, key) != elem_of(key);
	return (void *)wrong;
}

static void
test_threads_may_read_a_map_that_stopped_in_a_growth(void **state)
{
	pthread_t thread[3];
	struct gomap m;
	void *wrong;

	(void)state;
	gomap_init(&m, 0);
	stop_in_growth(&m);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(pthread_create(&thread[i], NULL, read_all, &m),
				 0);
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(pthread_join(thread[i], &wrong), 0);
		assert_null(wrong);
	}
	gomap_fini(&m);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			test_an_empty_map_has_no_bucket_and_finds_nothing),
		cmocka_unit_test(test_set_replaces_the_element_of_a_key_it_has),
		cmocka_unit_test(test_the_first_and_last_key_are_ordinary_keys),
		cmocka_unit_test(
			test_the_seed_is_drawn_again_when_the_map_becomes_empty),
		cmocka_unit_test(test_two_maps_have_different_seeds),
		cmocka_unit_test(
			test_clear_hands_over_the_content_and_keeps_the_size),
		cmocka_unit_test(test_regular_keys_do_not_pile_up),
		cmocka_unit_test(test_random_operations_agree_with_an_array),
		cmocka_unit_test(
			test_threads_may_read_a_map_that_stopped_in_a_growth),
	};

	alarm(TEST_SECONDS);
	return cmocka_run_group_tests_name("gomap", tests, NULL, NULL);
}

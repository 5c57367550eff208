/*
 * test_args.c - bad input is answered with an error and changes nothing
 */
#include "tests/unit/u64_fixture.h"

#include <stdlib.h>
#include <string.h>

static int
never(void *arg, uint64_t key, uint64_t value)
{
	(void)key;
	(void)value;
	*(bool *)arg = true;
	return 1;
}

static int
never_update(void *arg, uint64_t key, bool present, uint64_t *value)
{
	(void)present;
	return never(arg, key, *value);
}

static void
test_every_operation_refuses_a_null_map(void **state)
{
	uint64_t word = POISON, one = 1;
	struct nh_cursor cursor = { 0 };
	struct nh_stats stats = { .size = sizeof(stats), .entries = POISON };
	bool flag = false;
	uint8_t found = 9;
	size_t count = 99;
	const int arg = NH_ERR_ARG;

	(void)state;
	assert_int_equal(nh_u64_get(NULL, 1, &word), arg);
	assert_int_equal(nh_u64_put(NULL, 1, 1), arg);
	assert_int_equal(nh_u64_insert(NULL, 1, 1), arg);
	assert_int_equal(nh_u64_load_or_store(NULL, 1, 1, &word, &flag), arg);
	assert_int_equal(nh_u64_swap(NULL, 1, 1, &word, &flag), arg);
	assert_int_equal(nh_u64_compare_and_swap(NULL, 1, 1, 1), arg);
	assert_int_equal(nh_u64_fetch_add(NULL, 1, 1, &word), arg);
	assert_int_equal(nh_u64_update(NULL, 1, never_update, &flag), arg);
	assert_int_equal(nh_u64_delete(NULL, 1), arg);
	assert_int_equal(nh_u64_load_and_delete(NULL, 1, &word), arg);
	assert_int_equal(nh_u64_compare_and_delete(NULL, 1, 1), arg);
	assert_int_equal(nh_u64_get_batch(NULL, &one, 1, &word, &found, &count),
			 arg);
	assert_int_equal(nh_u64_put_batch(NULL, &one, &one, 1, &count), arg);
	assert_int_equal(nh_u64_scan(NULL, &cursor, never, &flag), arg);
	assert_int_equal(nh_u64_clear(NULL), arg);
	assert_int_equal(nh_u64_reserve(NULL, 1), arg);
	assert_int_equal(nh_u64_shrink(NULL), arg);
	assert_int_equal(nh_u64_stats(NULL, &stats), arg);
	assert_int_equal(word, POISON);
	assert_int_equal(stats.entries, POISON);
	assert_int_equal(count, 99);
	assert_int_equal(found, 9);
	assert_false(flag);
	assert_false(cursor.done);
}

static void
test_null_is_an_empty_map_to_len_and_destroy(void **state)
{
	(void)state;
	assert_int_equal(nh_u64_len(NULL), 0);
	nh_u64_destroy(NULL);
}

static void
test_results_that_are_not_optional_must_be_given(void **state)
{
	struct nh_cursor cursor = { 0 };
	bool flag = false;

	assert_int_equal(nh_u64_put(*state, 1, 1), NH_OK);
	assert_int_equal(nh_u64_get(*state, 1, NULL), NH_ERR_ARG);
	assert_int_equal(nh_u64_get(*state, 2, NULL), NH_ERR_ARG);
	assert_int_equal(nh_u64_update(*state, 1, NULL, NULL), NH_ERR_ARG);
	assert_int_equal(nh_u64_scan(*state, NULL, never, &flag), NH_ERR_ARG);
	assert_int_equal(nh_u64_scan(*state, &cursor, NULL, NULL), NH_ERR_ARG);
	assert_int_equal(nh_u64_stats(*state, NULL), NH_ERR_ARG);
	assert_int_equal(nh_memory_stats(NULL), NH_ERR_ARG);
	assert_false(flag);
	assert_false(cursor.done);
	assert_value(*state, 1, 1);
	assert_int_equal(nh_u64_len(*state), 1);
}

static void
test_batches_refuse_null_arrays_and_change_nothing(void **state)
{
	static const uint64_t keys[] = { 1, 2 };
	uint64_t values[2] = { POISON, POISON };
	uint8_t found[2] = { 9, 9 };
	size_t count = 99;

	assert_int_equal(nh_u64_put(*state, 1, 1), NH_OK);
	assert_int_equal(
		nh_u64_get_batch(*state, NULL, 2, values, found, &count),
		NH_ERR_ARG);
	assert_int_equal(nh_u64_get_batch(*state, keys, 2, NULL, found, &count),
			 NH_ERR_ARG);
	assert_int_equal(
		nh_u64_get_batch(*state, keys, 2, values, NULL, &count),
		NH_ERR_ARG);
	assert_int_equal(nh_u64_put_batch(*state, NULL, keys, 2, &count),
			 NH_ERR_ARG);
	assert_int_equal(nh_u64_put_batch(*state, keys, NULL, 2, &count),
			 NH_ERR_ARG);
	assert_int_equal(count, 99);
	assert_int_equal(values[0], POISON);
	assert_int_equal(found[0], 9);
	assert_int_equal(nh_u64_len(*state), 1);
}

static void
test_an_empty_batch_needs_no_arrays(void **state)
{
	size_t hits = 99, done = 99;

	assert_int_equal(nh_u64_get_batch(*state, NULL, 0, NULL, NULL, &hits),
			 NH_OK);
	assert_int_equal(nh_u64_put_batch(*state, NULL, NULL, 0, &done), NH_OK);
	assert_int_equal(hits, 0);
	assert_int_equal(done, 0);
}

static void
assert_config_refused(const struct nh_config *config)
{
	int err = NH_OK;

	assert_null(nh_u64_create(config, &err));
	assert_int_equal(err, NH_ERR_ARG);
	assert_null(nh_u64_create(config, NULL));
}

static void
test_absurd_capacities_are_refused(void **state)
{
	static const uint64_t absurd[] = { NH_CAPACITY_MAX + 1,
					   UINT64_C(1) << 60, UINT64_C(1) << 63,
					   UINT64_MAX };

	assert_int_equal(nh_u64_put(*state, 1, 1), NH_OK);
	for (unsigned i = 0; i < 4; i++) {
		struct nh_config config = config_make(FIXTURE_SEED);

		config.capacity = absurd[i];
		assert_config_refused(&config);
		config.fixed = true;
		assert_config_refused(&config);
		assert_int_equal(nh_u64_reserve(*state, absurd[i]), NH_ERR_ARG);
	}
	assert_value(*state, 1, 1);
}

static void
test_fixed_wants_a_capacity(void **state)
{
	struct nh_config config = config_make(FIXTURE_SEED);

	(void)state;
	config.capacity = 0;
	config.fixed = true;
	assert_config_refused(&config);
}

static void
test_unknown_arch_is_refused(void **state)
{
	static const int unknown[] = { -1, NH_ARCH_GENERIC + 1, 1 << 30 };

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		struct nh_config config = config_make(FIXTURE_SEED);

		config.arch = unknown[i];
		assert_config_refused(&config);
	}
}

static void
test_config_of_no_known_size_is_refused(void **state)
{
	static const size_t sizes[] = { 0, 1, 2 * sizeof(size_t) - 1 };
	struct nh_config zero;

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		struct nh_config config = config_make(FIXTURE_SEED);

		config.size = sizes[i];
		assert_config_refused(&config);
	}
	memset(&zero, 0, sizeof(zero));
	assert_config_refused(&zero);
}

static void
test_create_needs_no_config_and_no_error(void **state)
{
	struct nh_u64 *m = nh_u64_create(NULL, NULL);

	(void)state;
	assert_non_null(m);
	assert_int_equal(nh_u64_put(m, 1, 2), NH_OK);
	assert_value(m, 1, 2);
	nh_u64_destroy(m);
}

static void
test_config_init_of_null_is_harmless(void **state)
{
	(void)state;
	nh_config_init(NULL);
}

static void
test_config_init_fills_every_field(void **state)
{
	struct nh_config one, two;

	(void)state;
	memset(&one, 0xff, sizeof(one));
	memset(&two, 0, sizeof(two));
	nh_config_init(&one);
	nh_config_init(&two);
	assert_int_equal(one.size, sizeof(one));
	assert_int_equal(one.capacity, two.capacity);
	assert_int_equal(one.seed, two.seed);
	assert_int_equal(one.arch, two.arch);
	assert_int_equal(one.fixed, two.fixed);
	assert_int_equal(one.maintenance, two.maintenance);
}

/* Its size at first. */
#define MEMORY_FIRST \
	(offsetof(struct nh_memory, return_refused) + sizeof(uint64_t))

static void
test_statistics_refuse_a_struct_that_is_too_small(void **state)
{
	struct nh_stats stats;
	struct nh_memory memory;

	for (size_t size = 0; size < sizeof(stats); size += 7) {
		memset(&stats, 0xee, sizeof(stats));
		stats.size = size;
		assert_int_equal(nh_u64_stats(*state, &stats), NH_ERR_ARG);
		assert_int_equal(stats.entries, UINT64_C(0xeeeeeeeeeeeeeeee));
	}
	for (size_t size = 0; size < MEMORY_FIRST; size += 7) {
		memset(&memory, 0xee, sizeof(memory));
		memory.size = size;
		assert_int_equal(nh_memory_stats(&memory), NH_ERR_ARG);
		assert_int_equal(memory.used, UINT64_C(0xeeeeeeeeeeeeeeee));
	}
}

/* What programs have that were built when it was shorter. */
static void
test_memory_statistics_fill_a_struct_of_before(void **state)
{
	struct nh_memory memory;

	(void)state;
	memset(&memory, 0xee, sizeof(memory));
	memory.size = MEMORY_FIRST;
	assert_int_equal(nh_memory_stats(&memory), NH_OK);
	assert_int_equal(memory.size, MEMORY_FIRST);
	assert_int_not_equal(memory.return_refused,
			     UINT64_C(0xeeeeeeeeeeeeeeee));
	assert_int_equal(memory.giant, UINT64_C(0xeeeeeeeeeeeeeeee));
	assert_int_equal(memory.fell_over, UINT64_C(0xeeeeeeeeeeeeeeee));
}

static void
test_statistics_fill_a_struct_of_the_right_size(void **state)
{
	struct nh_stats stats = { .size = sizeof(stats), .entries = POISON };
	struct nh_memory memory = { .size = sizeof(memory), .used = POISON };

	assert_int_equal(nh_u64_stats(*state, &stats), NH_OK);
	assert_int_equal(stats.entries, 0);
	assert_int_equal(stats.size, sizeof(stats));
	assert_int_equal(nh_memory_stats(&memory), NH_OK);
	assert_true(memory.used != POISON);
	assert_true(memory.used + memory.retained <= memory.reserved);
	assert_int_equal(memory.size, sizeof(memory));
}

static void
test_describe_never_writes_past_its_room(void **state)
{
	size_t length = nh_describe(NULL, 0);
	char *text = malloc(length + 2);

	(void)state;
	assert_non_null(text);
	assert_true(length > 10);
	memset(text, '#', length + 2);
	assert_int_equal(nh_describe(text, length + 1), length);
	assert_int_equal(strlen(text), length);
	assert_non_null(strchr(text, ':'));
	assert_int_equal(text[length + 1], '#');
	memset(text, '#', length + 2);
	assert_int_equal(nh_describe(text, 5), length);
	assert_int_equal(strlen(text), 4);
	assert_int_equal(text[5], '#');
	free(text);
}

static void
test_warnings_may_be_counted_without_reading_them(void **state)
{
	char text[2] = "#";

	(void)state;
	assert_true(nh_config_warnings(NULL, 0) >= 0);
	assert_int_equal(nh_config_warnings(text, 1),
			 nh_config_warnings(NULL, 0));
	assert_int_equal(text[0], '\0');
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_operation_refuses_a_null_map),
		cmocka_unit_test(test_null_is_an_empty_map_to_len_and_destroy),
		ON_MAP(test_results_that_are_not_optional_must_be_given),
		ON_MAP(test_batches_refuse_null_arrays_and_change_nothing),
		ON_MAP(test_an_empty_batch_needs_no_arrays),
		ON_MAP(test_absurd_capacities_are_refused),
		cmocka_unit_test(test_fixed_wants_a_capacity),
		cmocka_unit_test(test_unknown_arch_is_refused),
		cmocka_unit_test(test_config_of_no_known_size_is_refused),
		cmocka_unit_test(test_create_needs_no_config_and_no_error),
		cmocka_unit_test(test_config_init_of_null_is_harmless),
		cmocka_unit_test(test_config_init_fills_every_field),
		ON_MAP(test_statistics_refuse_a_struct_that_is_too_small),
		cmocka_unit_test(
			test_memory_statistics_fill_a_struct_of_before),
		ON_MAP(test_statistics_fill_a_struct_of_the_right_size),
		cmocka_unit_test(test_describe_never_writes_past_its_room),
		cmocka_unit_test(
			test_warnings_may_be_counted_without_reading_them),
	};

	return cmocka_run_group_tests_name("args", tests, NULL, NULL);
}

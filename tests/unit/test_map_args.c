/*
 * test_map_args.c - bad input to nh_map is an error and changes nothing
 */
#include "tests/unit/map_fixture.h"

static int
never_show(void *arg, const struct nh_bytes *key, const struct nh_bytes *value)
{
	(void)key;
	(void)value;
	*(bool *)arg = true;
	return 1;
}

static int
never_update(void *arg, const struct nh_bytes *key, bool present,
	     struct nh_bytes *value)
{
	(void)present;
	return never_show(arg, key, value);
}

static void
test_every_operation_refuses_a_null_map(void **state)
{
	struct nh_bytes one = { "k", 1 };
	char room[8];
	struct nh_buffer buffer = { room, sizeof(room) };
	struct nh_cursor cursor = { 0 };
	struct nh_stats stats = { .size = sizeof(stats), .entries = POISON };
	size_t len = sizeof(room), count = 99;
	bool flag = false;
	int result = 9;
	const int arg = NH_ERR_ARG;

	(void)state;
	assert_int_equal(nh_map_get(NULL, "k", 1, room, &len), arg);
	assert_int_equal(nh_map_put(NULL, "k", 1, "v", 1), arg);
	assert_int_equal(nh_map_insert(NULL, "k", 1, "v", 1), arg);
	assert_int_equal(
		nh_map_load_or_store(NULL, "k", 1, "v", 1, room, &len, &flag),
		arg);
	assert_int_equal(nh_map_swap(NULL, "k", 1, "v", 1, room, &len, &flag),
			 arg);
	assert_int_equal(nh_map_compare_and_swap(NULL, "k", 1, "v", 1, "w", 1),
			 arg);
	assert_int_equal(nh_map_update(NULL, "k", 1, never_update, &flag), arg);
	assert_int_equal(nh_map_delete(NULL, "k", 1), arg);
	assert_int_equal(nh_map_load_and_delete(NULL, "k", 1, room, &len), arg);
	assert_int_equal(nh_map_compare_and_delete(NULL, "k", 1, "v", 1), arg);
	assert_int_equal(
		nh_map_get_batch(NULL, &one, 1, &buffer, &result, &count), arg);
	assert_int_equal(nh_map_put_batch(NULL, &one, &one, 1, &count), arg);
	assert_int_equal(nh_map_scan(NULL, &cursor, never_show, &flag), arg);
	assert_int_equal(nh_map_clear(NULL), arg);
	assert_int_equal(nh_map_reserve(NULL, 1), arg);
	assert_int_equal(nh_map_shrink(NULL), arg);
	assert_int_equal(nh_map_stats(NULL, &stats), arg);
	assert_int_equal(len, sizeof(room));
	assert_int_equal(stats.entries, POISON);
	assert_int_equal(count, 99);
	assert_int_equal(result, 9);
	assert_false(flag);
	assert_false(cursor.done);
}

static void
test_null_is_an_empty_map_to_len_and_destroy(void **state)
{
	(void)state;
	assert_int_equal(nh_map_len(NULL), 0);
	nh_map_destroy(NULL);
}

/* A NULL key, and one of no length. */
static void
assert_key_refused(struct nh_map *m, const void *key, size_t n)
{
	char room[8];
	size_t len = sizeof(room);
	bool flag = false;
	const int arg = NH_ERR_ARG;

	assert_int_equal(nh_map_get(m, key, n, room, &len), arg);
	assert_int_equal(nh_map_put(m, key, n, "v", 1), arg);
	assert_int_equal(nh_map_insert(m, key, n, "v", 1), arg);
	assert_int_equal(
		nh_map_load_or_store(m, key, n, "v", 1, room, &len, &flag),
		arg);
	assert_int_equal(nh_map_swap(m, key, n, "v", 1, room, &len, &flag),
			 arg);
	assert_int_equal(nh_map_compare_and_swap(m, key, n, "v", 1, "w", 1),
			 arg);
	assert_int_equal(nh_map_update(m, key, n, never_update, &flag), arg);
	assert_int_equal(nh_map_delete(m, key, n), arg);
	assert_int_equal(nh_map_load_and_delete(m, key, n, room, &len), arg);
	assert_int_equal(nh_map_compare_and_delete(m, key, n, "v", 1), arg);
	assert_int_equal(len, sizeof(room));
	assert_false(flag);
}

static void
test_every_operation_refuses_a_bad_key(void **state)
{
	assert_int_equal(word_put(*state, "k", "v"), NH_OK);
	assert_key_refused(*state, NULL, 1);
	assert_key_refused(*state, NULL, 0);
	assert_key_refused(*state, "k", 0);
	assert_key_refused(*state, "k", NH_KEY_MAX + 1);
	assert_word(*state, "k", "v");
	assert_int_equal(nh_map_len(*state), 1);
}

static void
test_null_is_no_value_but_for_an_empty_one(void **state)
{
	struct nh_map *m = *state;
	struct answer a = { .verdict = NH_UPDATE_STORE, .store = { NULL, 1 } };
	char room[8];
	size_t len = sizeof(room);
	const int arg = NH_ERR_ARG;

	assert_int_equal(word_put(m, "k", "v"), NH_OK);
	assert_int_equal(nh_map_put(m, "k", 1, NULL, 1), arg);
	assert_int_equal(nh_map_insert(m, "l", 1, NULL, 1), arg);
	assert_int_equal(
		nh_map_load_or_store(m, "l", 1, NULL, 1, room, &len, NULL),
		arg);
	assert_int_equal(nh_map_swap(m, "k", 1, NULL, 1, room, &len, NULL),
			 arg);
	assert_int_equal(nh_map_compare_and_swap(m, "k", 1, NULL, 1, "w", 1),
			 arg);
	assert_int_equal(nh_map_compare_and_swap(m, "k", 1, "v", 1, NULL, 1),
			 arg);
	assert_int_equal(nh_map_compare_and_delete(m, "k", 1, NULL, 1), arg);
	assert_int_equal(nh_map_update(m, "k", 1, give_answer, &a), arg);
	assert_int_equal(nh_map_update(m, "l", 1, give_answer, &a), arg);
	assert_int_equal(a.calls, 2);
	assert_word(m, "k", "v");
	assert_int_equal(nh_map_len(m), 1);
}

/* Room without a length, and a length without room. */
static void
test_half_a_buffer_is_refused(void **state)
{
	struct nh_map *m = *state;
	char room[8];
	size_t len = sizeof(room);
	const int arg = NH_ERR_ARG;

	assert_int_equal(word_put(m, "k", "v"), NH_OK);
	assert_int_equal(nh_map_get(m, "k", 1, NULL, NULL), arg);
	assert_int_equal(nh_map_get(m, "k", 1, room, NULL), arg);
	assert_int_equal(nh_map_get(m, "k", 1, NULL, &len), arg);
	assert_int_equal(
		nh_map_load_or_store(m, "k", 1, "w", 1, room, NULL, NULL), arg);
	assert_int_equal(
		nh_map_load_or_store(m, "l", 1, "w", 1, NULL, &len, NULL), arg);
	assert_int_equal(nh_map_swap(m, "k", 1, "w", 1, room, NULL, NULL), arg);
	assert_int_equal(nh_map_swap(m, "k", 1, "w", 1, NULL, &len, NULL), arg);
	assert_int_equal(nh_map_load_and_delete(m, "k", 1, room, NULL), arg);
	assert_int_equal(nh_map_load_and_delete(m, "k", 1, NULL, &len), arg);
	assert_int_equal(len, sizeof(room));
	assert_word(m, "k", "v");
	assert_int_equal(nh_map_len(m), 1);
}

static void
test_callbacks_and_results_must_be_given(void **state)
{
	struct nh_cursor cursor = { 0 };
	struct nh_stats small = { .size = 8, .entries = POISON };
	bool flag = false;

	assert_int_equal(word_put(*state, "k", "v"), NH_OK);
	assert_int_equal(nh_map_update(*state, "k", 1, NULL, NULL), NH_ERR_ARG);
	assert_int_equal(nh_map_scan(*state, NULL, never_show, &flag),
			 NH_ERR_ARG);
	assert_int_equal(nh_map_scan(*state, &cursor, NULL, NULL), NH_ERR_ARG);
	assert_int_equal(nh_map_stats(*state, NULL), NH_ERR_ARG);
	assert_int_equal(nh_map_stats(*state, &small), NH_ERR_ARG);
	assert_int_equal(small.entries, POISON);
	assert_false(flag);
	assert_false(cursor.done);
	assert_word(*state, "k", "v");
}

/* The bad one of a batch: nothing of the batch is done. */
static void
test_batches_refuse_what_single_calls_refuse(void **state)
{
	static const struct nh_bytes bad[] = {
		{ NULL, 1 },
		{ "k", 0 },
		{ "k", NH_KEY_MAX + 1 },
	};
	struct nh_bytes keys[2] = { { "k", 1 } }, values[2] = { { "w", 1 } };
	char room[2][8];
	struct nh_buffer buffers[2] = { { room[0], 8 }, { room[1], 8 } };
	int results[2] = { 9, 9 };
	size_t count = 99;
	const int arg = NH_ERR_ARG;

	assert_int_equal(word_put(*state, "k", "v"), NH_OK);
	values[1] = (struct nh_bytes){ "x", 1 };
	for (unsigned i = 0; i < 3; i++) {
		keys[1] = bad[i];
		assert_int_equal(nh_map_get_batch(*state, keys, 2, buffers,
						  results, &count),
				 arg);
		assert_int_equal(
			nh_map_put_batch(*state, keys, values, 2, &count), arg);
	}
	keys[1] = (struct nh_bytes){ "l", 1 };
	values[1] = (struct nh_bytes){ NULL, 1 };
	assert_int_equal(nh_map_put_batch(*state, keys, values, 2, &count),
			 arg);
	buffers[1].data = NULL;
	assert_int_equal(
		nh_map_get_batch(*state, keys, 2, buffers, results, &count),
		arg);
	assert_int_equal(
		nh_map_get_batch(*state, NULL, 2, buffers, results, &count),
		arg);
	assert_int_equal(
		nh_map_get_batch(*state, keys, 2, NULL, results, &count), arg);
	assert_int_equal(
		nh_map_get_batch(*state, keys, 2, buffers, NULL, &count), arg);
	assert_int_equal(nh_map_put_batch(*state, NULL, values, 2, &count),
			 arg);
	assert_int_equal(nh_map_put_batch(*state, keys, NULL, 2, &count), arg);
	assert_int_equal(count, 99);
	assert_int_equal(results[0], 9);
	assert_int_equal(buffers[0].len, 8);
	assert_word(*state, "k", "v");
	assert_int_equal(nh_map_len(*state), 1);
}

static void
test_an_empty_batch_needs_no_arrays(void **state)
{
	size_t count = 99;

	assert_int_equal(nh_map_get_batch(*state, NULL, 0, NULL, NULL, &count),
			 NH_OK);
	assert_int_equal(count, 0);
	count = 99;
	assert_int_equal(nh_map_put_batch(*state, NULL, NULL, 0, &count),
			 NH_OK);
	assert_int_equal(count, 0);
	assert_int_equal(nh_map_get_batch(*state, NULL, 0, NULL, NULL, NULL),
			 NH_OK);
	assert_int_equal(nh_map_put_batch(*state, NULL, NULL, 0, NULL), NH_OK);
}

static void
assert_no_map(const struct nh_config *config)
{
	int err = NH_OK;

	assert_null(nh_map_create(config, &err));
	assert_int_equal(err, NH_ERR_ARG);
	assert_null(nh_map_create(config, NULL));
}

static void
test_create_refuses_a_bad_configuration(void **state)
{
	struct nh_config config = config_make(1);

	(void)state;
	config.size--;
	assert_no_map(&config);
	config = config_make(1);
	config.hash = NH_HASH_TRUSTED + 1;
	assert_no_map(&config);
	config.hash = -1;
	assert_no_map(&config);
	config = config_make(1);
	config.arch = 99;
	assert_no_map(&config);
	config = config_make(1);
	config.capacity = NH_CAPACITY_MAX + 1;
	assert_no_map(&config);
	config = config_make(1);
	config.capacity = 0;
	config.fixed = true;
	assert_no_map(&config);
}

static void
test_create_needs_neither_a_configuration_nor_a_result(void **state)
{
	struct nh_map *m = nh_map_create(NULL, NULL);

	(void)state;
	assert_non_null(m);
	assert_int_equal(word_put(m, "k", "v"), NH_OK);
	assert_word(m, "k", "v");
	nh_map_destroy(m);
}

static void
test_reserve_refuses_more_than_can_be(void **state)
{
	assert_int_equal(nh_map_reserve(*state, NH_CAPACITY_MAX + 1),
			 NH_ERR_ARG);
	assert_int_equal(nh_map_reserve(*state, UINT64_MAX), NH_ERR_ARG);
	assert_int_equal(nh_map_reserve(*state, 0), NH_OK);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_operation_refuses_a_null_map),
		cmocka_unit_test(test_null_is_an_empty_map_to_len_and_destroy),
		ON_MAP(test_every_operation_refuses_a_bad_key),
		ON_MAP(test_null_is_no_value_but_for_an_empty_one),
		ON_MAP(test_half_a_buffer_is_refused),
		ON_MAP(test_callbacks_and_results_must_be_given),
		ON_MAP(test_batches_refuse_what_single_calls_refuse),
		ON_MAP(test_an_empty_batch_needs_no_arrays),
		cmocka_unit_test(test_create_refuses_a_bad_configuration),
		cmocka_unit_test(
			test_create_needs_neither_a_configuration_nor_a_result),
		ON_MAP(test_reserve_refuses_more_than_can_be),
	};

	fixture_filter(argc, argv);
	return cmocka_run_group_tests_name("map_args", tests, NULL, NULL);
}

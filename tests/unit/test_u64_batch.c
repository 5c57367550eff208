/*
 * test_u64_batch.c - many gets or puts in one call
 */
#include "tests/unit/u64_fixture.h"

#define MOST 1000

/* Around one group of the prefetch, one more, and many. */
static const size_t sizes[] = { 0, 1, 2, 31, 32, 33, 63, 64, 65, MOST };
#define SIZES (sizeof(sizes) / sizeof(*sizes))

/* Arrays with a guard behind them, filled with poison. */
struct batch {
	uint64_t keys[MOST + 1], values[MOST + 1];
	uint8_t found[MOST + 1];
};

static void
batch_init(struct batch *batch)
{
	for (size_t i = 0; i <= MOST; i++) {
		batch->keys[i] = key_of(SPREAD_MIXED, i);
		batch->values[i] = POISON;
		batch->found[i] = 0xee;
	}
}

static void
assert_guard(const struct batch *batch, size_t n)
{
	assert_int_equal(batch->values[n], POISON);
	assert_int_equal(batch->found[n], 0xee);
}

static void
test_get_batch_agrees_with_get_at_every_size(void **state)
{
	static struct batch batch;

	for (uint64_t i = 0; i < MOST; i += 3)
		put_range(*state, SPREAD_MIXED, i, i + 1);
	for (size_t s = 0; s < SIZES; s++) {
		size_t n = sizes[s], hits = 99;

		batch_init(&batch);
		assert_int_equal(nh_u64_get_batch(*state, batch.keys, n,
						  batch.values, batch.found,
						  &hits),
				 NH_OK);
		assert_int_equal(hits, (n + 2) / 3);
		for (size_t i = 0; i < n; i++) {
			assert_int_equal(batch.found[i], i % 3 == 0);
			assert_int_equal(batch.values[i], i % 3 ? POISON : i);
		}
		assert_guard(&batch, n);
	}
}

static void
test_get_batch_of_an_empty_map_finds_nothing(void **state)
{
	static struct batch batch;
	size_t hits = 99;

	batch_init(&batch);
	assert_int_equal(nh_u64_get_batch(*state, batch.keys, MOST,
					  batch.values, batch.found, &hits),
			 NH_OK);
	assert_int_equal(hits, 0);
	for (size_t i = 0; i < MOST; i++) {
		assert_int_equal(batch.found[i], 0);
		assert_int_equal(batch.values[i], POISON);
	}
}

static void
test_get_batch_may_overwrite_its_keys(void **state)
{
	static struct batch batch;

	put_range(*state, SPREAD_MIXED, 0, MOST / 2);
	for (size_t s = 0; s < SIZES; s++) {
		size_t n = sizes[s];

		batch_init(&batch);
		assert_int_equal(nh_u64_get_batch(*state, batch.keys, n,
						  batch.keys, batch.found,
						  NULL),
				 NH_OK);
		for (size_t i = 0; i < n; i++) {
			bool there = i < MOST / 2;

			assert_int_equal(batch.found[i], there);
			assert_int_equal(batch.keys[i],
					 there ? i : key_of(SPREAD_MIXED, i));
		}
		assert_int_equal(batch.keys[n], key_of(SPREAD_MIXED, n));
	}
}

static void
test_get_batch_takes_duplicates_and_edge_keys(void **state)
{
	static const uint64_t keys[] = { 0, 5, 0, UINT64_MAX, 5, 9, 0 };
	uint64_t values[7];
	uint8_t found[7];
	size_t hits = 0;

	assert_int_equal(nh_u64_put(*state, 0, UINT64_MAX), NH_OK);
	assert_int_equal(nh_u64_put(*state, UINT64_MAX, 0), NH_OK);
	assert_int_equal(nh_u64_put(*state, 5, 50), NH_OK);
	assert_int_equal(
		nh_u64_get_batch(*state, keys, 7, values, found, &hits), NH_OK);
	assert_int_equal(hits, 6);
	assert_int_equal(found[5], 0);
	assert_int_equal(values[0], UINT64_MAX);
	assert_int_equal(values[2], UINT64_MAX);
	assert_int_equal(values[6], UINT64_MAX);
	assert_int_equal(values[3], 0);
	assert_int_equal(values[1], 50);
	assert_int_equal(values[4], 50);
}

static void
test_put_batch_puts_all_at_every_size(void **state)
{
	static struct batch batch;

	for (size_t s = 0; s < SIZES; s++) {
		size_t n = sizes[s], done = 99;

		batch_init(&batch);
		for (size_t i = 0; i < n; i++)
			batch.values[i] = i + s;
		assert_int_equal(nh_u64_put_batch(*state, batch.keys,
						  batch.values, n, &done),
				 NH_OK);
		assert_int_equal(done, n);
		assert_int_equal(nh_u64_len(*state), n);
		for (size_t i = 0; i < n; i++)
			assert_value(*state, batch.keys[i], i + s);
		assert_absent(*state, batch.keys[n]);
	}
}

static void
test_put_batch_keeps_the_order_of_duplicates(void **state)
{
	static uint64_t keys[MOST], values[MOST];

	for (size_t i = 0; i < MOST; i++) {
		keys[i] = i % 7;
		values[i] = i;
	}
	assert_int_equal(nh_u64_put_batch(*state, keys, values, MOST, NULL),
			 NH_OK);
	assert_int_equal(nh_u64_len(*state), 7);
	for (size_t i = MOST - 7; i < MOST; i++)
		assert_value(*state, i % 7, i);
}

static void
test_put_batch_may_use_its_keys_as_values(void **state)
{
	static struct batch batch;
	size_t done = 0;

	batch_init(&batch);
	assert_int_equal(
		nh_u64_put_batch(*state, batch.keys, batch.keys, MOST, &done),
		NH_OK);
	assert_int_equal(done, MOST);
	for (size_t i = 0; i < MOST; i++)
		assert_value(*state, batch.keys[i], batch.keys[i]);
}

static void
test_batches_work_while_the_map_grows_and_shrinks(void **state)
{
	static uint64_t keys[200], values[200];
	static uint8_t found[200];
	uint64_t at = 0, before = migrations_of(*state);
	size_t hits;

	while (at < 200000) {
		for (size_t i = 0; i < 200; i++)
			values[i] = keys[i] = at++;
		assert_int_equal(
			nh_u64_put_batch(*state, keys, values, 200, NULL),
			NH_OK);
	}
	assert_true(migrations_of(*state) > before);
	while (at > 0) {
		for (size_t i = 0; i < 200; i++)
			keys[i] = --at;
		assert_int_equal(nh_u64_get_batch(*state, keys, 200, values,
						  found, &hits),
				 NH_OK);
		assert_int_equal(hits, 200);
		assert_memory_equal(keys, values, sizeof(keys));
		delete_range(*state, SPREAD_UP, at, at + 200);
	}
	assert_int_equal(nh_u64_len(*state), 0);
}

static void
test_put_batch_stops_where_a_fixed_map_is_full(void **state)
{
	static uint64_t keys[1 << 20];
	struct nh_config config = config_make(FIXTURE_SEED);
	const size_t n = sizeof(keys) / sizeof(*keys);
	struct nh_u64 *m;
	size_t done = 0;

	(void)state;
	config.capacity = 1000;
	config.fixed = true;
	m = map_make(&config);
	for (size_t i = 0; i < n; i++)
		keys[i] = i;
	assert_int_equal(nh_u64_put_batch(m, keys, keys, n, &done),
			 NH_ERR_FULL);
	assert_in_range(done, 1000, n - 1);
	assert_int_equal(nh_u64_len(m), done);
	assert_range(m, SPREAD_UP, 0, done);
	assert_absent(m, done);
	nh_u64_destroy(m);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		ON_MAP(test_get_batch_agrees_with_get_at_every_size),
		ON_MAP(test_get_batch_of_an_empty_map_finds_nothing),
		ON_MAP(test_get_batch_may_overwrite_its_keys),
		ON_MAP(test_get_batch_takes_duplicates_and_edge_keys),
		ON_MAP(test_put_batch_puts_all_at_every_size),
		ON_MAP(test_put_batch_keeps_the_order_of_duplicates),
		ON_MAP(test_put_batch_may_use_its_keys_as_values),
		ON_MAP(test_batches_work_while_the_map_grows_and_shrinks),
		cmocka_unit_test(
			test_put_batch_stops_where_a_fixed_map_is_full),
	};

	fixture_filter(argc, argv);
	return cmocka_run_group_tests_name("u64_batch", tests, NULL, NULL);
}

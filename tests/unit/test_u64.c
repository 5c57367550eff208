/*
 * test_u64.c - every operation of nh_u64 on single keys, and its edges
 */
#include "tests/unit/u64_fixture.h"

#include <pthread.h>
#include <stdio.h>

/* The words most likely to be taken for something else than data. */
#define EDGES 194

static uint64_t
edge(unsigned i)
{
	uint64_t bit = UINT64_C(1) << (i % 64);

	if (i >= 192)
		return i == 192 ? 0 : UINT64_MAX;
	return i < 64 ? bit : i < 128 ? ~bit : bit - 1;
}

static void
test_a_new_map_is_empty(void **state)
{
	struct nh_cursor cursor = { 0 };
	unsigned shown = 0;

	assert_int_equal(nh_u64_len(*state), 0);
	for (unsigned i = 0; i < EDGES; i++)
		assert_absent(*state, edge(i));
	assert_int_equal(nh_u64_scan(*state, &cursor, count_pair, &shown),
			 NH_OK);
	assert_true(cursor.done);
	assert_int_equal(shown, 0);
}

static void
test_every_edge_key_holds_every_edge_value(void **state)
{
	struct nh_u64 *m = *state;

	for (unsigned k = 0; k < EDGES; k++) {
		for (unsigned v = 0; v < EDGES; v++) {
			assert_int_equal(nh_u64_put(m, edge(k), edge(v)),
					 NH_OK);
			assert_value(m, edge(k), edge(v));
		}
		assert_int_equal(nh_u64_delete(m, edge(k)), NH_OK);
		assert_absent(m, edge(k));
		assert_int_equal(nh_u64_len(m), 0);
	}
}

static void
test_all_edge_keys_live_together(void **state)
{
	struct nh_u64 *m = *state;
	uint64_t different = 0;

	for (unsigned i = 0; i < EDGES; i++) {
		int err = nh_u64_insert(m, edge(i), ~edge(i));

		assert_true(err == NH_OK || err == NH_ERR_EXISTS);
		different += err == NH_OK;
	}
	assert_int_equal(nh_u64_len(m), different);
	for (unsigned i = 0; i < EDGES; i++)
		assert_value(m, edge(i), ~edge(i));
	for (unsigned i = 0; i < EDGES; i++)
		different -= nh_u64_delete(m, edge(i)) == NH_OK;
	assert_int_equal(different, 0);
	assert_int_equal(nh_u64_len(m), 0);
}

static void
test_put_overwrites(void **state)
{
	assert_int_equal(nh_u64_put(*state, 7, 1), NH_OK);
	assert_int_equal(nh_u64_put(*state, 7, 2), NH_OK);
	assert_value(*state, 7, 2);
	assert_int_equal(nh_u64_len(*state), 1);
}

static void
test_insert_keeps_what_is_there(void **state)
{
	assert_int_equal(nh_u64_insert(*state, 7, 1), NH_OK);
	assert_int_equal(nh_u64_insert(*state, 7, 2), NH_ERR_EXISTS);
	assert_int_equal(nh_u64_insert(*state, 7, 1), NH_ERR_EXISTS);
	assert_value(*state, 7, 1);
	assert_int_equal(nh_u64_len(*state), 1);
}

static void
test_load_or_store_stores_once_and_then_loads(void **state)
{
	uint64_t actual = POISON;
	bool loaded = true;

	assert_int_equal(nh_u64_load_or_store(*state, 7, 1, &actual, &loaded),
			 NH_OK);
	assert_int_equal(actual, 1);
	assert_false(loaded);
	assert_int_equal(nh_u64_load_or_store(*state, 7, 2, &actual, &loaded),
			 NH_OK);
	assert_int_equal(actual, 1);
	assert_true(loaded);
	assert_value(*state, 7, 1);
}

static void
test_load_or_store_needs_no_results(void **state)
{
	assert_int_equal(nh_u64_load_or_store(*state, 7, 1, NULL, NULL), NH_OK);
	assert_int_equal(nh_u64_load_or_store(*state, 7, 2, NULL, NULL), NH_OK);
	assert_value(*state, 7, 1);
}

static void
test_swap_hands_back_what_was_there(void **state)
{
	uint64_t old = POISON;
	bool loaded = true;

	assert_int_equal(nh_u64_swap(*state, 7, 1, &old, &loaded), NH_OK);
	assert_int_equal(old, POISON);
	assert_false(loaded);
	assert_int_equal(nh_u64_swap(*state, 7, 2, &old, &loaded), NH_OK);
	assert_int_equal(old, 1);
	assert_true(loaded);
	assert_value(*state, 7, 2);
}

static void
test_swap_needs_no_results(void **state)
{
	assert_int_equal(nh_u64_swap(*state, 7, 1, NULL, NULL), NH_OK);
	assert_int_equal(nh_u64_swap(*state, 7, 2, NULL, NULL), NH_OK);
	assert_value(*state, 7, 2);
}

static void
test_compare_and_swap_wants_the_expected_value(void **state)
{
	struct nh_u64 *m = *state;

	assert_int_equal(nh_u64_compare_and_swap(m, 7, 0, 1), NH_ERR_NOTFOUND);
	assert_absent(m, 7);
	assert_int_equal(nh_u64_put(m, 7, 1), NH_OK);
	assert_int_equal(nh_u64_compare_and_swap(m, 7, 2, 3), NH_ERR_MISMATCH);
	assert_value(m, 7, 1);
	assert_int_equal(nh_u64_compare_and_swap(m, 7, 1, 1), NH_OK);
	assert_int_equal(nh_u64_compare_and_swap(m, 7, 1, UINT64_MAX), NH_OK);
	assert_value(m, 7, UINT64_MAX);
}

static void
test_compare_and_swap_tells_apart_every_bit(void **state)
{
	assert_int_equal(nh_u64_put(*state, 7, 0), NH_OK);
	for (unsigned i = 0; i < 64; i++)
		assert_int_equal(
			nh_u64_compare_and_swap(*state, 7, UINT64_C(1) << i, 1),
			NH_ERR_MISMATCH);
	assert_value(*state, 7, 0);
}

static void
test_fetch_add_counts_an_absent_key_as_zero(void **state)
{
	uint64_t old = POISON;

	assert_int_equal(nh_u64_fetch_add(*state, 7, 5, &old), NH_OK);
	assert_int_equal(old, 0);
	assert_value(*state, 7, 5);
	assert_int_equal(nh_u64_fetch_add(*state, 7, 0, NULL), NH_OK);
	assert_value(*state, 7, 5);
	assert_int_equal(nh_u64_fetch_add(*state, 8, 0, NULL), NH_OK);
	assert_value(*state, 8, 0);
}

static void
test_fetch_add_wraps(void **state)
{
	uint64_t old = POISON;

	assert_int_equal(nh_u64_put(*state, 7, UINT64_MAX), NH_OK);
	assert_int_equal(nh_u64_fetch_add(*state, 7, 3, &old), NH_OK);
	assert_int_equal(old, UINT64_MAX);
	assert_value(*state, 7, 2);
	assert_int_equal(nh_u64_fetch_add(*state, 7, UINT64_MAX, &old), NH_OK);
	assert_int_equal(old, 2);
	assert_value(*state, 7, 1);
}

static void
test_delete_removes_once(void **state)
{
	assert_int_equal(nh_u64_delete(*state, 7), NH_ERR_NOTFOUND);
	assert_int_equal(nh_u64_put(*state, 7, 1), NH_OK);
	assert_int_equal(nh_u64_delete(*state, 7), NH_OK);
	assert_int_equal(nh_u64_delete(*state, 7), NH_ERR_NOTFOUND);
	assert_absent(*state, 7);
	assert_int_equal(nh_u64_len(*state), 0);
	assert_int_equal(nh_u64_insert(*state, 7, 2), NH_OK);
	assert_value(*state, 7, 2);
}

static void
test_load_and_delete_hands_back_the_value(void **state)
{
	uint64_t old = POISON;

	assert_int_equal(nh_u64_load_and_delete(*state, 7, &old),
			 NH_ERR_NOTFOUND);
	assert_int_equal(old, POISON);
	assert_int_equal(nh_u64_put(*state, 7, 1), NH_OK);
	assert_int_equal(nh_u64_load_and_delete(*state, 7, &old), NH_OK);
	assert_int_equal(old, 1);
	assert_absent(*state, 7);
	assert_int_equal(nh_u64_put(*state, 7, 1), NH_OK);
	assert_int_equal(nh_u64_load_and_delete(*state, 7, NULL), NH_OK);
	assert_absent(*state, 7);
}

static void
test_compare_and_delete_wants_the_expected_value(void **state)
{
	struct nh_u64 *m = *state;

	assert_int_equal(nh_u64_compare_and_delete(m, 7, 0), NH_ERR_NOTFOUND);
	assert_int_equal(nh_u64_put(m, 7, 1), NH_OK);
	assert_int_equal(nh_u64_compare_and_delete(m, 7, 0), NH_ERR_MISMATCH);
	assert_value(m, 7, 1);
	assert_int_equal(nh_u64_compare_and_delete(m, 7, 1), NH_OK);
	assert_absent(m, 7);
	assert_int_equal(nh_u64_len(m), 0);
}

static int
update_with(struct nh_u64 *m, uint64_t key, struct verdict *v)
{
	int err = nh_u64_update(m, key, give_verdict, v);

	assert_int_equal(v->calls, 1);
	assert_int_equal(v->key, key);
	return err;
}

static void
test_update_of_an_absent_key_may_keep_store_or_remove(void **state)
{
	struct verdict keep = { .verdict = NH_UPDATE_KEEP, .store = 1 };
	struct verdict remove = { .verdict = NH_UPDATE_REMOVE, .store = 2 };
	struct verdict store = { .verdict = NH_UPDATE_STORE, .store = 3 };

	assert_int_equal(update_with(*state, 7, &keep), NH_OK);
	assert_false(keep.present);
	assert_int_equal(keep.value, 0);
	assert_absent(*state, 7);
	assert_int_equal(update_with(*state, 7, &remove), NH_OK);
	assert_absent(*state, 7);
	assert_int_equal(nh_u64_len(*state), 0);
	assert_int_equal(update_with(*state, 7, &store), NH_OK);
	assert_value(*state, 7, 3);
	assert_int_equal(nh_u64_len(*state), 1);
}

static void
test_update_of_a_present_key_may_keep_store_or_remove(void **state)
{
	struct verdict keep = { .verdict = NH_UPDATE_KEEP, .store = 1 };
	struct verdict remove = { .verdict = NH_UPDATE_REMOVE, .store = 2 };
	struct verdict store = { .verdict = NH_UPDATE_STORE, .store = 3 };

	assert_int_equal(nh_u64_put(*state, UINT64_MAX, 9), NH_OK);
	assert_int_equal(update_with(*state, UINT64_MAX, &keep), NH_OK);
	assert_true(keep.present);
	assert_int_equal(keep.value, 9);
	assert_value(*state, UINT64_MAX, 9);
	assert_int_equal(update_with(*state, UINT64_MAX, &store), NH_OK);
	assert_value(*state, UINT64_MAX, 3);
	assert_int_equal(update_with(*state, UINT64_MAX, &remove), NH_OK);
	assert_int_equal(remove.value, 3);
	assert_absent(*state, UINT64_MAX);
	assert_int_equal(nh_u64_len(*state), 0);
}

static void
test_update_refuses_an_unknown_verdict(void **state)
{
	static const int unknown[] = { -1, 3, 99 };

	assert_int_equal(nh_u64_put(*state, 7, 9), NH_OK);
	for (unsigned i = 0; i < 3; i++) {
		struct verdict present = { unknown[i], 1, 0, 0, 0, false };
		struct verdict absent = present;

		assert_int_equal(update_with(*state, 7, &present), NH_ERR_ARG);
		assert_int_equal(update_with(*state, 8, &absent), NH_ERR_ARG);
		assert_value(*state, 7, 9);
		assert_absent(*state, 8);
	}
	assert_int_equal(nh_u64_put(*state, 8, 1), NH_OK);
	assert_int_equal(nh_u64_len(*state), 2);
}

/*
 * A callback that tries everything from inside.  It only notes what happened:
 * an assertion that fails would jump out of nh_u64_update().
 */
struct reentry {
	struct nh_u64 *map; /* the one to try it on: this one or another */
	unsigned calls;
	bool writes_refused, reads_worked;
};

static bool
no_write_works(struct nh_u64 *m, uint64_t key)
{
	struct verdict v = { .verdict = NH_UPDATE_STORE };
	uint64_t old = POISON, batch[2] = { key, key + 1 };
	const int no = NH_ERR_REENTRY;
	size_t done = 99;
	bool loaded = true;

	return nh_u64_put(m, key, 1) == no && nh_u64_insert(m, key, 1) == no &&
	       nh_u64_load_or_store(m, key, 1, &old, &loaded) == no &&
	       nh_u64_swap(m, key, 1, &old, &loaded) == no &&
	       nh_u64_compare_and_swap(m, key, key, 1) == no &&
	       nh_u64_fetch_add(m, key, 1, &old) == no &&
	       nh_u64_update(m, key, give_verdict, &v) == no && v.calls == 0 &&
	       nh_u64_delete(m, key) == no &&
	       nh_u64_load_and_delete(m, key, &old) == no &&
	       nh_u64_compare_and_delete(m, key, key) == no &&
	       nh_u64_put_batch(m, batch, batch, 2, &done) == no && done == 0 &&
	       nh_u64_clear(m) == no && nh_u64_reserve(m, 100000) == no &&
	       nh_u64_shrink(m) == no && old == POISON && loaded;
}

/* The map has the keys 1, 2, 3, each with itself. */
static bool
reads_work(const struct nh_u64 *m)
{
	static const uint64_t keys[] = { 1, 2, 3, 4 };
	struct nh_cursor cursor = { 0 };
	uint64_t values[4], value = 0, none = POISON;
	uint8_t found[4];
	unsigned shown = 0;
	size_t hits = 0;

	return nh_u64_get(m, 1, &value) == NH_OK && value == 1 &&
	       nh_u64_get(m, 3, &value) == NH_OK && value == 3 &&
	       nh_u64_get(m, 4, &none) == NH_ERR_NOTFOUND && none == POISON &&
	       nh_u64_get_batch(m, keys, 4, values, found, &hits) == NH_OK &&
	       hits == 3 && values[0] == 1 && values[2] == 3 && !found[3] &&
	       nh_u64_len(m) == 3 && stats_of(m).entries == 3 &&
	       nh_u64_scan(m, &cursor, count_pair, &shown) == NH_OK &&
	       shown == 3;
}

static int
try_everything(void *arg, uint64_t key, bool present, uint64_t *value)
{
	struct reentry *reentry = arg;

	reentry->calls++;
	reentry->writes_refused = key == 1 && present;
	for (uint64_t i = 1; i <= 4; i++)
		reentry->writes_refused &= no_write_works(reentry->map, i);
	*value = 77;
	reentry->reads_worked = reads_work(reentry->map);
	return NH_UPDATE_STORE;
}

static void
assert_reentry_refused(struct nh_u64 *m, struct nh_u64 *tried_on)
{
	struct reentry reentry = { .map = tried_on };

	assert_int_equal(nh_u64_update(m, 1, try_everything, &reentry), NH_OK);
	assert_int_equal(reentry.calls, 1);
	assert_true(reentry.writes_refused);
	assert_true(reentry.reads_worked);
}

static void
assert_works_on(struct nh_u64 *m, uint64_t value_of_1)
{
	assert_value(m, 1, value_of_1);
	assert_value(m, 2, 2);
	assert_int_equal(nh_u64_put(m, 1, 1), NH_OK);
	put_range(m, SPREAD_UP, 1, 1000);
	assert_range(m, SPREAD_UP, 1, 1000);
	assert_int_equal(nh_u64_clear(m), NH_OK);
	assert_int_equal(nh_u64_len(m), 0);
}

static void
test_update_callback_may_read_its_map_not_write(void **state)
{
	put_range(*state, SPREAD_UP, 1, 4);
	assert_reentry_refused(*state, *state);
	assert_works_on(*state, 77);
}

static void
test_update_callback_may_read_another_map_not_write(void **state)
{
	struct nh_config config = config_make(FIXTURE_SEED + 1);
	struct nh_u64 *other = map_make(&config);

	put_range(*state, SPREAD_UP, 1, 4);
	put_range(other, SPREAD_UP, 1, 4);
	assert_reentry_refused(*state, other);
	assert_works_on(other, 1);
	assert_works_on(*state, 77);
	nh_u64_destroy(other);
}

static void
test_update_callback_that_fails_leaves_writes_allowed(void **state)
{
	struct verdict bad = { .verdict = 99 };

	assert_int_equal(nh_u64_update(*state, 7, give_verdict, &bad),
			 NH_ERR_ARG);
	assert_int_equal(nh_u64_put(*state, 7, 1), NH_OK);
	assert_value(*state, 7, 1);
}

#define RACERS 3
#define RACE_STEPS 20000

static int
add_one(void *arg, uint64_t key, bool present, uint64_t *value)
{
	(void)arg;
	(void)key;
	*value = present ? *value + 1 : 1;
	return NH_UPDATE_STORE;
}

static void *
update_many(void *arg)
{
	for (uint64_t i = 0; i < RACE_STEPS; i++)
		if (nh_u64_update(arg, i % 5, add_one, NULL) != NH_OK)
			return arg;
	return NULL;
}

static void
test_updates_of_several_threads_lose_nothing(void **state)
{
	pthread_t thread[RACERS];
	void *failed;

	for (unsigned i = 0; i < RACERS; i++)
		assert_int_equal(
			pthread_create(&thread[i], NULL, update_many, *state),
			0);
	for (unsigned i = 0; i < RACERS; i++) {
		assert_int_equal(pthread_join(thread[i], &failed), 0);
		assert_null(failed);
	}
	for (uint64_t key = 0; key < 5; key++)
		assert_value(*state, key, RACERS * RACE_STEPS / 5);
}

static void
test_maps_do_not_see_each_other(void **state)
{
	struct nh_config config = config_make(FIXTURE_SEED);
	struct nh_u64 *other = map_make(&config);

	put_range(*state, SPREAD_UP, 0, 1000);
	assert_int_equal(nh_u64_len(other), 0);
	assert_absent(other, 1);
	put_range(other, SPREAD_UP, 1000, 1500);
	nh_u64_destroy(other);
	assert_int_equal(nh_u64_len(*state), 1000);
	assert_range(*state, SPREAD_UP, 0, 1000);
	assert_absent(*state, 1000);
}

static void
test_keys_of_every_spread_live_together(void **state)
{
	static const enum spread spreads[] = { SPREAD_HIGH, SPREAD_DOWN,
					       SPREAD_MIXED };

	for (unsigned i = 0; i < 3; i++)
		put_range(*state, spreads[i], 1, 20000);
	for (unsigned i = 0; i < 3; i++)
		assert_range(*state, spreads[i], 1, 20000);
	assert_int_equal(nh_u64_len(*state), 3 * 19999);
	for (unsigned i = 0; i < 3; i++)
		delete_range(*state, spreads[i], 1, 20000);
	assert_int_equal(nh_u64_len(*state), 0);
}

static void
test_every_error_has_its_text(void **state)
{
	(void)state;
#define ASSERT_TEXT(name, number, text)          \
	assert_int_equal((int)(name), (number)); \
	assert_string_equal(nh_strerror(name), text);
	NH_ERRORS(ASSERT_TEXT)
#undef ASSERT_TEXT
	assert_non_null(nh_strerror(NH_OK));
	assert_non_null(nh_strerror(1));
	assert_non_null(nh_strerror(-99));
}

static void
test_version_is_that_of_the_header(void **state)
{
	char text[32];

	(void)state;
	snprintf(text, sizeof(text), "%d.%d.%d", NH_VERSION_MAJOR,
		 NH_VERSION_MINOR, NH_VERSION_PATCH);
	assert_string_equal(nh_version(), text);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		ON_MAP(test_a_new_map_is_empty),
		ON_MAP(test_every_edge_key_holds_every_edge_value),
		ON_MAP(test_all_edge_keys_live_together),
		ON_MAP(test_put_overwrites),
		ON_MAP(test_insert_keeps_what_is_there),
		ON_MAP(test_load_or_store_stores_once_and_then_loads),
		ON_MAP(test_load_or_store_needs_no_results),
		ON_MAP(test_swap_hands_back_what_was_there),
		ON_MAP(test_swap_needs_no_results),
		ON_MAP(test_compare_and_swap_wants_the_expected_value),
		ON_MAP(test_compare_and_swap_tells_apart_every_bit),
		ON_MAP(test_fetch_add_counts_an_absent_key_as_zero),
		ON_MAP(test_fetch_add_wraps),
		ON_MAP(test_delete_removes_once),
		ON_MAP(test_load_and_delete_hands_back_the_value),
		ON_MAP(test_compare_and_delete_wants_the_expected_value),
		ON_MAP(test_update_of_an_absent_key_may_keep_store_or_remove),
		ON_MAP(test_update_of_a_present_key_may_keep_store_or_remove),
		ON_MAP(test_update_refuses_an_unknown_verdict),
		ON_MAP(test_update_callback_may_read_its_map_not_write),
		ON_MAP(test_update_callback_may_read_another_map_not_write),
		ON_MAP(test_update_callback_that_fails_leaves_writes_allowed),
		ON_MAP(test_updates_of_several_threads_lose_nothing),
		ON_MAP(test_maps_do_not_see_each_other),
		ON_MAP(test_keys_of_every_spread_live_together),
		cmocka_unit_test(test_every_error_has_its_text),
		cmocka_unit_test(test_version_is_that_of_the_header),
	};

	fixture_filter(argc, argv);
	return cmocka_run_group_tests_name("u64", tests, NULL, NULL);
}

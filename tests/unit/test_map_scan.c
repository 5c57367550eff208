/*
 * test_map_scan.c - a scan of nh_map shows once what stays, and may do all
 *
 * Stayers are numbers below STAYERS, put before a scan and left alone; fillers
 * from STAYERS on come and go.
 */
#include "tests/unit/map_fixture.h"

#include <pthread.h>
#include <stdatomic.h>

#define STAYERS 1500
#define FILLERS 20000

struct seen {
	uint8_t stayer[STAYERS];
	unsigned pairs;
	bool wrong;
	int stop;
	struct nh_map *in; /* where to work inside the callback, or NULL */
	void (*work)(struct nh_map *m, uint64_t number);
};

static int
note(void *arg, const struct nh_bytes *key, const struct nh_bytes *value)
{
	struct seen *seen = arg;
	uint64_t number = number_of(key, value);

	seen->pairs++;
	seen->wrong |= number == UINT64_MAX;
	if (number < STAYERS)
		seen->stayer[number]++;
	if (seen->in)
		seen->work(seen->in, number);
	return seen->stop;
}

static void
assert_stayers_seen_once(const struct seen *seen)
{
	assert_false(seen->wrong);
	for (unsigned i = 0; i < STAYERS; i++)
		assert_int_equal(seen->stayer[i], 1);
}

static int
stayers_setup(void **state)
{
	fixture_setup(state);
	put_range(*state, 0, STAYERS);
	return 0;
}

#define ON_STAYERS(test) \
	cmocka_unit_test_setup_teardown(test, stayers_setup, fixture_teardown)

static void
test_scan_shows_every_pair_once_at_every_size(void **state)
{
	for (uint64_t n = 0; n < 4 * STAYERS; n = 2 * n + 1) {
		struct nh_cursor cursor = { 0 };
		struct seen seen = { 0 };

		put_range(*state, 0, n);
		assert_int_equal(nh_map_scan(*state, &cursor, note, &seen),
				 NH_OK);
		assert_true(cursor.done);
		assert_false(seen.wrong);
		assert_int_equal(seen.pairs, n);
		for (uint64_t i = 0; i < STAYERS; i++)
			assert_int_equal(seen.stayer[i], i < n);
	}
}

static void
test_scan_shows_large_values_whole(void **state)
{
	static const size_t lengths[] = { 0, 65534, 65535, 65536, 5000000 };
	static unsigned char value[5000000];
	struct nh_cursor cursor = { 0 };
	unsigned shown = 0;

	memset(value, 'v', sizeof(value));
	for (unsigned i = 0; i < 5; i++)
		assert_int_equal(
			nh_map_put(*state, &i, sizeof(i), value, lengths[i]),
			NH_OK);
	assert_int_equal(nh_map_scan(*state, &cursor, count_shown, &shown),
			 NH_OK);
	assert_int_equal(shown, 5);
}

static void
test_scan_that_is_done_shows_nothing_more(void **state)
{
	struct nh_cursor cursor = { 0 };
	struct seen seen = { 0 };

	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(nh_map_scan(*state, &cursor, note, &seen),
				 NH_OK);
		assert_true(cursor.done);
		assert_int_equal(seen.pairs, STAYERS);
	}
}

/* Some steps of fillers that rise and fall for ever. */
static void
push_fillers(struct nh_map *m, unsigned steps)
{
	static uint64_t turn;

	while (steps--) {
		uint64_t i = STAYERS + turn % FILLERS;

		if (turn++ / FILLERS % 2 == 0)
			number_put(m, i);
		else
			number_delete(m, i);
	}
}

static void
test_scan_is_exact_while_the_map_changes_between_pairs(void **state)
{
	struct nh_cursor cursor = { 0 };
	struct seen seen = { .stop = 1 };
	uint64_t before = map_migrations(*state);
	unsigned calls = 0;
	int err;

	while ((err = nh_map_scan(*state, &cursor, note, &seen)) ==
	       NH_ERR_STOPPED) {
		assert_int_equal(seen.pairs, ++calls);
		push_fillers(*state, 100);
		if (calls % 500 == 1)
			assert_int_equal(nh_map_shrink(*state), NH_OK);
	}
	assert_int_equal(err, NH_OK);
	assert_true(cursor.done);
	assert_stayers_seen_once(&seen);
	assert_true(map_migrations(*state) > before + 500);
}

static void
push_inside(struct nh_map *m, uint64_t number)
{
	if (number < STAYERS)
		push_fillers(m, 100);
}

static void
test_scan_is_exact_while_its_callback_changes_the_map(void **state)
{
	struct seen seen = { .in = *state, .work = push_inside };
	struct nh_cursor cursor = { 0 };
	uint64_t before = map_migrations(*state);

	assert_int_equal(nh_map_scan(*state, &cursor, note, &seen), NH_OK);
	assert_stayers_seen_once(&seen);
	assert_true(map_migrations(*state) > before + 500);
}

static void
test_scan_cursor_may_be_copied_and_resumed_later(void **state)
{
	static struct seen first, second;
	struct nh_cursor cursor = { 0 }, copy;

	first = (struct seen){ .stop = 1 };
	for (unsigned i = 0; i < STAYERS / 3; i++)
		assert_int_equal(nh_map_scan(*state, &cursor, note, &first),
				 NH_ERR_STOPPED);
	second = first;
	copy = cursor;
	first.stop = second.stop = 0;
	assert_int_equal(nh_map_scan(*state, &cursor, note, &first), NH_OK);
	assert_stayers_seen_once(&first);
	push_fillers(*state, 3 * FILLERS / 2);
	assert_int_equal(nh_map_scan(*state, &copy, note, &second), NH_OK);
	assert_stayers_seen_once(&second);
}

static void
delete_shown(struct nh_map *m, uint64_t number)
{
	number_delete(m, number);
}

static void
test_scan_callback_may_delete_what_it_is_shown(void **state)
{
	struct seen seen = { .in = *state, .work = delete_shown };
	struct nh_cursor cursor = { 0 };

	assert_int_equal(nh_map_scan(*state, &cursor, note, &seen), NH_OK);
	assert_stayers_seen_once(&seen);
	assert_int_equal(nh_map_len(*state), 0);
	assert_int_equal(map_stats(*state).entry_bytes, 0);
}

/* Everything else, on the key shown, ending as it began. */
static void
do_everything(struct nh_map *m, uint64_t number)
{
	struct answer keep = { .verdict = NH_UPDATE_KEEP };
	struct seen nested = { .stop = 1 };
	struct nh_cursor cursor = { 0 };
	char key[NUMBER_MOST], value[NUMBER_MOST];
	size_t k = number_key(number, key), v = number_value(number, value);
	bool ok;

	ok = number_is_there(m, number) &&
	     nh_map_swap(m, key, k, "x", 1, NULL, NULL, NULL) == NH_OK &&
	     nh_map_compare_and_swap(m, key, k, "x", 1, "yy", 2) == NH_OK &&
	     nh_map_compare_and_delete(m, key, k, "yy", 2) == NH_OK &&
	     nh_map_insert(m, key, k, value, v) == NH_OK &&
	     nh_map_update(m, key, k, give_answer, &keep) == NH_OK &&
	     nh_map_len(m) == STAYERS &&
	     nh_map_scan(m, &cursor, note, &nested) == NH_ERR_STOPPED &&
	     (number % 500 || nh_map_reserve(m, 100000) == NH_OK) &&
	     (number % 500 != 250 || nh_map_shrink(m) == NH_OK);
	if (!ok)
		nh_map_clear(m); /* which the test will see */
}

static void
test_scan_callback_may_do_everything(void **state)
{
	struct seen seen = { .in = *state, .work = do_everything };
	struct nh_cursor cursor = { 0 };

	assert_int_equal(nh_map_scan(*state, &cursor, note, &seen), NH_OK);
	assert_int_equal(nh_map_len(*state), STAYERS);
	assert_stayers_seen_once(&seen);
}

static void
clear_all(struct nh_map *m, uint64_t number)
{
	(void)number;
	nh_map_clear(m);
}

static void
test_scan_callback_may_clear_the_map(void **state)
{
	struct seen seen = { .in = *state, .work = clear_all };
	struct nh_cursor cursor = { 0 };

	assert_int_equal(nh_map_scan(*state, &cursor, note, &seen), NH_OK);
	assert_true(cursor.done);
	assert_false(seen.wrong);
	assert_in_range(seen.pairs, 1, STAYERS);
	assert_int_equal(nh_map_len(*state), 0);
}

/* A thread that puts and deletes fillers, and resizes. */
struct writer {
	struct nh_map *map;
	atomic_bool stop;
	bool wrong;
};

static void *
write_waves(void *arg)
{
	struct writer *w = arg;

	while (!atomic_load(&w->stop) && !w->wrong) {
		for (uint64_t i = STAYERS; i < STAYERS + FILLERS; i++)
			w->wrong |= number_put(w->map, i) != NH_OK;
		w->wrong |= nh_map_shrink(w->map) != NH_OK;
		for (uint64_t i = STAYERS; i < STAYERS + FILLERS; i++)
			w->wrong |= number_delete(w->map, i) != NH_OK;
	}
	return NULL;
}

static void
test_scan_is_exact_while_a_thread_resizes_the_map(void **state)
{
	struct writer w = { .map = *state };
	uint64_t begin = map_migrations(*state), raced = 0;
	pthread_t thread;

	assert_int_equal(pthread_create(&thread, NULL, write_waves, &w), 0);
	while (raced < 10 || map_migrations(*state) - begin < 1000) {
		uint64_t before = map_migrations(*state);
		struct nh_cursor cursor = { 0 };
		struct seen seen = { 0 };

		assert_int_equal(nh_map_scan(*state, &cursor, note, &seen),
				 NH_OK);
		assert_stayers_seen_once(&seen);
		raced += map_migrations(*state) > before;
	}
	atomic_store(&w.stop, true);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_false(w.wrong);
	assert_int_equal(nh_map_len(*state), STAYERS);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		ON_MAP(test_scan_shows_every_pair_once_at_every_size),
		ON_MAP(test_scan_shows_large_values_whole),
		ON_STAYERS(test_scan_that_is_done_shows_nothing_more),
		ON_STAYERS(
			test_scan_is_exact_while_the_map_changes_between_pairs),
		ON_STAYERS(
			test_scan_is_exact_while_its_callback_changes_the_map),
		ON_STAYERS(test_scan_cursor_may_be_copied_and_resumed_later),
		ON_STAYERS(test_scan_callback_may_delete_what_it_is_shown),
		ON_STAYERS(test_scan_callback_may_do_everything),
		ON_STAYERS(test_scan_callback_may_clear_the_map),
		ON_STAYERS(test_scan_is_exact_while_a_thread_resizes_the_map),
	};

	fixture_filter(argc, argv);
	return cmocka_run_group_tests_name("map_scan", tests, NULL, NULL);
}

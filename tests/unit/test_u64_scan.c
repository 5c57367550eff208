/*
 * test_u64_scan.c - what stays is shown exactly once, whatever else happens
 *
 * Stayers are key numbers below STAYERS, put before a scan and left alone.
 * Fillers are numbers from STAYERS on: they come and go to make the map grow
 * and shrink under the scan.  Every pair is {key_of(number), number}.
 */
#include "tests/unit/u64_fixture.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#define STAYERS 2000
#define MOST_FILLERS 150000
#define SPREAD SPREAD_MIXED

/* How often each stayer was shown, and what the callback is to do besides. */
struct seen {
	uint8_t stayer[STAYERS];
	uint64_t pairs;	   /* shown in all */
	bool wrong;	   /* a pair that nobody put */
	int stop;	   /* what to return */
	struct nh_u64 *in; /* where to work inside the callback, or NULL */
	void (*work)(struct nh_u64 *m, uint64_t number);
};

static int
note_pair(void *arg, uint64_t key, uint64_t value)
{
	struct seen *seen = arg;
	uint64_t number = key_number(SPREAD, key);

	seen->pairs++;
	seen->wrong |= number != value;
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

/* scan_pairwise - stop after every pair; calls between(m) before each next */
static void
scan_pairwise(struct nh_u64 *m, struct seen *seen,
	      void (*between)(struct nh_u64 *m))
{
	struct nh_cursor cursor = { 0 };
	uint64_t before;
	int err;

	seen->stop = 1;
	do {
		before = seen->pairs;
		err = nh_u64_scan(m, &cursor, note_pair, seen);
		assert_int_equal(seen->pairs - before, err == NH_ERR_STOPPED);
		if (between)
			between(m);
	} while (err == NH_ERR_STOPPED);
	assert_int_equal(err, NH_OK);
	assert_true(cursor.done);
}

/* A wave of fillers that rises, falls and starts over. */
static struct {
	uint64_t present;
	bool falling;
} wave;

/* push_wave - some steps of the wave; an error is seen later as a wrong len */
static void
push_wave(struct nh_u64 *m, unsigned steps)
{
	while (steps--) {
		if (wave.present == MOST_FILLERS || wave.present == 0)
			wave.falling = wave.present != 0;
		if (wave.falling) {
			wave.present--;
			nh_u64_delete(m,
				      key_of(SPREAD, STAYERS + wave.present));
			continue;
		}
		nh_u64_put(m, key_of(SPREAD, STAYERS + wave.present),
			   STAYERS + wave.present);
		wave.present++;
	}
}

static void
push_wave_between(struct nh_u64 *m)
{
	push_wave(m, 200);
}

static void
push_wave_inside(struct nh_u64 *m, uint64_t number)
{
	if (number < STAYERS)
		push_wave(m, 200);
}

static int
stayers_setup(void **state)
{
	fixture_setup(state);
	put_range(*state, SPREAD, 0, STAYERS);
	wave.present = 0;
	wave.falling = false;
	return 0;
}

#define ON_STAYERS(test) \
	cmocka_unit_test_setup_teardown(test, stayers_setup, fixture_teardown)

static void
test_scan_shows_every_pair_once_at_every_size(void **state)
{
	for (uint64_t n = 0; n < 5 * STAYERS; n = 2 * n + 1) {
		struct nh_cursor cursor = { 0 };
		struct seen seen = { 0 };

		put_range(*state, SPREAD, 0, n);
		assert_int_equal(nh_u64_scan(*state, &cursor, note_pair, &seen),
				 NH_OK);
		assert_true(cursor.done);
		assert_false(seen.wrong);
		assert_int_equal(seen.pairs, n);
		for (uint64_t i = 0; i < STAYERS; i++)
			assert_int_equal(seen.stayer[i], i < n);
	}
}

static void
test_scan_resumes_after_every_single_pair(void **state)
{
	struct seen seen = { 0 };

	scan_pairwise(*state, &seen, NULL);
	assert_stayers_seen_once(&seen);
	assert_int_equal(seen.pairs, STAYERS);
}

static void
test_scan_that_is_done_shows_nothing_more(void **state)
{
	struct nh_cursor cursor = { 0 };
	struct seen seen = { 0 };

	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(nh_u64_scan(*state, &cursor, note_pair, &seen),
				 NH_OK);
		assert_true(cursor.done);
		assert_int_equal(seen.pairs, STAYERS);
	}
}

static void
test_scan_stops_for_anything_but_zero(void **state)
{
	static const int stops[] = { 1, -1, NH_ERR_ARG, 1 << 30 };
	struct nh_cursor cursor = { 0 };
	struct seen seen = { 0 };

	for (unsigned i = 0; i < 4; i++) {
		seen.stop = stops[i];
		assert_int_equal(nh_u64_scan(*state, &cursor, note_pair, &seen),
				 NH_ERR_STOPPED);
		assert_int_equal(seen.pairs, i + 1);
	}
}

static void
test_scan_cursor_may_be_copied_and_resumed_later(void **state)
{
	static struct seen first, second;
	struct nh_cursor cursor = { 0 }, copy;

	first = (struct seen){ .stop = 1 };
	for (unsigned i = 0; i < STAYERS / 3; i++)
		assert_int_equal(
			nh_u64_scan(*state, &cursor, note_pair, &first),
			NH_ERR_STOPPED);
	second = first;
	copy = cursor;
	first.stop = second.stop = 0;
	assert_int_equal(nh_u64_scan(*state, &cursor, note_pair, &first),
			 NH_OK);
	assert_stayers_seen_once(&first);
	push_wave(*state, 2 * MOST_FILLERS);
	assert_int_equal(nh_u64_scan(*state, &copy, note_pair, &second), NH_OK);
	assert_stayers_seen_once(&second);
}

static void
test_scan_goes_on_over_reserve_and_shrink(void **state)
{
	struct nh_cursor cursor = { 0 };
	struct seen seen = { .stop = 1 };
	uint64_t before = migrations_of(*state);
	int err = NH_ERR_STOPPED;

	for (unsigned i = 0; err == NH_ERR_STOPPED; i++) {
		if (i % 400 == 200)
			assert_int_equal(nh_u64_reserve(*state, 200000), NH_OK);
		if (i % 400 == 0)
			assert_int_equal(nh_u64_shrink(*state), NH_OK);
		err = nh_u64_scan(*state, &cursor, note_pair, &seen);
	}
	assert_int_equal(err, NH_OK);
	assert_true(migrations_of(*state) > before);
	assert_stayers_seen_once(&seen);
}

static void
test_scan_does_not_show_what_went_before_it_came_there(void **state)
{
	static struct seen seen, rest;
	struct nh_cursor cursor = { 0 };

	seen = (struct seen){ .stop = 1 };
	rest = (struct seen){ 0 };
	for (unsigned i = 0; i < STAYERS / 2; i++)
		nh_u64_scan(*state, &cursor, note_pair, &seen);
	for (uint64_t i = 0; i < STAYERS; i += 2)
		assert_int_equal(nh_u64_delete(*state, key_of(SPREAD, i)),
				 NH_OK);
	assert_int_equal(nh_u64_scan(*state, &cursor, note_pair, &rest), NH_OK);
	for (uint64_t i = 0; i < STAYERS; i++)
		assert_int_equal(rest.stayer[i], i % 2 && !seen.stayer[i]);
}

/* Every segment grew and shrank, on average, since `before`. */
static void
assert_waves_passed(const struct nh_u64 *m, const struct nh_stats *before)
{
	struct nh_stats after = stats_of(m);

	assert_true(after.grows - before->grows > 256);
	assert_true(after.shrinks - before->shrinks > 256);
	assert_int_equal(nh_u64_len(m), STAYERS + wave.present);
}

static void
test_scan_is_exact_while_the_map_changes_between_pairs(void **state)
{
	struct nh_stats before = stats_of(*state);
	struct seen seen = { 0 };

	scan_pairwise(*state, &seen, push_wave_between);
	assert_stayers_seen_once(&seen);
	assert_waves_passed(*state, &before);
}

static void
test_scan_is_exact_while_its_callback_changes_the_map(void **state)
{
	struct nh_stats before = stats_of(*state);
	struct seen seen = { .in = *state, .work = push_wave_inside };
	struct nh_cursor cursor = { 0 };

	assert_int_equal(nh_u64_scan(*state, &cursor, note_pair, &seen), NH_OK);
	assert_stayers_seen_once(&seen);
	assert_waves_passed(*state, &before);
}

static void
delete_shown(struct nh_u64 *m, uint64_t number)
{
	nh_u64_delete(m, key_of(SPREAD, number));
}

static void
test_scan_callback_may_delete_what_it_is_shown(void **state)
{
	struct seen seen = { .in = *state, .work = delete_shown };
	struct nh_cursor cursor = { 0 };

	assert_int_equal(nh_u64_scan(*state, &cursor, note_pair, &seen), NH_OK);
	assert_stayers_seen_once(&seen);
	assert_int_equal(nh_u64_len(*state), 0);
}

static int
store_same(void *arg, uint64_t key, bool present, uint64_t *value)
{
	(void)arg;
	(void)key;
	(void)value;
	return present ? NH_UPDATE_STORE : NH_UPDATE_KEEP;
}

/* Everything else, on the key shown, ending as it began. */
static void
do_everything(struct nh_u64 *m, uint64_t number)
{
	uint64_t key = key_of(SPREAD, number), value = 0;
	struct seen nested = { .stop = 1 };
	struct nh_cursor cursor = { 0 };
	bool ok;

	ok = nh_u64_get(m, key, &value) == NH_OK && value == number &&
	     nh_u64_swap(m, key, 1, &value, NULL) == NH_OK &&
	     nh_u64_fetch_add(m, key, number - 1, NULL) == NH_OK &&
	     nh_u64_compare_and_swap(m, key, number, 2) == NH_OK &&
	     nh_u64_put_batch(m, &key, &number, 1, NULL) == NH_OK &&
	     nh_u64_update(m, key, store_same, NULL) == NH_OK &&
	     nh_u64_insert(m, key, 3) == NH_ERR_EXISTS &&
	     nh_u64_len(m) == STAYERS &&
	     nh_u64_scan(m, &cursor, note_pair, &nested) == NH_ERR_STOPPED &&
	     (number % 500 || nh_u64_reserve(m, 100000) == NH_OK) &&
	     (number % 500 != 250 || nh_u64_shrink(m) == NH_OK);
	if (!ok)
		nh_u64_clear(m); /* which the test will see */
}

static void
test_scan_callback_may_do_everything(void **state)
{
	struct seen seen = { .in = *state, .work = do_everything };
	struct nh_cursor cursor = { 0 };

	assert_int_equal(nh_u64_scan(*state, &cursor, note_pair, &seen), NH_OK);
	assert_int_equal(nh_u64_len(*state), STAYERS);
	assert_stayers_seen_once(&seen);
}

static void
clear_all(struct nh_u64 *m, uint64_t number)
{
	(void)number;
	nh_u64_clear(m);
}

static void
test_scan_callback_may_clear_the_map(void **state)
{
	struct seen seen = { .in = *state, .work = clear_all };
	struct nh_cursor cursor = { 0 };

	assert_int_equal(nh_u64_scan(*state, &cursor, note_pair, &seen), NH_OK);
	assert_true(cursor.done);
	assert_false(seen.wrong);
	assert_in_range(seen.pairs, 1, STAYERS);
	assert_int_equal(nh_u64_len(*state), 0);
}

#define ORDER 100

static void
scan_order(uint64_t seed, uint64_t *order)
{
	struct nh_config config = config_make(seed);
	struct nh_u64 *m = map_make(&config);

	put_range(m, SPREAD, 0, STAYERS);
	first_keys(m, order, ORDER);
	nh_u64_destroy(m);
}

static void
test_scan_order_follows_the_seed(void **state)
{
	uint64_t one[ORDER], same[ORDER], other[ORDER];
	uint64_t random[ORDER], random2[ORDER];

	(void)state;
	scan_order(1, one);
	scan_order(1, same);
	scan_order(2, other);
	scan_order(0, random);
	scan_order(0, random2);
	assert_memory_equal(one, same, sizeof(one));
	assert_memory_not_equal(one, other, sizeof(one));
	assert_memory_not_equal(one, random, sizeof(one));
	assert_memory_not_equal(random, random2, sizeof(one));
}

#define WRITERS 2
#define RACING_FILLERS 30000

/* A thread that makes waves in a range of its own, and resizes. */
struct writer {
	struct nh_u64 *map;
	uint64_t base;
	atomic_bool *stop;
	bool wrong;
	pthread_t thread;
};

static void
write_one_wave(struct writer *w)
{
	for (uint64_t i = w->base; i < w->base + RACING_FILLERS; i++)
		w->wrong |=
			nh_u64_insert(w->map, key_of(SPREAD, i), i) != NH_OK;
	w->wrong |= nh_u64_shrink(w->map) != NH_OK;
	for (uint64_t i = w->base; i < w->base + RACING_FILLERS; i++)
		w->wrong |= nh_u64_delete(w->map, key_of(SPREAD, i)) != NH_OK;
	w->wrong |= nh_u64_reserve(w->map, 2 * RACING_FILLERS) != NH_OK;
}

static void *
write_waves(void *arg)
{
	struct writer *w = arg;

	while (!atomic_load(w->stop) && !w->wrong)
		write_one_wave(w);
	return NULL;
}

static void
start_writers(struct writer *writer, struct nh_u64 *m, atomic_bool *stop)
{
	for (unsigned i = 0; i < WRITERS; i++) {
		writer[i] = (struct writer){
			.map = m,
			.base = STAYERS + i * RACING_FILLERS,
			.stop = stop,
		};
		assert_int_equal(pthread_create(&writer[i].thread, NULL,
						write_waves, &writer[i]),
				 0);
	}
}

static void
test_scan_is_exact_while_threads_resize_the_map(void **state)
{
	atomic_bool stop = false;
	struct writer writer[WRITERS];
	uint64_t begin = migrations_of(*state), scans = 0, raced = 0;

	start_writers(writer, *state, &stop);
	while (raced < 10 || migrations_of(*state) - begin < 2000) {
		uint64_t before = migrations_of(*state);
		struct nh_cursor cursor = { 0 };
		struct seen seen = { 0 };

		assert_int_equal(nh_u64_scan(*state, &cursor, note_pair, &seen),
				 NH_OK);
		assert_stayers_seen_once(&seen);
		raced += migrations_of(*state) > before;
		assert_true(++scans < 1000000);
	}
	atomic_store(&stop, true);
	for (unsigned i = 0; i < WRITERS; i++) {
		assert_int_equal(pthread_join(writer[i].thread, NULL), 0);
		assert_false(writer[i].wrong);
	}
	assert_int_equal(nh_u64_len(*state), STAYERS);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		ON_MAP(test_scan_shows_every_pair_once_at_every_size),
		ON_STAYERS(test_scan_resumes_after_every_single_pair),
		ON_STAYERS(test_scan_that_is_done_shows_nothing_more),
		ON_STAYERS(test_scan_stops_for_anything_but_zero),
		ON_STAYERS(test_scan_cursor_may_be_copied_and_resumed_later),
		ON_STAYERS(test_scan_goes_on_over_reserve_and_shrink),
		ON_STAYERS(
			test_scan_does_not_show_what_went_before_it_came_there),
		ON_STAYERS(
			test_scan_is_exact_while_the_map_changes_between_pairs),
		ON_STAYERS(
			test_scan_is_exact_while_its_callback_changes_the_map),
		ON_STAYERS(test_scan_callback_may_delete_what_it_is_shown),
		ON_STAYERS(test_scan_callback_may_do_everything),
		ON_STAYERS(test_scan_callback_may_clear_the_map),
		cmocka_unit_test(test_scan_order_follows_the_seed),
		ON_STAYERS(test_scan_is_exact_while_threads_resize_the_map),
	};

	fixture_filter(argc, argv);
	return cmocka_run_group_tests_name("u64_scan", tests, NULL, NULL);
}

/*
 * test_u64_size.c - growing, shrinking and fixed capacity, seen from outside
 */
#include "tests/unit/u64_fixture.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#define SPREAD SPREAD_MIXED
#define MILLION UINT64_C(1000000)

/* ----------------------------------------------------------------- growing */

static void
test_growing_map_keeps_every_key(void **state)
{
	for (uint64_t n = 1; n <= 1 << 17; n *= 2) {
		put_range(*state, SPREAD, n / 2, n);
		assert_int_equal(nh_u64_len(*state), n);
		assert_range(*state, SPREAD, 0, n);
		assert_absent(*state, key_of(SPREAD, n));
	}
	assert_true(stats_of(*state).grows > 256);
}

/* A segment has over a thousand blocks here; one write moves a part of them. */
static void
test_no_single_put_moves_a_whole_segment(void **state)
{
	uint64_t last, moved, most = 0, begin;

	put_range(*state, SPREAD, 0, 2 * MILLION);
	assert_true(stats_of(*state).lines > 256 * 2000);
	begin = last = stats_of(*state).blocks_moved;
	for (uint64_t i = 2 * MILLION; i < 2200000; i++) {
		put_range(*state, SPREAD, i, i + 1);
		moved = stats_of(*state).blocks_moved;
		most = moved - last > most ? moved - last : most;
		last = moved;
	}
	assert_true(last - begin > 10000);
	assert_in_range(most, 1, 400);
}

static void
test_an_empty_map_costs_at_most_64_kib(void **state)
{
	struct nh_stats stats = stats_of(*state);

	assert_int_equal(stats.entries, 0);
	assert_in_range(stats.fixed_bytes, 1, 64 << 10);
	assert_in_range(stats.fixed_bytes + stats.table_bytes, 1, 64 << 10);
}

static void
test_entries_cost_at_most_36_bytes_while_growing(void **state)
{
	struct nh_stats stats;

	put_range(*state, SPREAD, 0, MILLION / 10);
	for (uint64_t n = MILLION / 10; n < MILLION; n += 2000) {
		stats = stats_of(*state);
		assert_in_range(stats.fixed_bytes + stats.table_bytes, 1,
				36 * n);
		put_range(*state, SPREAD, n, n + 2000);
	}
	stats = stats_of(*state);
	assert_in_range(stats.fixed_bytes + stats.table_bytes, 1, 30 * MILLION);
}

static void
test_statistics_agree_with_each_other(void **state)
{
	for (uint64_t n = 0; n < 100000; n += 10000) {
		struct nh_stats stats = stats_of(*state);

		assert_int_equal(stats.entries, n);
		assert_int_equal(stats.entries, nh_u64_len(*state));
		assert_true(stats.slots >= stats.entries);
		assert_true(stats.table_bytes >= 64 * stats.lines);
		assert_true(stats.overflow_lines <= stats.lines);
		assert_true(stats.migrating <= 256);
		put_range(*state, SPREAD, n, n + 10000);
	}
}

#define CROWD 2000

/* The first keys that a scan shows are neighbours: they crowd one place. */
static void
test_keys_that_crowd_one_place_are_held_too(void **state)
{
	static uint64_t crowd[CROWD];
	struct nh_config config = config_make(FIXTURE_SEED);
	struct nh_u64 *m = map_make(&config);

	put_range(*state, SPREAD, 0, 600000);
	first_keys(*state, crowd, CROWD);
	for (unsigned i = 0; i < CROWD; i++)
		assert_int_equal(nh_u64_put(m, crowd[i], i), NH_OK);
	for (unsigned i = 0; i < CROWD; i++)
		assert_value(m, crowd[i], i);
	for (unsigned i = 0; i < CROWD; i++)
		assert_int_equal(nh_u64_delete(m, crowd[i]), NH_OK);
	assert_int_equal(nh_u64_len(m), 0);
	nh_u64_destroy(m);
}

static void
test_maintenance_thread_finishes_what_nobody_pushes(void **state)
{
	const struct timespec tick = { .tv_nsec = 10000000 };
	struct nh_config config = config_make(FIXTURE_SEED);
	struct nh_u64 *m;

	(void)state;
	config.maintenance = true;
	m = map_make(&config);
	put_range(m, SPREAD, 0, 100000);
	for (unsigned i = 0; i < 1000 && stats_of(m).migrating; i++)
		nanosleep(&tick, NULL);
	assert_int_equal(stats_of(m).migrating, 0);
	assert_range(m, SPREAD, 0, 100000);
	nh_u64_destroy(m);
}

/* --------------------------------------------------------------- shrinking */

static uint64_t
resident_bytes(void)
{
	FILE *file = fopen("/proc/self/statm", "r");
	uint64_t size, pages;

	assert_non_null(file);
	assert_int_equal(fscanf(file, "%" SCNu64 "%" SCNu64, &size, &pages), 2);
	fclose(file);
	return pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

static void
test_deletes_shrink_the_map_without_a_call(void **state)
{
	uint64_t full, resident, returned;

	put_range(*state, SPREAD, 0, MILLION);
	full = stats_of(*state).table_bytes;
	resident = resident_bytes();
	returned = memory_of_process().returned;
	delete_range(*state, SPREAD, MILLION / 100, MILLION);
	assert_true(stats_of(*state).shrinks > 256);
	assert_true(stats_of(*state).table_bytes < full / 8);
	assert_true(memory_of_process().returned - returned > full / 2);
	assert_true(resident_bytes() < resident - full / 2);
	assert_int_equal(nh_u64_len(*state), MILLION / 100);
	assert_range(*state, SPREAD, 0, MILLION / 100);
	delete_range(*state, SPREAD, 0, MILLION / 100);
	assert_int_equal(nh_u64_len(*state), 0);
}

static void
test_shrink_fits_the_tables_to_what_is_there(void **state)
{
	struct nh_config config = config_make(FIXTURE_SEED);
	struct nh_u64 *grown = map_make(&config);
	struct nh_stats before, after;

	put_range(grown, SPREAD, 0, 60000);
	put_range(*state, SPREAD, 0, 100000);
	delete_range(*state, SPREAD, 60000, 100000);
	before = stats_of(*state);
	assert_int_equal(nh_u64_shrink(*state), NH_OK);
	after = stats_of(*state);
	assert_int_equal(after.migrating, 0);
	assert_true(after.table_bytes <= before.table_bytes);
	assert_true(after.table_bytes <= stats_of(grown).table_bytes);
	assert_range(*state, SPREAD, 0, 60000);
	put_range(*state, SPREAD, 60000, 200000);
	assert_range(*state, SPREAD, 0, 200000);
	nh_u64_destroy(grown);
}

static void
test_shrink_of_an_emptied_map_leaves_little(void **state)
{
	struct nh_stats stats;

	assert_int_equal(nh_u64_shrink(*state), NH_OK);
	put_range(*state, SPREAD, 0, 100000);
	delete_range(*state, SPREAD, 0, 100000);
	assert_int_equal(nh_u64_shrink(*state), NH_OK);
	stats = stats_of(*state);
	assert_true(stats.fixed_bytes + stats.table_bytes <= 64 << 10);
	put_range(*state, SPREAD, 0, 1000);
	assert_range(*state, SPREAD, 0, 1000);
}

static void
test_a_map_gives_all_its_memory_back_when_destroyed(void **state)
{
	struct nh_config config = config_make(FIXTURE_SEED);
	uint64_t before = memory_of_process().used;
	struct nh_u64 *m = map_make(&config);

	(void)state;
	put_range(m, SPREAD, 0, 100000);
	assert_true(memory_of_process().used > before + 100000 * 16);
	nh_u64_destroy(m);
	assert_int_equal(memory_of_process().used, before);
}

/* --------------------------------------------------------------- reserving */

static void
test_reserve_makes_room_at_once(void **state)
{
	struct nh_config config = config_make(FIXTURE_SEED);
	struct nh_u64 *plain = map_make(&config);
	uint64_t begin, moved;

	assert_int_equal(nh_u64_reserve(*state, 100000), NH_OK);
	assert_true(stats_of(*state).slots >= 100000);
	begin = stats_of(*state).blocks_moved;
	put_range(*state, SPREAD, 0, 100000);
	moved = stats_of(*state).blocks_moved - begin;
	put_range(plain, SPREAD, 0, 100000);
	assert_true(4 * moved < stats_of(plain).blocks_moved);
	assert_range(*state, SPREAD, 0, 100000);
	nh_u64_destroy(plain);
}

static void
test_capacity_makes_room_at_creation(void **state)
{
	struct nh_config config = config_make(FIXTURE_SEED);
	struct nh_u64 *m;

	(void)state;
	config.capacity = 100000;
	m = map_make(&config);
	assert_true(stats_of(m).slots >= 100000);
	put_range(m, SPREAD, 0, 300000);
	assert_range(m, SPREAD, 0, 300000);
	nh_u64_destroy(m);
}

static void
test_reserve_never_shrinks_and_stays(void **state)
{
	uint64_t slots;

	assert_int_equal(nh_u64_reserve(*state, 200000), NH_OK);
	slots = stats_of(*state).slots;
	assert_int_equal(nh_u64_reserve(*state, 0), NH_OK);
	assert_int_equal(nh_u64_reserve(*state, 1000), NH_OK);
	assert_int_equal(nh_u64_reserve(*state, 200000), NH_OK);
	put_range(*state, SPREAD, 0, 10000);
	put_range(*state, SPREAD, 0, 10000);
	assert_range(*state, SPREAD, 0, 10000);
	assert_true(stats_of(*state).slots >= slots);
	assert_int_equal(nh_u64_shrink(*state), NH_OK);
	assert_true(stats_of(*state).slots < slots / 4);
	assert_range(*state, SPREAD, 0, 10000);
}

/* ---------------------------------------------------------------- clearing */

static void
test_clear_removes_all_and_gives_memory_back(void **state)
{
	struct nh_cursor cursor = { 0 };
	struct nh_stats stats;
	unsigned shown = 0;

	assert_int_equal(nh_u64_clear(*state), NH_OK);
	for (unsigned round = 0; round < 3; round++) {
		put_range(*state, SPREAD, 0, 100000);
		assert_int_equal(nh_u64_clear(*state), NH_OK);
		assert_int_equal(nh_u64_clear(*state), NH_OK);
		assert_int_equal(nh_u64_len(*state), 0);
		for (uint64_t i = 0; i < 100000; i++)
			assert_absent(*state, key_of(SPREAD, i));
	}
	assert_int_equal(nh_u64_scan(*state, &cursor, count_pair, &shown),
			 NH_OK);
	assert_int_equal(shown, 0);
	stats = stats_of(*state);
	assert_true(stats.fixed_bytes + stats.table_bytes <= 64 << 10);
}

/* Threads that write while the main thread clears or counts. */
#define WRITERS 2
#define WRITER_KEYS 20000

struct writer {
	struct nh_u64 *map;
	uint64_t base;
	atomic_bool *stop;
	atomic_uint_fast64_t steps;
	bool wrong;
	pthread_t thread;
};

static void
start_writers(struct writer *writer, struct nh_u64 *m, atomic_bool *stop,
	      void *(*run)(void *))
{
	for (unsigned i = 0; i < WRITERS; i++) {
		struct writer *w = &writer[i];

		w->map = m;
		w->base = MILLION * (i + 1);
		w->stop = stop;
		w->wrong = false;
		atomic_init(&w->steps, 0);
		assert_int_equal(pthread_create(&w->thread, NULL, run, w), 0);
	}
}

static uint64_t
writer_steps(struct writer *writer)
{
	uint64_t steps = UINT64_MAX;

	for (unsigned i = 0; i < WRITERS; i++) {
		uint64_t own = atomic_load(&writer[i].steps);

		steps = own < steps ? own : steps;
	}
	return steps;
}

static void
stop_writers(struct writer *writer, atomic_bool *stop)
{
	atomic_store(stop, true);
	for (unsigned i = 0; i < WRITERS; i++) {
		assert_int_equal(pthread_join(writer[i].thread, NULL), 0);
		assert_false(writer[i].wrong);
	}
}

static void *
put_and_delete(void *arg)
{
	struct writer *w = arg;
	struct rng rng = rng_make(w->base);

	while (!atomic_load(w->stop)) {
		uint64_t i = w->base + rng_below(&rng, WRITER_KEYS);
		uint64_t key = key_of(SPREAD, i), value = i;
		int err = nh_u64_put(w->map, key, i);

		w->wrong |= err != NH_OK;
		err = nh_u64_get(w->map, key, &value);
		w->wrong |=
			(err != NH_OK && err != NH_ERR_NOTFOUND) || value != i;
		if (i % 4 == 0) {
			err = nh_u64_delete(w->map, key);
			w->wrong |= err != NH_OK && err != NH_ERR_NOTFOUND;
		}
		atomic_fetch_add(&w->steps, 1);
	}
	return NULL;
}

static void
test_clear_removes_what_was_there_while_threads_write(void **state)
{
	atomic_bool stop = false;
	struct writer writer[WRITERS];
	unsigned rounds = 0;

	start_writers(writer, *state, &stop, put_and_delete);
	while (rounds < 50 || writer_steps(writer) < 50000) {
		put_range(*state, SPREAD, 0, 500);
		assert_range(*state, SPREAD, 0, 500);
		assert_int_equal(nh_u64_clear(*state), NH_OK);
		for (uint64_t i = 0; i < 500; i++)
			assert_absent(*state, key_of(SPREAD, i));
		rounds++;
	}
	stop_writers(writer, &stop);
	assert_true(nh_u64_len(*state) <= WRITERS * WRITER_KEYS);
	assert_int_equal(nh_u64_clear(*state), NH_OK);
	assert_int_equal(nh_u64_len(*state), 0);
}

/* ---------------------------------------------------------------- counting */

static void *
toggle_one(void *arg)
{
	struct writer *w = arg;

	while (!atomic_load(w->stop)) {
		w->wrong |= nh_u64_put(w->map, w->base, 1) != NH_OK;
		w->wrong |= nh_u64_delete(w->map, w->base) != NH_OK;
		atomic_fetch_add(&w->steps, 1);
	}
	return NULL;
}

static void
test_len_is_off_by_at_most_the_threads_that_write(void **state)
{
	atomic_bool stop = false;
	struct writer writer[WRITERS];
	uint64_t least = UINT64_MAX, most = 0;

	put_range(*state, SPREAD, 0, 1000);
	start_writers(writer, *state, &stop, toggle_one);
	/* On a busy machine it may take long until one is caught half way. */
	while (writer_steps(writer) < 20000 ||
	       (most <= 1000 && writer_steps(writer) < 20 * MILLION)) {
		uint64_t len = nh_u64_len(*state);

		least = len < least ? len : least;
		most = len > most ? len : most;
	}
	stop_writers(writer, &stop);
	assert_in_range(least, 1000 - WRITERS, 1000 + WRITERS);
	assert_in_range(most, 1001, 1000 + 2 * WRITERS);
	assert_int_equal(nh_u64_len(*state), 1000);
}

/* ---------------------------------------------------------- fixed capacity */

static struct nh_u64 *
fixed_make(uint64_t capacity, uint64_t seed)
{
	struct nh_config config = config_make(seed);

	config.capacity = capacity;
	config.fixed = true;
	return map_make(&config);
}

/* fill_up - insert key numbers 0, 1, ... until the map is full; how many */
static uint64_t
fill_up(struct nh_u64 *m, uint64_t capacity)
{
	for (uint64_t i = 0; i < 64 * capacity + MILLION; i++) {
		int err = nh_u64_insert(m, key_of(SPREAD, i), i);

		if (err == NH_ERR_FULL)
			return i;
		assert_int_equal(err, NH_OK);
	}
	fail_msg("a fixed map of %" PRIu64 " never says it is full", capacity);
	return 0;
}

static void
test_fixed_map_holds_its_capacity_with_any_seed(void **state)
{
	static const uint64_t capacities[] = { 1,   2,	 3,    4,    7,	   16,
					       100, 255, 1000, 4096, 30000 };

	(void)state;
	for (unsigned c = 0; c < sizeof(capacities) / sizeof(*capacities); c++)
		for (uint64_t seed = 1; seed <= 12; seed++) {
			enum spread spread = (enum spread)(seed % 4);
			struct nh_u64 *m = fixed_make(capacities[c], seed);

			put_range(m, spread, 0, capacities[c]);
			assert_range(m, spread, 0, capacities[c]);
			assert_int_equal(nh_u64_len(m), capacities[c]);
			nh_u64_destroy(m);
		}
}

static void
test_fixed_map_says_when_it_is_full_and_stays_intact(void **state)
{
	static const uint64_t capacities[] = { 1, 10, 1000, 20000 };

	(void)state;
	for (unsigned c = 0; c < 4; c++) {
		struct nh_u64 *m = fixed_make(capacities[c], FIXTURE_SEED);
		uint64_t n = fill_up(m, capacities[c]);

		assert_true(n >= capacities[c]);
		assert_int_equal(nh_u64_len(m), n);
		assert_range(m, SPREAD, 0, n);
		assert_absent(m, key_of(SPREAD, n));
		put_range(m, SPREAD, 0, n); /* overwriting needs no room */
		assert_range(m, SPREAD, 0, n);
		nh_u64_destroy(m);
	}
}

static void
test_full_map_refuses_every_kind_of_insert(void **state)
{
	struct nh_u64 *m = fixed_make(100, FIXTURE_SEED);
	uint64_t n = fill_up(m, 100), key = key_of(SPREAD, n), old = POISON;
	struct verdict v = { .verdict = NH_UPDATE_STORE, .store = 1 };
	size_t done = 99;
	bool loaded = true;
	const int full = NH_ERR_FULL;

	(void)state;
	assert_int_equal(nh_u64_put(m, key, 1), full);
	assert_int_equal(nh_u64_insert(m, key, 1), full);
	assert_int_equal(nh_u64_load_or_store(m, key, 1, &old, &loaded), full);
	assert_int_equal(nh_u64_swap(m, key, 1, &old, &loaded), full);
	assert_int_equal(nh_u64_fetch_add(m, key, 1, &old), full);
	assert_int_equal(nh_u64_update(m, key, give_verdict, &v), full);
	assert_int_equal(nh_u64_put_batch(m, &key, &key, 1, &done), full);
	assert_int_equal(old, POISON);
	assert_true(loaded);
	assert_int_equal(v.calls, 0);
	assert_int_equal(done, 0);
	assert_absent(m, key);
	assert_int_equal(nh_u64_len(m), n);
	assert_int_equal(nh_u64_update(m, key_of(SPREAD, 0), give_verdict, &v),
			 NH_OK);
	assert_value(m, key_of(SPREAD, 0), 1);
	nh_u64_destroy(m);
}

static void
test_delete_makes_room_in_a_full_map(void **state)
{
	struct nh_u64 *m = fixed_make(1000, FIXTURE_SEED);
	uint64_t n = fill_up(m, 1000);

	(void)state;
	for (uint64_t i = 0; i < n; i++) {
		delete_range(m, SPREAD, i, i + 1);
		assert_int_equal(nh_u64_insert(m, key_of(SPREAD, i), i), NH_OK);
	}
	assert_range(m, SPREAD, 0, n);
	delete_range(m, SPREAD, 0, n);
	assert_int_equal(nh_u64_len(m), 0);
	put_range(m, SPREAD, MILLION, MILLION + 1000);
	assert_range(m, SPREAD, MILLION, MILLION + 1000);
	nh_u64_destroy(m);
}

static void
test_fixed_map_takes_ever_new_keys_up_to_its_capacity(void **state)
{
	const uint64_t capacity = 2000;
	struct nh_u64 *m = fixed_make(capacity, FIXTURE_SEED);
	uint64_t bytes = stats_of(m).table_bytes;

	(void)state;
	put_range(m, SPREAD, 0, capacity);
	for (uint64_t i = 0; i < 50 * capacity; i++) {
		delete_range(m, SPREAD, i, i + 1);
		put_range(m, SPREAD, i + capacity, i + capacity + 1);
	}
	assert_int_equal(nh_u64_len(m), capacity);
	assert_range(m, SPREAD, 50 * capacity, 51 * capacity);
	assert_in_range(stats_of(m).table_bytes, 1, 2 * bytes);
	nh_u64_destroy(m);
}

static void
test_fixed_map_keeps_its_room_over_clear_and_shrink(void **state)
{
	struct nh_u64 *m = fixed_make(5000, FIXTURE_SEED);

	(void)state;
	for (uint64_t round = 0; round < 5; round++) {
		put_range(m, SPREAD, 5000 * round, 5000 * (round + 1));
		assert_range(m, SPREAD, 5000 * round, 5000 * (round + 1));
		assert_int_equal(nh_u64_clear(m), NH_OK);
		assert_int_equal(nh_u64_len(m), 0);
		assert_int_equal(nh_u64_shrink(m), NH_OK);
	}
	nh_u64_destroy(m);
}

static void
test_fixed_map_reserves_no_more_than_its_capacity(void **state)
{
	struct nh_u64 *m = fixed_make(1000, FIXTURE_SEED);

	(void)state;
	assert_int_equal(nh_u64_reserve(m, 0), NH_OK);
	assert_int_equal(nh_u64_reserve(m, 1000), NH_OK);
	assert_int_equal(nh_u64_reserve(m, 1001), NH_ERR_FULL);
	assert_int_equal(nh_u64_reserve(m, NH_CAPACITY_MAX), NH_ERR_FULL);
	put_range(m, SPREAD, 0, 1000);
	assert_range(m, SPREAD, 0, 1000);
	nh_u64_destroy(m);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		ON_MAP(test_growing_map_keeps_every_key),
		ON_MAP(test_no_single_put_moves_a_whole_segment),
		ON_MAP(test_an_empty_map_costs_at_most_64_kib),
		ON_MAP(test_entries_cost_at_most_36_bytes_while_growing),
		ON_MAP(test_statistics_agree_with_each_other),
		ON_MAP(test_keys_that_crowd_one_place_are_held_too),
		cmocka_unit_test(
			test_maintenance_thread_finishes_what_nobody_pushes),
		ON_MAP(test_deletes_shrink_the_map_without_a_call),
		ON_MAP(test_shrink_fits_the_tables_to_what_is_there),
		ON_MAP(test_shrink_of_an_emptied_map_leaves_little),
		cmocka_unit_test(
			test_a_map_gives_all_its_memory_back_when_destroyed),
		ON_MAP(test_reserve_makes_room_at_once),
		cmocka_unit_test(test_capacity_makes_room_at_creation),
		ON_MAP(test_reserve_never_shrinks_and_stays),
		ON_MAP(test_clear_removes_all_and_gives_memory_back),
		ON_MAP(test_clear_removes_what_was_there_while_threads_write),
		ON_MAP(test_len_is_off_by_at_most_the_threads_that_write),
		cmocka_unit_test(
			test_fixed_map_holds_its_capacity_with_any_seed),
		cmocka_unit_test(
			test_fixed_map_says_when_it_is_full_and_stays_intact),
		cmocka_unit_test(test_full_map_refuses_every_kind_of_insert),
		cmocka_unit_test(test_delete_makes_room_in_a_full_map),
		cmocka_unit_test(
			test_fixed_map_takes_ever_new_keys_up_to_its_capacity),
		cmocka_unit_test(
			test_fixed_map_keeps_its_room_over_clear_and_shrink),
		cmocka_unit_test(
			test_fixed_map_reserves_no_more_than_its_capacity),
	};

	fixture_filter(argc, argv);
	return cmocka_run_group_tests_name("u64_size", tests, NULL, NULL);
}

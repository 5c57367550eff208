/*
 * test_shard.c - segments by a rule of the caller's, and from one rule to
 * another
 *
 * A rule that stops the mover at a key of our choice shows the map half way.
 * Linked with --wrap=nh_arena_alloc and nh_clock_ns, so that memory runs out
 * and time passes where a test says.
 */
#include "tests/unit/shard_fixture.h"

#include <pthread.h>
#include <sched.h>
#include <stdlib.h>

#include "numa/arena.h"

#define KEYS 20000

struct nh_extent *__real_nh_arena_alloc(enum nh_arena_kind kind, size_t bytes,
					int node);
struct nh_extent *__wrap_nh_arena_alloc(enum nh_arena_kind kind, size_t bytes,
					int node);

static _Atomic(uint64_t) allocations_left = UINT64_MAX; /* that: no limit */

struct nh_extent *
__wrap_nh_arena_alloc(enum nh_arena_kind kind, size_t bytes, int node)
{
	if (!allocations_left)
		return NULL;
	/* Whoever sets a limit is alone then, or it is 0. */
	if (allocations_left != UINT64_MAX)
		allocations_left--;
	return __real_nh_arena_alloc(kind, bytes, node);
}

/* --------------------------------------------------------------- placement */

static void
test_keys_lie_where_the_rule_says(void **state)
{
	struct salt salt = { 3, 256 };
	struct nh_map *m = sharded_make(&salt);

	(void)state;
	put_range(m, 0, KEYS, 1);
	assert_range(m, 0, KEYS, 1);
	assert_placed(m, &salt, 0, KEYS);
	for (uint64_t i = 0; i < KEYS / 2; i++)
		assert_int_equal(forget(m, i), NH_OK);
	assert_none(m, 0, KEYS / 2);
	assert_placed(m, &salt, KEYS / 2, KEYS);
	nh_map_destroy(m);
}

/* 20,000 keys in one segment: the others cost nothing. */
static void
test_one_segment_may_have_all_keys(void **state)
{
	struct salt salt = { 77 + 5 * SEGMENTS, 1 };
	struct nh_map *m = sharded_make(&salt);

	(void)state;
	put_range(m, 0, KEYS, 1);
	assert_range(m, 0, KEYS, 1);
	for (unsigned i = 0; i < SEGMENTS; i++) {
		struct nh_segment_stats stats = segment_stats(m, i);

		assert_int_equal(stats.entries, i == 77 ? KEYS : 0);
		assert_int_equal(stats.slots > KEYS, i == 77);
		assert_int_equal(stats.table_bytes > 16 * KEYS, i == 77);
	}
	nh_map_destroy(m);
}

static void
test_segments_add_up_to_the_map(void **state)
{
	struct salt salt = { 9, 100 };
	struct nh_map *m = sharded_make(&salt);
	struct nh_stats all = { .size = sizeof(all) };
	struct nh_segment_stats sum = { 0 };

	(void)state;
	put_range(m, 0, KEYS, 1);
	assert_int_equal(nh_map_shrink(m), NH_OK);
	assert_int_equal(nh_map_stats(m, &all), NH_OK);
	for (unsigned i = 0; i < SEGMENTS; i++) {
		struct nh_segment_stats one = segment_stats(m, i);

		assert_false(one.migrating);
		sum.entries += one.entries;
		sum.slots += one.slots;
		sum.overflow_lines += one.overflow_lines;
		sum.table_bytes += one.table_bytes;
	}
	assert_int_equal(sum.entries, all.entries);
	assert_int_equal(sum.slots, all.slots);
	assert_int_equal(sum.overflow_lines, all.overflow_lines);
	assert_int_equal(sum.table_bytes, 64 * all.lines);
	assert_true(sum.overflow_lines > 0);
	nh_map_destroy(m);
}

/* -------------------------------------------------------- from rule to rule */

static void
test_reshard_moves_every_key(void **state)
{
	struct salt one = { 1, 256 }, two = { 2, 256 };
	struct nh_map *m = sharded_make(&one);

	(void)state;
	put_range(m, 0, KEYS, 7);
	assert_int_equal(reshard_to(m, &two), NH_OK);
	assert_range(m, 0, KEYS, 7);
	assert_none(m, KEYS, KEYS + 1000);
	assert_placed(m, &two, 0, KEYS);
	assert_int_equal(nh_map_len(m), KEYS);
	put_range(m, 0, KEYS, 8);
	assert_range(m, 0, KEYS, 8);
	assert_placed(m, &two, 0, KEYS);
	nh_map_destroy(m);
}

static void
count_segments(const struct nh_map *m, uint64_t *entries)
{
	for (unsigned i = 0; i < SEGMENTS; i++)
		entries[i] = segment_stats(m, i).entries;
}

static void
test_a_map_may_get_a_rule_and_lose_it(void **state)
{
	uint64_t before[SEGMENTS], after[SEGMENTS];
	struct salt salt = { 5, 3 };
	struct nh_map *m = sharded_make(NULL);

	(void)state;
	put_range(m, 0, KEYS, 1);
	count_segments(m, before);
	assert_int_equal(reshard_to(m, &salt), NH_OK);
	assert_placed(m, &salt, 0, KEYS);
	assert_range(m, 0, KEYS, 1);
	assert_int_equal(reshard_to(m, NULL), NH_OK);
	count_segments(m, after);
	assert_memory_equal(before, after, sizeof(before));
	assert_range(m, 0, KEYS, 1);
	nh_map_destroy(m);
}

static uint64_t
table_bytes(const struct nh_map *m)
{
	struct nh_stats stats = { .size = sizeof(stats) };

	assert_int_equal(nh_map_stats(m, &stats), NH_OK);
	return stats.table_bytes;
}

/* Versions in the salt; and what a hundred of them cost does not pile up. */
static void
test_a_hundred_versions_of_a_rule(void **state)
{
	struct salt salt[100];
	struct nh_map *m = sharded_make(NULL);
	uint64_t most = 0;

	(void)state;
	put_range(m, 0, 3000, 1);
	for (unsigned i = 0; i < 100; i++) {
		salt[i] = (struct salt){ i, 1 + i * 37 % 256 };
		assert_int_equal(reshard_to(m, &salt[i]), NH_OK);
		assert_placed(m, &salt[i], 0, 3000);
		assert_range(m, 0, 3000, 1 + i);
		put_range(m, 0, 3000, 2 + i);
		if (i == 20)
			most = 2 * table_bytes(m) + (1 << 20);
	}
	assert_true(table_bytes(m) < most);
	assert_int_equal(nh_map_len(m), 3000);
	assert_int_equal(nh_map_clear(m), NH_OK);
	assert_int_equal(table_bytes(m), 0);
	nh_map_destroy(m);
}

static void
test_back_and_forth_a_hundred_times(void **state)
{
	struct salt one = { 1, 256 }, two = { 2, 1 };
	struct nh_map *m = sharded_make(&one);

	(void)state;
	put_range(m, 0, 1000, 1);
	for (unsigned i = 0; i < 100; i++) {
		struct salt *to = i % 2 ? &one : &two;

		assert_int_equal(reshard_to(m, to), NH_OK);
		assert_placed(m, to, 0, 1000);
		assert_range(m, 0, 1000, 1);
	}
	nh_map_destroy(m);
}

static void
test_the_same_rule_again_moves_nothing(void **state)
{
	struct salt salt = { 1, 256 };
	struct nh_map *m = sharded_make(&salt);

	(void)state;
	put_range(m, 0, 1000, 1);
	allocations_left = 0;
	assert_int_equal(reshard_to(m, &salt), NH_OK);
	allocations_left = UINT64_MAX;
	assert_placed(m, &salt, 0, 1000);
	nh_map_destroy(m);
}

/* That an entry is pinned goes with it. */
static void
test_pins_hold_when_their_keys_move(void **state)
{
	struct salt one = { 1, 256 }, two = { 2, 256 };
	struct nh_map *m = sharded_make(&one);
	struct nh_pin pin[100];

	(void)state;
	put_range(m, 0, 100, 7);
	for (uint64_t i = 0; i < 100; i++) {
		struct key key = key_make(i);

		assert_int_equal(nh_pin(m, &key, sizeof(key), &pin[i]), NH_OK);
	}
	assert_int_equal(reshard_to(m, &two), NH_OK);
	put_range(m, 0, 50, 8);
	for (uint64_t i = 50; i < 100; i++)
		assert_int_equal(forget(m, i), NH_OK);
	put_range(m, 100, 1000, 9); /* would use what was freed */
	for (uint64_t i = 0; i < 100; i++) {
		uint64_t value[2];

		assert_int_equal(pin[i].len, sizeof(value));
		memcpy(value, pin[i].value, sizeof(value));
		assert_int_equal(value[0], i);
		assert_int_equal(value[1], 7);
		assert_int_equal(nh_unpin(m, &pin[i]), NH_OK);
	}
	assert_range(m, 0, 50, 8);
	nh_map_destroy(m);
}

/* The time, where a test says so. */
uint64_t __real_nh_clock_ns(void);
uint64_t __wrap_nh_clock_ns(void);

static uint64_t clock_ms;

uint64_t
__wrap_nh_clock_ns(void)
{
	return clock_ms ? clock_ms * 1000000 : __real_nh_clock_ns();
}

/* Go on in steps, with a scan and a sweep at each; a scan is no use. */
static void
let_pass(struct nh_map *m, struct seen *seen, unsigned ms)
{
	for (; ms; ms -= 50) {
		struct nh_cursor cursor = { 0 };

		clock_ms += 50;
		memset(seen, 0, sizeof(*seen));
		assert_int_equal(nh_map_scan(m, &cursor, see, seen), NH_OK);
		assert_int_equal(seen->count, nh_map_len(m));
		assert_int_equal(nh_map_reclaim(m, NULL), NH_OK);
	}
}

/*
 * Segments have clocks of their own.  What is idle stays so in another segment:
 * no key goes within the timeout, and each one within twice that.
 */
static void
test_idle_keys_go_in_time_when_they_have_moved(void **state)
{
	struct salt one = { 1, 256 }, two = { 2, 256 };
	struct nh_config config = config_make(FIXTURE_SEED);
	struct seen *seen = calloc(1, sizeof(*seen));
	struct nh_map *m;

	(void)state;
	assert_non_null(seen);
	config.idle = true;
	config.idle_timeout_ms = 1000;
	config.check_interval_ms = 0;
	config.min_idle_count = 0;
	config.segment = salted;
	config.segment_arg = &one;
	for (unsigned at = 0; at <= 900; at += 150) {
		clock_ms = 1000000;
		m = map_make(&config);
		put_range(m, 0, 2000, 1);
		let_pass(m, seen, at);
		assert_int_equal(reshard_to(m, &two), NH_OK);
		let_pass(m, seen, 950 - at);
		assert_int_equal(nh_map_len(m), 2000);
		assert_range(m, 0, 1000, 1);
		let_pass(m, seen, 950);
		assert_seen(seen, 0, 1000);
		let_pass(m, seen, 200);
		assert_true(nh_map_len(m) <= 1000);
		let_pass(m, seen, 900);
		assert_int_equal(nh_map_len(m), 0);
		nh_map_destroy(m);
	}
	clock_ms = 0;
	free(seen);
}

/* ---------------------------------------------------------------- half way */

/* A rule that stops the mover when it asks for a key for the last time. */
struct stop {
	struct salt salt;
	struct nh_map *m;
	uint64_t asked_at; /* by the mover: stop there */
	uint64_t asked;
	pthread_t thread;
	pthread_barrier_t barrier;
	int err;
};

static _Thread_local struct stop *stops_me;

static unsigned
stopping(void *arg, const void *key, size_t len)
{
	struct stop *stop = arg;

	if (stops_me == stop && ++stop->asked == stop->asked_at) {
		pthread_barrier_wait(&stop->barrier);
		pthread_barrier_wait(&stop->barrier);
	}
	return salted(&stop->salt, key, len);
}

static void *
run_stopped(void *arg)
{
	struct stop *stop = arg;

	stops_me = stop;
	stop->err = nh_map_reshard(stop->m, stopping, stop);
	return NULL;
}

/* stop_begin_to - move to a rule, and stop at the so-manieth key */
static void
stop_begin_to(struct stop *stop, struct nh_map *m, uint64_t asked_at,
	      struct salt salt)
{
	*stop = (struct stop){ .salt = salt, .m = m, .asked_at = asked_at };
	pthread_barrier_init(&stop->barrier, NULL, 2);
	assert_int_equal(pthread_create(&stop->thread, NULL, run_stopped, stop),
			 0);
	pthread_barrier_wait(&stop->barrier);
}

static void
stop_begin(struct stop *stop, struct nh_map *m, uint64_t asked_at)
{
	stop_begin_to(stop, m, asked_at, (struct salt){ 11, 200 });
}

static void
stop_go_on(struct stop *stop)
{
	pthread_barrier_wait(&stop->barrier);
}

/* The mover was let go already; waits until it is done. */
static void
stop_join(struct stop *stop)
{
	pthread_join(stop->thread, NULL);
	pthread_barrier_destroy(&stop->barrier);
	assert_int_equal(stop->err, NH_OK);
	assert_true(stop->asked >= stop->asked_at);
}

static void
stop_end(struct stop *stop)
{
	stop_go_on(stop);
	stop_join(stop);
}

/* How many keys are not in the segment that a rule says. */
static uint64_t
misplaced(const struct nh_map *m, struct salt *salt, uint64_t keys)
{
	int64_t count[SEGMENTS] = { 0 };
	uint64_t n = 0;

	for (uint64_t i = 0; i < keys; i++) {
		struct key key = key_make(i);

		count[salted(salt, &key, sizeof(key)) % SEGMENTS]++;
	}
	for (unsigned i = 0; i < SEGMENTS; i++) {
		int64_t d = count[i] - (int64_t)segment_stats(m, i).entries;

		n += d > 0 ? (uint64_t)d : 0;
	}
	return n;
}

static void
test_thread_half_way_all_is_found_and_may_change(void **state)
{
	struct salt old = { 1, 4 };
	struct nh_map *m = sharded_make(&old);
	struct stop stop;

	(void)state;
	put_range(m, 0, KEYS, 1);
	stop_begin(&stop, m, KEYS / 2);
	assert_true(misplaced(m, &old, KEYS) > KEYS / 4);
	assert_true(misplaced(m, &stop.salt, KEYS) > KEYS / 4);
	assert_range(m, 0, KEYS, 1);
	assert_none(m, KEYS, KEYS + 1000);
	put_range(m, 0, KEYS + 1000, 2); /* old ones and new ones */
	assert_range(m, 0, KEYS + 1000, 2);
	for (uint64_t i = 0; i < 1000; i++)
		assert_int_equal(forget(m, i), NH_OK);
	assert_none(m, 0, 1000);
	assert_int_equal(forget(m, 5), NH_ERR_NOTFOUND);
	assert_int_equal(nh_map_len(m), KEYS);
	stop_end(&stop);
	assert_placed(m, &stop.salt, 1000, KEYS + 1000);
	assert_range(m, 1000, KEYS + 1000, 2);
	assert_none(m, 0, 1000);
	nh_map_destroy(m);
}

/* A delete or an overwrite of a key that has not moved needs no table. */
static void
test_thread_half_way_deletes_take_no_memory(void **state)
{
	struct salt old = { 1, 4 };
	struct nh_map *m = sharded_make(&old);
	struct stop stop;

	(void)state;
	put_range(m, 0, 1000, 1);
	stop_begin(&stop, m, 1);
	allocations_left = 0;
	for (uint64_t i = 0; i < 1000; i++)
		assert_int_equal(forget(m, i), NH_OK);
	assert_int_equal(forget(m, 5), NH_ERR_NOTFOUND);
	allocations_left = UINT64_MAX;
	stop_end(&stop);
	assert_int_equal(nh_map_len(m), 0);
	nh_map_destroy(m);
}

static int
keep_one_more(void *arg, const struct nh_bytes *key, bool present,
	      struct nh_bytes *value)
{
	uint64_t *copy = arg;

	(void)key;
	assert_true(present);
	memcpy(copy, value->data, 2 * sizeof(*copy));
	copy[1]++;
	value->data = copy;
	return NH_UPDATE_STORE;
}

static void
test_thread_half_way_other_operations_find_the_key(void **state)
{
	struct salt old = { 1, 4 };
	struct nh_map *m = sharded_make(&old);
	uint64_t value[2], copy[2], version;
	struct nh_bytes keys[2], values[2];
	struct nh_buffer out[2] = { { value, 16 }, { copy, 16 } };
	int results[2];
	size_t hits, len;
	struct stop stop;

	(void)state;
	put_range(m, 0, 2000, 1);
	stop_begin(&stop, m, 1000);
	for (uint64_t i = 0; i < 2000; i++) {
		struct key key = key_make(i), none = key_make(i + 5000);
		uint64_t is[2] = { i, 1 }, to[2] = { i, 2 };
		bool loaded = false;

		len = sizeof(value);
		assert_int_equal(nh_map_insert(m, &key, sizeof(key), to, 16),
				 NH_ERR_EXISTS);
		assert_int_equal(nh_map_load_or_store(m, &key, sizeof(key), to,
						      16, value, &len, &loaded),
				 NH_OK);
		assert_true(loaded && value[1] == 1);
		assert_int_equal(nh_map_compare_and_swap(m, &key, sizeof(key),
							 is, 16, to, 16),
				 NH_OK);
		assert_int_equal(nh_map_update(m, &key, sizeof(key),
					       keep_one_more, copy),
				 NH_OK);
		keys[0] = (struct nh_bytes){ &key, sizeof(key) };
		keys[1] = (struct nh_bytes){ &none, sizeof(none) };
		out[0].len = out[1].len = 16;
		assert_int_equal(
			nh_map_get_batch(m, keys, 2, out, results, &hits),
			NH_OK);
		assert_int_equal(hits, 1);
		assert_int_equal(results[0], NH_OK);
		assert_int_equal(results[1], NH_ERR_NOTFOUND);
		assert_int_equal(value[1], 3);
		values[0] = values[1] = (struct nh_bytes){ is, 16 };
		assert_int_equal(nh_map_put_batch(m, keys, values, 1, NULL),
				 NH_OK);
		assert_int_equal(get(m, i, &version), NH_OK);
		assert_int_equal(version, 1);
	}
	stop_end(&stop);
	assert_range(m, 0, 2000, 1);
	assert_placed(m, &stop.salt, 0, 2000);
	nh_map_destroy(m);
}

static void
test_thread_half_way_clear_leaves_nothing(void **state)
{
	struct salt old = { 1, 4 };
	struct nh_map *m = sharded_make(&old);
	struct stop stop;

	(void)state;
	put_range(m, 0, KEYS, 1);
	stop_begin(&stop, m, KEYS / 2);
	assert_int_equal(nh_map_clear(m), NH_OK);
	assert_none(m, 0, KEYS);
	assert_int_equal(nh_map_len(m), 0);
	put_range(m, 0, 1000, 2);
	stop_end(&stop);
	assert_placed(m, &stop.salt, 0, 1000);
	assert_range(m, 0, 1000, 2);
	nh_map_destroy(m);
}

/*
 * Keys go from a segment that the clear comes to late, to one that it comes to
 * early; none may slip by.
 */
static void
test_thread_clear_while_keys_move_leaves_nothing(void **state)
{
	struct salt late = { 250, 1 };
	struct stop stop;
	unsigned raced = 0;

	(void)state;
	for (unsigned i = 0; i < 10; i++) {
		struct nh_map *m = sharded_make(&late);

		put_range(m, 0, KEYS, 1);
		stop_begin_to(&stop, m, 100, (struct salt){ 2, 1 });
		stop_go_on(&stop);
		while (segment_stats(m, 2).entries < 200)
			sched_yield();
		raced += segment_stats(m, 250).entries > 1000;
		assert_int_equal(nh_map_clear(m), NH_OK);
		assert_none(m, 0, KEYS);
		stop_join(&stop);
		assert_int_equal(nh_map_len(m), 0);
		nh_map_destroy(m);
	}
	assert_true(raced > 0);
}

static void
test_thread_a_second_reshard_is_told_to_wait(void **state)
{
	struct salt old = { 1, 4 }, third = { 3, 256 };
	struct nh_map *m = sharded_make(&old);
	struct stop stop;

	(void)state;
	put_range(m, 0, 1000, 1);
	stop_begin(&stop, m, 500);
	assert_int_equal(reshard_to(m, &third), NH_ERR_BUSY);
	assert_int_equal(reshard_to(m, NULL), NH_ERR_BUSY);
	assert_range(m, 0, 1000, 1);
	stop_end(&stop);
	assert_placed(m, &stop.salt, 0, 1000);
	assert_int_equal(reshard_to(m, &third), NH_OK);
	assert_placed(m, &third, 0, 1000);
	nh_map_destroy(m);
}

/* ------------------------------------------------------------------- scans */

static void
test_thread_half_way_a_scan_shows_all(void **state)
{
	struct salt old = { 1, 4 };
	struct nh_map *m = sharded_make(&old);
	struct seen *seen = calloc(1, sizeof(*seen));
	struct nh_cursor cursor = { 0 };
	struct stop stop;

	(void)state;
	assert_non_null(seen);
	put_range(m, 0, KEYS, 1);
	stop_begin(&stop, m, KEYS / 2);
	assert_int_equal(nh_map_scan(m, &cursor, see, seen), NH_OK);
	assert_true(cursor.done);
	assert_seen(seen, 0, KEYS);
	stop_end(&stop);
	free(seen);
	nh_map_destroy(m);
}

/* A scan in calls of so many pairs; with salts, keys move between the calls. */
static void
scan_in_pages(struct nh_map *m, struct seen *seen, unsigned page,
	      struct salt *salt)
{
	struct nh_cursor cursor = { 0 };
	unsigned calls = 0;
	int err;

	do {
		seen->stop_at = seen->count + page;
		err = nh_map_scan(m, &cursor, see, seen);
		assert_true(err == NH_OK || err == NH_ERR_STOPPED);
		assert_int_equal(cursor.done, err == NH_OK);
		if (salt)
			assert_int_equal(
				reshard_to(m,
					   calls % 3 ? &salt[calls % 3] : NULL),
				NH_OK);
		calls++;
	} while (err == NH_ERR_STOPPED);
	assert_true(calls > 10);
}

static void
scan_between_rules(struct salt *first)
{
	struct salt salt[3] = { { 0, 1 }, { 1, 256 }, { 2, 7 } };
	struct nh_map *m = sharded_make(first);
	struct seen *seen = calloc(1, sizeof(*seen));

	assert_non_null(seen);
	put_range(m, 0, 5000, 1);
	scan_in_pages(m, seen, 301, salt);
	assert_int_equal(seen->count, 5000);
	assert_seen(seen, 0, 5000);
	free(seen);
	nh_map_destroy(m);
}

static void
test_scan_goes_on_when_the_rule_changes(void **state)
{
	struct salt first = { 7, 31 };

	(void)state;
	scan_between_rules(&first);
}

static void
test_scan_goes_on_when_the_map_gets_its_first_rule(void **state)
{
	(void)state;
	scan_between_rules(NULL);
}

static void
test_scan_stops_and_resumes_anywhere(void **state)
{
	struct salt salt = { 7, 31 };
	struct nh_map *m = sharded_make(&salt);
	struct seen *seen = calloc(1, sizeof(*seen));

	(void)state;
	assert_non_null(seen);
	put_range(m, 0, 500, 1);
	scan_in_pages(m, seen, 1, NULL);
	assert_int_equal(seen->count, 500);
	assert_seen(seen, 0, 500);
	free(seen);
	nh_map_destroy(m);
}

struct turn {
	struct nh_map *m;
	struct salt salt[2];
	unsigned calls;
};

static void
reshard_now_and_then(void *arg)
{
	struct turn *turn = arg;

	if (turn->calls++ % 400 == 200)
		assert_int_equal(
			reshard_to(turn->m, &turn->salt[turn->calls / 400 % 2]),
			NH_OK);
}

static void
test_reshard_is_legal_in_the_callback_of_a_scan(void **state)
{
	struct nh_map *m = sharded_make(NULL);
	struct turn turn = { m, { { 1, 256 }, { 2, 9 } }, 0 };
	struct seen *seen = calloc(1, sizeof(*seen));
	struct nh_cursor cursor = { 0 };

	(void)state;
	assert_non_null(seen);
	seen->then = reshard_now_and_then;
	seen->arg = &turn;
	put_range(m, 0, 5000, 1);
	assert_int_equal(nh_map_scan(m, &cursor, see, seen), NH_OK);
	assert_seen(seen, 0, 5000);
	assert_int_equal(seen->count, 5000);
	free(seen);
	nh_map_destroy(m);
}

static int
see_lengths(void *arg, const struct nh_bytes *key, const struct nh_bytes *value)
{
	const unsigned char *bytes = value->data;
	uint64_t number;

	memcpy(&number, key->data, sizeof(number));
	assert_int_equal(value->len, number * number * 100);
	for (size_t i = 0; i < value->len; i++)
		if (bytes[i] != (unsigned char)number)
			fail();
	++*(unsigned *)arg;
	return 0;
}

static void
test_scan_shows_values_of_any_length(void **state)
{
	struct salt salt = { 7, 31 };
	struct nh_map *m = sharded_make(&salt);
	unsigned char *bytes = malloc(60 * 60 * 100);
	struct nh_cursor cursor = { 0 };
	unsigned count = 0;

	(void)state;
	assert_non_null(bytes);
	for (unsigned i = 0; i < 60; i++) {
		struct key key = key_make(i);

		memset(bytes, (int)i, i * i * 100);
		assert_int_equal(
			nh_map_put(m, &key, sizeof(key), bytes, i * i * 100),
			NH_OK);
	}
	assert_int_equal(reshard_to(m, NULL), NH_OK);
	assert_int_equal(nh_map_scan(m, &cursor, see_lengths, &count), NH_OK);
	assert_int_equal(count, 60);
	free(bytes);
	nh_map_destroy(m);
}

/* --------------------------------------------------------------- no memory */

/* Each attempt gets some allocations further; nothing is lost in between. */
static void
test_memory_out_midway_loses_nothing(void **state)
{
	struct salt old = { 1, 1 }, new = { 2, 256 };
	struct nh_map *m = sharded_make(&old);
	unsigned failed = 0;
	int err;

	(void)state;
	put_range(m, 0, 5000, 1);
	do {
		allocations_left = 40;
		err = reshard_to(m, &new);
		allocations_left = UINT64_MAX;
		failed += err == NH_ERR_NOMEM;
		assert_true(err == NH_OK || err == NH_ERR_NOMEM);
		assert_range(m, 0, 5000, 1 + failed - (err != NH_OK));
		assert_int_equal(nh_map_len(m), 5000);
		put_range(m, 0, 5000, 1 + failed);
		assert_none(m, 5000, 5100);
	} while (err);
	assert_true(failed >= 3);
	assert_placed(m, &new, 0, 5000);
	nh_map_destroy(m);
}

/* What was begun is ended first, then comes the rule that is asked for. */
static void
test_another_rule_after_memory_was_out(void **state)
{
	struct salt old = { 1, 1 }, new = { 2, 256 }, third = { 3, 256 };
	struct nh_map *m = sharded_make(&old);

	(void)state;
	put_range(m, 0, 5000, 1);
	allocations_left = 20;
	assert_int_equal(reshard_to(m, &new), NH_ERR_NOMEM);
	assert_int_equal(reshard_to(m, &new), NH_ERR_NOMEM);
	allocations_left = UINT64_MAX;
	assert_int_equal(reshard_to(m, &third), NH_OK);
	assert_range(m, 0, 5000, 1);
	assert_placed(m, &third, 0, 5000);
	nh_map_destroy(m);
}

/* -------------------------------------------------------------- bad input */

static int
reshard_from_inside(void *arg, const struct nh_bytes *key, bool present,
		    struct nh_bytes *value)
{
	struct nh_segment_stats stats = { .size = sizeof(stats) };

	(void)key;
	(void)present;
	(void)value;
	assert_int_equal(nh_map_reshard(arg, NULL, NULL), NH_ERR_REENTRY);
	assert_int_equal(nh_map_segment_stats(arg, 0, &stats), NH_ERR_REENTRY);
	return NH_UPDATE_KEEP;
}

static void
test_what_is_not_legal_is_refused(void **state)
{
	struct nh_config config = config_make(FIXTURE_SEED);
	struct nh_segment_stats stats = { .size = sizeof(stats) };
	struct nh_map *m;
	int err = NH_OK;

	(void)state;
	config.capacity = 1000;
	config.fixed = true;
	m = map_make(&config);
	assert_int_equal(nh_map_reshard(m, salted, NULL), NH_ERR_ARG);
	assert_int_equal(nh_map_segment_stats(m, 255, &stats), NH_OK);
	nh_map_destroy(m);
	config.segment = salted;
	assert_null(nh_map_create(&config, &err));
	assert_int_equal(err, NH_ERR_ARG);
	config.fixed = false;
	err = NH_OK;
	assert_null(nh_u64_create(&config, &err));
	assert_int_equal(err, NH_ERR_ARG);
	assert_int_equal(nh_map_reshard(NULL, salted, NULL), NH_ERR_ARG);
	assert_int_equal(nh_map_segment_stats(NULL, 0, &stats), NH_ERR_ARG);
	m = sharded_make(NULL);
	assert_int_equal(nh_map_segment_stats(m, 256, &stats), NH_ERR_ARG);
	assert_int_equal(nh_map_segment_stats(m, 0, NULL), NH_ERR_ARG);
	stats.size--;
	assert_int_equal(nh_map_segment_stats(m, 0, &stats), NH_ERR_ARG);
	assert_int_equal(nh_map_update(m, "k", 1, reshard_from_inside, m),
			 NH_OK);
	nh_map_destroy(m);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_keys_lie_where_the_rule_says),
		cmocka_unit_test(test_one_segment_may_have_all_keys),
		cmocka_unit_test(test_segments_add_up_to_the_map),
		cmocka_unit_test(test_reshard_moves_every_key),
		cmocka_unit_test(test_a_map_may_get_a_rule_and_lose_it),
		cmocka_unit_test(test_a_hundred_versions_of_a_rule),
		cmocka_unit_test(test_back_and_forth_a_hundred_times),
		cmocka_unit_test(test_the_same_rule_again_moves_nothing),
		cmocka_unit_test(test_pins_hold_when_their_keys_move),
		cmocka_unit_test(
			test_idle_keys_go_in_time_when_they_have_moved),
		cmocka_unit_test(
			test_thread_half_way_all_is_found_and_may_change),
		cmocka_unit_test(test_thread_half_way_deletes_take_no_memory),
		cmocka_unit_test(
			test_thread_half_way_other_operations_find_the_key),
		cmocka_unit_test(test_thread_half_way_clear_leaves_nothing),
		cmocka_unit_test(
			test_thread_clear_while_keys_move_leaves_nothing),
		cmocka_unit_test(test_thread_a_second_reshard_is_told_to_wait),
		cmocka_unit_test(test_thread_half_way_a_scan_shows_all),
		cmocka_unit_test(test_scan_goes_on_when_the_rule_changes),
		cmocka_unit_test(
			test_scan_goes_on_when_the_map_gets_its_first_rule),
		cmocka_unit_test(test_scan_stops_and_resumes_anywhere),
		cmocka_unit_test(
			test_reshard_is_legal_in_the_callback_of_a_scan),
		cmocka_unit_test(test_scan_shows_values_of_any_length),
		cmocka_unit_test(test_memory_out_midway_loses_nothing),
		cmocka_unit_test(test_another_rule_after_memory_was_out),
		cmocka_unit_test(test_what_is_not_legal_is_refused),
	};

	fixture_filter(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

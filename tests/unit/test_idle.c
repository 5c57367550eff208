/*
 * test_idle.c - idle reclaim, of nh_u64
 */
#include "tests/unit/idle_fixture.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#define KEYS 3000

static struct nh_u64 *
idle_map(uint32_t least)
{
	struct nh_config config = idle_config(least);

	return map_make(&config);
}

static uint64_t
reclaim(struct nh_u64 *m)
{
	uint64_t gone = POISON;

	assert_int_equal(nh_u64_reclaim(m, &gone), NH_OK);
	return gone;
}

/* Let so many steps of the clock pass. */
static uint64_t
pass(struct nh_u64 *m, unsigned steps)
{
	uint64_t gone = 0;

	while (steps--) {
		clock_ms += STEP_MS;
		gone += reclaim(m);
	}
	return gone;
}

/* ----------------------------------------------------------------- when */

static uint64_t used_ms[KEYS];
static uint64_t seen[KEYS];

static void
note_lateness(void *arg, uint64_t key, uint64_t value)
{
	uint64_t late = clock_ms - used_ms[key];

	(void)arg;
	assert_int_equal(value, ~key);
	assert_in_range(late, TIMEOUT_MS, TIMEOUT_MS + STEP_MS + 10);
	seen[key]++;
}

/* Put at any time, looked after every 10 ms. */
static void
test_an_entry_goes_after_one_to_one_and_a_half_timeouts(void **state)
{
	struct nh_u64 *m = idle_map(0);

	(void)state;
	memset(seen, 0, sizeof(seen));
	assert_int_equal(nh_u64_on_evict(m, note_lateness, NULL), NH_OK);
	for (uint64_t i = 0; i < KEYS || nh_u64_len(m); i++) {
		if (i < KEYS) {
			used_ms[i] = clock_ms;
			assert_int_equal(nh_u64_put(m, i, ~i), NH_OK);
		}
		clock_ms++;
		if (i % 10 == 0)
			reclaim(m);
		assert_true(i < KEYS + 2 * TIMEOUT_MS);
	}
	for (unsigned i = 0; i < KEYS; i++)
		assert_int_equal(seen[i], 1);
	assert_int_equal(stats_of(m).evicted, KEYS);
	nh_u64_destroy(m);
}

/* The same from the last read on: read once, at some time after the put. */
static void
test_a_read_counts_from_when_it_was(void **state)
{
	struct nh_u64 *m = idle_map(0);
	uint64_t value;

	(void)state;
	memset(seen, 0, sizeof(seen));
	assert_int_equal(nh_u64_on_evict(m, note_lateness, NULL), NH_OK);
	for (unsigned i = 0; i < KEYS; i++) {
		used_ms[i] = clock_ms;
		assert_int_equal(nh_u64_put(m, i, ~(uint64_t)i), NH_OK);
	}
	for (unsigned ms = 0; nh_u64_len(m); ms++) {
		for (unsigned i = ms * 4; i < ms * 4 + 4 && i < KEYS; i++) {
			used_ms[i] = clock_ms;
			assert_int_equal(nh_u64_get(m, i, &value), NH_OK);
		}
		clock_ms++;
		if (ms % 10 == 0)
			reclaim(m);
		assert_true(ms < KEYS);
	}
	for (unsigned i = 0; i < KEYS; i++)
		assert_int_equal(seen[i], 1);
	nh_u64_destroy(m);
}

/* ---------------------------------------------------------------- what */

static int
look_only(void *arg, uint64_t key, bool present, uint64_t *value)
{
	(void)arg;
	(void)key;
	(void)value;
	assert_true(present);
	return NH_UPDATE_KEEP;
}

/* Use a key in the way of this number; false: there is no such way. */
static bool
use(struct nh_u64 *m, unsigned way, uint64_t key)
{
	uint64_t value = POISON;
	uint8_t found;
	bool loaded;

	switch (way) {
	case 0:
		return nh_u64_get(m, key, &value) == NH_OK;
	case 1:
		return nh_u64_get_batch(m, &key, 1, &value, &found, NULL) ==
			       NH_OK &&
		       found;
	case 2:
		return nh_u64_put(m, key, key) == NH_OK;
	case 3:
		return nh_u64_insert(m, key, key) == NH_ERR_EXISTS;
	case 4:
		return nh_u64_load_or_store(m, key, 0, NULL, &loaded) ==
			       NH_OK &&
		       loaded;
	case 5:
		return nh_u64_swap(m, key, key, &value, &loaded) == NH_OK &&
		       loaded;
	case 6:
		return nh_u64_compare_and_swap(m, key, key, key) == NH_OK;
	case 7:
		return nh_u64_compare_and_swap(m, key, ~key, 0) ==
		       NH_ERR_MISMATCH;
	case 8:
		return nh_u64_fetch_add(m, key, 0, &value) == NH_OK;
	case 9:
		return nh_u64_update(m, key, look_only, NULL) == NH_OK;
	case 10:
		return nh_u64_put_batch(m, &key, &key, 1, NULL) == NH_OK;
	default:
		return false;
	}
}

#define WAYS 11

static void
assert_used_stay(struct nh_u64 *m)
{
	put_range(m, SPREAD_UP, 0, KEYS);
	for (unsigned round = 0; round < 9; round++) {
		for (uint64_t i = 0; i < KEYS; i += 3)
			assert_true(use(m, (i + round) % WAYS, i));
		pass(m, 1);
	}
	for (uint64_t i = 0; i < KEYS; i++) {
		if (i % 3)
			assert_absent(m, i);
		else
			assert_value(m, i, i);
	}
	assert_int_equal(nh_u64_len(m), KEYS / 3);
	assert_int_equal(stats_of(m).evicted, KEYS - KEYS / 3);
	nh_u64_destroy(m);
}

static void
test_what_is_used_in_any_way_stays_and_the_rest_goes(void **state)
{
	(void)state;
	for (int arch = NH_ARCH_AUTO; arch <= NH_ARCH_GENERIC;
	     arch += NH_ARCH_GENERIC) {
		struct nh_config config = idle_config(0);

		config.arch = arch;
		assert_used_stay(map_make(&config));
	}
}

#define TRIES 20000

/* A fixed map that takes no more, so that a lot of it is in chains. */
static void
test_a_full_fixed_map_forgets_as_well(void **state)
{
	static bool fits[TRIES];
	struct nh_config config = idle_config(0);
	struct nh_u64 *m;
	uint64_t lines, fit = 0, value;

	(void)state;
	config.fixed = true;
	config.capacity = KEYS;
	m = map_make(&config);
	for (uint64_t i = 0; i < TRIES; i++) {
		fits[i] = nh_u64_put(m, i, i) == NH_OK;
		fit += fits[i] && i % 2 == 0;
	}
	lines = stats_of(m).overflow_lines;
	assert_true(lines > 100);
	for (unsigned round = 0; round < 9; round++) {
		for (uint64_t i = 0; i < TRIES; i += 2)
			assert_int_equal(nh_u64_get(m, i, &value),
					 fits[i] ? NH_OK : NH_ERR_NOTFOUND);
		pass(m, 1);
	}
	for (uint64_t i = 0; i < TRIES; i++) {
		if (i % 2 || !fits[i])
			assert_absent(m, i);
		else
			assert_value(m, i, i);
	}
	assert_int_equal(nh_u64_len(m), fit);
	assert_true(stats_of(m).overflow_lines < lines);
	assert_int_equal(pass(m, 4), fit);
	assert_int_equal(stats_of(m).overflow_lines, 0);
	nh_u64_destroy(m);
}

static void
test_a_scan_is_no_use(void **state)
{
	struct nh_u64 *m = idle_map(0);
	uint64_t gone = 0;

	(void)state;
	put_range(m, SPREAD_UP, 0, KEYS);
	for (unsigned i = 0; i < 3; i++) {
		struct nh_cursor cursor = { 0 };
		unsigned shown = 0;

		nh_u64_scan(m, &cursor, count_pair, &shown);
		assert_int_equal(shown, KEYS);
		gone += pass(m, 1);
	}
	assert_int_equal(gone, KEYS);
	nh_u64_destroy(m);
}

/* ------------------------------------------------------------- how many */

static int
count_by_segment(void *arg, uint64_t key, uint64_t value)
{
	(void)key;
	(void)value;
	++*(unsigned *)arg;
	return 0;
}

/* Entries of each segment: a scan from where it begins to the next. */
static void
assert_each_segment(struct nh_u64 *m, unsigned least)
{
	for (uint64_t s = 0; s < 256; s++) {
		struct nh_cursor from = { .position = s << 56 };
		struct nh_cursor after = { .position = (s + 1) << 56 };
		unsigned n = 0, rest = 0;

		nh_u64_scan(m, &from, count_by_segment, &n);
		if (s < 255)
			nh_u64_scan(m, &after, count_by_segment, &rest);
		assert_int_equal(n - rest, least);
	}
}

static void
test_each_segment_keeps_the_least_count(void **state)
{
	struct nh_u64 *m = idle_map(2);

	(void)state;
	put_range(m, SPREAD_MIXED, 0, 10000);
	assert_int_equal(pass(m, 3), 10000 - 512);
	assert_each_segment(m, 2);
	for (unsigned i = 0; i < 8; i++)
		assert_int_equal(pass(m, 1), 0);
	assert_each_segment(m, 2);
	/* Others come, and those that were kept have no excuse any more. */
	put_range(m, SPREAD_MIXED, 10000, 20000);
	assert_int_equal(pass(m, 1), 512);
	assert_range(m, SPREAD_MIXED, 10000, 20000);
	nh_u64_destroy(m);
}

static void
test_a_map_that_keeps_all_forgets_nothing(void **state)
{
	struct nh_u64 *m = idle_map(UINT32_MAX);

	(void)state;
	put_range(m, SPREAD_UP, 0, KEYS);
	assert_int_equal(pass(m, 9), 0);
	assert_range(m, SPREAD_UP, 0, KEYS);
	assert_int_equal(stats_of(m).evicted, 0);
	assert_int_equal(stats_of(m).swept, 9 * 256);
	nh_u64_destroy(m);
}

static void
test_a_map_that_forgets_shrinks(void **state)
{
	struct nh_u64 *m = idle_map(2);
	struct nh_stats full;

	(void)state;
	put_range(m, SPREAD_UP, 0, 200000);
	full = stats_of(m);
	assert_int_equal(pass(m, 3), 200000 - 512);
	assert_true(stats_of(m).shrinks > full.shrinks);
	assert_true(stats_of(m).slots < full.slots / 16);
	assert_true(stats_of(m).table_bytes < full.table_bytes / 8);
	assert_int_equal(stats_of(m).migrating, 0);
	nh_u64_destroy(m);
}

/* ------------------------------------------------------------ migrations */

/* Half is used a step later than the rest; then all moves to other tables. */
static void
assert_ages_survive(struct nh_u64 *m, bool grow)
{
	uint64_t many = grow ? 40000 : 0;
	uint64_t value;

	if (!grow)
		put_range(m, SPREAD_UP, KEYS, 40000);
	put_range(m, SPREAD_UP, 0, KEYS);
	pass(m, 1);
	for (uint64_t i = 0; i < KEYS; i += 2)
		assert_int_equal(nh_u64_get(m, i, &value), NH_OK);
	assert_int_equal(pass(m, 1), 0);
	if (grow)
		put_range(m, SPREAD_UP, KEYS, many);
	else
		delete_range(m, SPREAD_UP, KEYS, 40000);
	assert_int_equal(nh_u64_shrink(m), NH_OK);
	assert_int_equal(pass(m, 1), KEYS / 2);
	for (uint64_t i = 0; i < KEYS; i++)
		assert_int_equal(nh_u64_delete(m, i),
				 i % 2 ? NH_ERR_NOTFOUND : NH_OK);
}

/* From each stand of the clock, since one of them may be right by accident. */
static void
test_ages_survive_growth_and_shrinking(void **state)
{
	(void)state;
	for (unsigned stand = 0; stand < 8; stand++) {
		struct nh_u64 *m = idle_map(0);
		uint64_t moved;

		pass(m, stand / 2);
		moved = migrations_of(m);
		assert_ages_survive(m, stand % 2);
		assert_true(migrations_of(m) > moved + 256);
		nh_u64_destroy(m);
	}
}

/* ------------------------------------------------------------- callback */

struct party {
	struct nh_u64 *m;
	unsigned calls;
};

static void
never(void *arg, uint64_t key, uint64_t value)
{
	(void)arg;
	(void)key;
	(void)value;
	fail();
}

/* Everything is legal here; the last call sets another callback. */
static void
make_merry(void *arg, uint64_t key, uint64_t value)
{
	struct party *p = arg;

	assert_int_equal(value, key);
	assert_absent(p->m, key);
	assert_int_equal(reclaim(p->m), 0);
	assert_int_equal(nh_u64_put(p->m, key + KEYS, key + KEYS), NH_OK);
	assert_int_equal(nh_u64_shrink(p->m), NH_OK);
	if (++p->calls == KEYS)
		assert_int_equal(nh_u64_on_evict(p->m, never, p->m), NH_OK);
}

static void
test_a_callback_may_do_anything(void **state)
{
	struct party p = { idle_map(0), 0 };

	(void)state;
	put_range(p.m, SPREAD_UP, 0, KEYS);
	assert_int_equal(nh_u64_on_evict(p.m, make_merry, &p), NH_OK);
	assert_int_equal(pass(p.m, 3), KEYS);
	assert_int_equal(p.calls, KEYS);
	assert_range(p.m, SPREAD_UP, KEYS, 2 * KEYS);
	assert_int_equal(nh_u64_on_evict(p.m, NULL, NULL), NH_OK);
	assert_int_equal(pass(p.m, 4), KEYS);
	nh_u64_destroy(p.m);
}

static int
reclaim_within(void *arg, uint64_t key, bool present, uint64_t *value)
{
	(void)key;
	(void)present;
	(void)value;
	assert_int_equal(nh_u64_reclaim(arg, NULL), NH_ERR_REENTRY);
	return NH_UPDATE_KEEP;
}

static void
test_what_is_not_legal_is_refused(void **state)
{
	struct nh_config config = idle_config(0);
	struct nh_u64 *plain, *m = idle_map(0);
	int err = NH_OK;

	(void)state;
	assert_int_equal(nh_u64_update(m, 1, reclaim_within, m), NH_OK);
	assert_int_equal(nh_u64_reclaim(NULL, NULL), NH_ERR_ARG);
	assert_int_equal(nh_u64_on_evict(NULL, never, NULL), NH_ERR_ARG);
	nh_u64_destroy(m);
	config.idle_timeout_ms = 0;
	assert_null(nh_u64_create(&config, &err));
	assert_int_equal(err, NH_ERR_ARG);
	config.idle = false;
	plain = map_make(&config);
	assert_int_equal(nh_u64_reclaim(plain, NULL), NH_ERR_ARG);
	assert_int_equal(nh_u64_on_evict(plain, never, NULL), NH_ERR_ARG);
	assert_int_equal(stats_of(plain).swept, 0);
	nh_u64_destroy(plain);
}

/* -------------------------------------------------------------- threads */

/* By the real clock: the thread needs no help. */
static void
test_the_thread_sweeps_by_itself(void **state)
{
	const struct timespec ms = { 0, 1000000 };

	(void)state;
	for (unsigned ahead = 0; ahead < 2; ahead++) {
		struct nh_config config = idle_config(0);
		struct nh_u64 *m;

		clock_ms = 0;
		config.idle_timeout_ms = 8;
		config.check_interval_ms = 1;
		config.maintenance = ahead;
		m = map_make(&config);
		put_range(m, SPREAD_UP, 0, KEYS);
		for (unsigned i = 0; nh_u64_len(m) && i < 20000; i++)
			nanosleep(&ms, NULL);
		assert_int_equal(nh_u64_len(m), 0);
		assert_int_equal(stats_of(m).evicted, KEYS);
		nh_u64_destroy(m);
	}
}

#define HOT 500
#define COLD 20000
#define HOT_BASE 1000000
#define A_STEP 500 /* cold keys between two steps of the clock */

/* What became of each key that is written once: exactly one of these. */
struct crowd {
	struct nh_u64 *m;
	_Atomic(unsigned) evicted[COLD];
	unsigned deleted[COLD];
	_Atomic(uint64_t) passes[2]; /* of those who use the hot keys */
	_Atomic(uint64_t) steps;     /* of the clock */
	_Atomic(uint64_t) written;   /* of the cold keys */
	_Atomic(bool) done;
};

static void
note_evicted(void *arg, uint64_t key, uint64_t value)
{
	struct crowd *c = arg;

	assert_true(key < COLD);
	assert_int_equal(value, mix64(key));
	c->evicted[key]++;
}

static void
use_hot(struct crowd *c, unsigned who)
{
	uint64_t value;

	for (uint64_t i = HOT_BASE; i < HOT_BASE + HOT; i++) {
		if (who == 0)
			assert_int_equal(nh_u64_get(c->m, i, &value), NH_OK);
		else
			assert_int_equal(nh_u64_insert(c->m, i, 0),
					 NH_ERR_EXISTS);
	}
	c->passes[who]++;
}

static void *
reader(void *arg)
{
	struct crowd *c = arg;

	while (!c->done)
		use_hot(c, 0);
	return NULL;
}

static void *
writer(void *arg)
{
	struct crowd *c = arg;

	for (unsigned i = 0; i < COLD; i++) {
		/* About as many as go idle meanwhile. */
		unsigned back =
			i -
			(i < 4 * A_STEP ? 0 : i * 7919 % A_STEP + 2 * A_STEP);

		assert_int_equal(nh_u64_put(c->m, i, mix64(i)), NH_OK);
		if (i != back && nh_u64_delete(c->m, back) == NH_OK)
			c->deleted[back]++;
		if (i % 200 == 0)
			use_hot(c, 1);
		c->written++;
		while (c->steps < i / A_STEP)
			use_hot(c, 1);
	}
	c->done = true;
	return NULL;
}

/*
 * A step only when the hot keys have all been used since the last one, and the
 * writer has come so far.
 */
static void
sweep_all_the_time(struct crowd *c)
{
	while (!c->done) {
		uint64_t from = c->passes[0];

		while (!c->done && (c->passes[0] < from + 2 ||
				    c->written < c->steps * A_STEP))
			sched_yield();
		if (!c->done)
			pass(c->m, 1);
		c->steps++;
	}
}

static void
crowd_run(int arch)
{
	struct nh_config config = idle_config(0);
	struct crowd *c = calloc(1, sizeof(*c));
	pthread_t thread[2];

	assert_non_null(c);
	config.arch = arch;
	c->m = map_make(&config);
	for (uint64_t i = HOT_BASE; i < HOT_BASE + HOT; i++)
		assert_int_equal(nh_u64_put(c->m, i, 0), NH_OK);
	assert_int_equal(nh_u64_on_evict(c->m, note_evicted, c), NH_OK);
	pthread_create(&thread[0], NULL, reader, c);
	pthread_create(&thread[1], NULL, writer, c);
	sweep_all_the_time(c);
	for (unsigned i = 0; i < 2; i++)
		pthread_join(thread[i], NULL);
	/* It was a race: many went by each way. */
	assert_in_range(stats_of(c->m).evicted, COLD / 10, COLD - COLD / 10);
	for (unsigned i = 0; i < 3; i++) {
		use_hot(c, 0);
		pass(c->m, 1);
	}
	assert_int_equal(nh_u64_len(c->m), HOT);
	for (unsigned i = 0; i < COLD; i++)
		assert_int_equal(c->evicted[i] + c->deleted[i], 1);
	nh_u64_destroy(c->m);
	free(c);
}

static void
test_threads_use_a_map_that_is_swept(void **state)
{
	(void)state;
	crowd_run(NH_ARCH_GENERIC);
	crowd_run(NH_ARCH_AUTO);
}

int
main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			test_an_entry_goes_after_one_to_one_and_a_half_timeouts),
		cmocka_unit_test(test_a_read_counts_from_when_it_was),
		cmocka_unit_test(
			test_what_is_used_in_any_way_stays_and_the_rest_goes),
		cmocka_unit_test(test_a_full_fixed_map_forgets_as_well),
		cmocka_unit_test(test_a_scan_is_no_use),
		cmocka_unit_test(test_each_segment_keeps_the_least_count),
		cmocka_unit_test(test_a_map_that_keeps_all_forgets_nothing),
		cmocka_unit_test(test_a_map_that_forgets_shrinks),
		cmocka_unit_test(test_ages_survive_growth_and_shrinking),
		cmocka_unit_test(test_a_callback_may_do_anything),
		cmocka_unit_test(test_what_is_not_legal_is_refused),
		cmocka_unit_test(test_the_thread_sweeps_by_itself),
		cmocka_unit_test(test_threads_use_a_map_that_is_swept),
	};

	fixture_filter(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

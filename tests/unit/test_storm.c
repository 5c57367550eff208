/*
 * test_storm.c - somebody who knows the seed chooses keys that collide
 *
 * The oracle is the map's own hash, made from the same seed: it can be undone,
 * so keys of one block are as easily had as any.
 */
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "tests/unit/inside.h"

#define OTHERS 100000
#define CHOSEN 10000
#define PLACE UINT64_C(0x4212345678000000) /* in segment 0x42 */
#define LIMIT 8

struct oracle {
	struct nh_hash hash;
	uint64_t place;
};

static struct oracle
oracle_make(uint64_t place)
{
	struct oracle o = { .place = place };

	nh_hash_init(&o.hash, FIXTURE_SEED);
	return o;
}

static uint64_t
chosen(const struct oracle *o, uint64_t i)
{
	return nh_unhash(&o->hash, o->place + i);
}

static uint64_t
other(uint64_t i)
{
	return key_of(SPREAD_MIXED, i);
}

/* The longest chain of a segment that nobody writes to. */
static uint64_t
longest_chain(struct nh_u64 *m, unsigned number)
{
	uint64_t size = peek(&m->core.descriptor[number].size);
	uint64_t most = 0;

	for (unsigned i = 0; i < 2; i++) {
		struct nh_table *t = &m->core.segment[number].table[i];

		if (!(size & NH_SIZE_MIGRATING) && (size >> 33 & 1) != i)
			continue;
		for (uint64_t b = 0; b < nh_table_blocks(t); b++) {
			struct nh_line *even = nh_table_even(t, b);
			uint64_t n = 0;

			if (nh_slot_word(even, 0) & NH_WORD_LIVE)
				n = nh_chain_lines(even);
			most = n > most ? n : most;
		}
	}
	return most;
}

static struct nh_u64 *
storm_map(uint64_t limit)
{
	struct nh_config config = config_make(FIXTURE_SEED);

	/* Inside looks at the tables as this flavour leaves them. */
	config.arch = NH_ARCH_GENERIC;
	config.chain_limit = limit;
	config.fixed = false;
	config.capacity = 0;
	return map_make(&config);
}

static uint64_t
now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

/* What an attack came to. */
struct outcome {
	uint64_t chain, total, longest; /* lines, ns, ns */
};

static struct outcome
attack(struct nh_u64 *m, const struct oracle *o)
{
	struct outcome out = { 0, 0, 0 };

	for (uint64_t i = 0; i < CHOSEN; i++) {
		uint64_t begin = now(), took, chain;

		assert_int_equal(nh_u64_put(m, chosen(o, i), i), NH_OK);
		took = now() - begin;
		out.total += took;
		out.longest = took > out.longest ? took : out.longest;
		if (i % 16)
			continue;
		chain = longest_chain(m, (unsigned)(o->place >> 56));
		out.chain = chain > out.chain ? chain : out.chain;
	}
	return out;
}

struct shown {
	const struct oracle *o;
	uint8_t others[OTHERS], chosen[CHOSEN];
};

static int
note_shown(void *arg, uint64_t key, uint64_t value)
{
	struct shown *s = arg;

	if (value >= OTHERS)
		return 1;
	if (key == other(value))
		return s->others[value]++;
	if (value >= CHOSEN || key != chosen(s->o, value))
		return 1;
	return s->chosen[value]++;
}

static void
assert_all(struct nh_u64 *m, const struct oracle *o)
{
	struct shown *s = calloc(1, sizeof(*s));
	struct nh_cursor cursor = { 0 };

	assert_non_null(s);
	s->o = o;
	for (uint64_t i = 0; i < OTHERS; i++)
		assert_value(m, other(i), i);
	for (uint64_t i = 0; i < CHOSEN; i++)
		assert_value(m, chosen(o, i), i);
	assert_int_equal(nh_u64_len(m), OTHERS + CHOSEN);
	assert_int_equal(nh_u64_scan(m, &cursor, note_shown, s), NH_OK);
	for (uint64_t i = 0; i < OTHERS; i++)
		assert_int_equal(s->others[i], 1);
	for (uint64_t i = 0; i < CHOSEN; i++)
		assert_int_equal(s->chosen[i], 1);
	free(s);
}

static void
test_chosen_keys_are_spread_by_one_reseed(void **state)
{
	struct oracle o = oracle_make(PLACE);
	struct nh_u64 *with = storm_map(LIMIT), *without = storm_map(0);
	struct outcome a, b;

	(void)state;
	put_range(with, SPREAD_MIXED, 0, OTHERS);
	put_range(without, SPREAD_MIXED, 0, OTHERS);
	b = attack(without, &o);
	a = attack(with, &o);
	printf("without a limit: chain %" PRIu64 " lines, %" PRIu64
	       " ns an insert, longest %" PRIu64 " ns\n",
	       b.chain, b.total / CHOSEN, b.longest);
	printf("with one:        chain %" PRIu64 " lines, %" PRIu64
	       " ns an insert, longest %" PRIu64 " ns\n",
	       a.chain, a.total / CHOSEN, a.longest);
	assert_in_range(b.chain, CHOSEN / 4, CHOSEN);
	assert_in_range(a.chain, 0, LIMIT + 1);
	assert_true(a.total < b.total / 2);
	assert_int_equal(stats_of(with).reseeds, 1);
	assert_int_equal(stats_of(with).salted, 1);
	assert_int_equal(stats_of(with).storms, 1);
	assert_int_equal(stats_of(without).storms, 0);
	assert_all(with, &o);
	assert_all(without, &o);
	nh_u64_destroy(without);
	for (uint64_t i = 0; i < CHOSEN; i++)
		assert_int_equal(nh_u64_delete(with, chosen(&o, i)), NH_OK);
	for (uint64_t i = 0; i < CHOSEN; i++)
		assert_absent(with, chosen(&o, i));
	assert_range(with, SPREAD_MIXED, 0, OTHERS);
	nh_u64_destroy(with);
}

/* -------------------------------------------------- what the caller is told */

struct told {
	struct nh_u64 *m;
	unsigned calls;
	struct nh_storm last;
};

/* A write in the callback would hang if a lock were held. */
static void
note_storm(void *arg, const struct nh_storm *storm)
{
	struct told *t = arg;
	struct oracle o = oracle_make(PLACE);

	t->calls++;
	t->last = *storm;
	assert_int_equal(nh_u64_put(t->m, chosen(&o, 0), 77), NH_OK);
}

static struct nh_u64 *
telling_map(struct told *t, uint64_t capacity)
{
	struct nh_config config = config_make(FIXTURE_SEED);

	*t = (struct told){ 0 };
	config.capacity = capacity;
	config.fixed = capacity != 0;
	config.on_storm = note_storm;
	config.storm_arg = t;
	t->m = map_make(&config);
	return t->m;
}

static void
test_a_storm_is_told_with_no_lock_held(void **state)
{
	struct oracle o = oracle_make(PLACE);
	struct told t;
	struct nh_u64 *m = telling_map(&t, 0);

	(void)state;
	for (uint64_t i = 0; i < 1000; i++)
		assert_int_equal(nh_u64_put(m, chosen(&o, i), i), NH_OK);
	assert_int_equal(t.calls, stats_of(m).storms);
	assert_in_range(t.calls, 1, 3);
	assert_int_equal(t.last.segment, PLACE >> 56);
	assert_in_range(t.last.lines, LIMIT + 1, LIMIT + 2);
	assert_true(t.last.reseeding);
	assert_value(m, chosen(&o, 0), 77);
	nh_u64_destroy(m);
}

/* There is nowhere to move to: told at growing intervals, and all is kept. */
static void
test_a_fixed_map_only_tells(void **state)
{
	struct oracle o = oracle_make(PLACE);
	struct told t;
	struct nh_u64 *m = telling_map(&t, 100000);
	uint64_t n = 0;

	(void)state;
	while (n < 1000 && !nh_u64_put(m, chosen(&o, n), n))
		n++;
	assert_in_range(n, 50, 1000);
	assert_in_range(t.calls, 2, 6);
	assert_false(t.last.reseeding);
	assert_int_equal(stats_of(m).reseeds, 0);
	for (uint64_t i = 1; i < n; i++)
		assert_value(m, chosen(&o, i), i);
	nh_u64_destroy(m);
}

static void
test_a_limit_that_is_out_of_range_is_refused(void **state)
{
	struct nh_config config = config_make(FIXTURE_SEED);
	int err = NH_OK;

	(void)state;
	assert_int_equal(config.chain_limit, LIMIT);
	config.chain_limit = NH_CHAIN_LIMIT_MAX + 1;
	assert_null(nh_u64_create(&config, &err));
	assert_int_equal(err, NH_ERR_ARG);
	config.chain_limit = NH_CHAIN_LIMIT_MAX;
	nh_u64_destroy(map_make(&config));
}

/* ------------------------------------------------------------ when it is over
 */

static void
test_shrink_takes_the_salt_off_when_the_crowd_is_gone(void **state)
{
	struct oracle o = oracle_make(PLACE);
	struct nh_u64 *m = storm_map(LIMIT);

	(void)state;
	put_range(m, SPREAD_MIXED, 0, OTHERS);
	attack(m, &o);
	assert_int_equal(nh_u64_shrink(m), NH_OK);
	assert_int_equal(stats_of(m).salted, 1);
	assert_in_range(longest_chain(m, PLACE >> 56), 0, LIMIT);
	assert_all(m, &o);
	for (uint64_t i = 0; i < CHOSEN; i++)
		assert_int_equal(nh_u64_delete(m, chosen(&o, i)), NH_OK);
	assert_int_equal(stats_of(m).salted, 1);
	assert_int_equal(nh_u64_shrink(m), NH_OK);
	assert_int_equal(stats_of(m).salted, 0);
	assert_range(m, SPREAD_MIXED, 0, OTHERS);
	attack(m, &o);
	assert_int_equal(stats_of(m).salted, 1);
	assert_all(m, &o);
	nh_u64_destroy(m);
}

static void
test_clear_empties_a_salted_segment(void **state)
{
	struct oracle o = oracle_make(PLACE);
	struct nh_u64 *m = storm_map(LIMIT);

	(void)state;
	put_range(m, SPREAD_MIXED, 0, OTHERS);
	attack(m, &o);
	assert_int_equal(nh_u64_clear(m), NH_OK);
	assert_int_equal(nh_u64_len(m), 0);
	assert_int_equal(stats_of(m).salted, 0);
	assert_int_equal(stats_of(m).table_bytes, 0);
	put_range(m, SPREAD_MIXED, 0, OTHERS);
	attack(m, &o);
	assert_all(m, &o);
	nh_u64_destroy(m);
}

static void
test_reserve_grows_a_salted_segment(void **state)
{
	struct oracle o = oracle_make(PLACE);
	struct nh_u64 *m = storm_map(LIMIT);

	(void)state;
	put_range(m, SPREAD_MIXED, 0, OTHERS);
	attack(m, &o);
	assert_int_equal(nh_u64_reserve(m, 2000000), NH_OK);
	assert_true(stats_of(m).slots > 2000000);
	assert_int_equal(stats_of(m).salted, 1);
	assert_all(m, &o);
	nh_u64_destroy(m);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_chosen_keys_are_spread_by_one_reseed),
		cmocka_unit_test(test_a_storm_is_told_with_no_lock_held),
		cmocka_unit_test(test_a_fixed_map_only_tells),
		cmocka_unit_test(test_a_limit_that_is_out_of_range_is_refused),
		cmocka_unit_test(
			test_shrink_takes_the_salt_off_when_the_crowd_is_gone),
		cmocka_unit_test(test_clear_empties_a_salted_segment),
		cmocka_unit_test(test_reserve_grows_a_salted_segment),
	};

	fixture_filter(argc, argv);
	return cmocka_run_group_tests_name("storm", tests, NULL, NULL);
}

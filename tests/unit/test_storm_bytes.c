/*
 * test_storm_bytes.c - collision storms in nh_map
 *
 * Linked with the library built with -DNH_STALL, where a map can be told to
 * take the first eight bytes of a key for its hash.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "lib/bytes.h"
#include "tests/model/kit.h"

#define PLACE UINT64_C(0x4212345678000000)
#define MOST 2000

/* The library calls it before each shared access. */
void nh_stall_point(void);

void
nh_stall_point(void)
{
}

/* A key: its hash, and what tells it from others with that hash. */
struct key {
	uint64_t hash, number;
};

static struct key
key_at(uint64_t hash, uint64_t number)
{
	return (struct key){ PLACE + hash, number };
}

static struct nh_map *
prefix_map(int arch)
{
	struct nh_config config = config_make(1);
	struct nh_map *m;
	int err;

	config.arch = arch;
	m = nh_map_create(&config, &err);
	assert_non_null(m);
	m->hash.kind = NH_BYTES_PREFIX;
	return m;
}

static struct nh_stats
map_stats(const struct nh_map *m)
{
	struct nh_stats stats = { .size = sizeof(stats) };

	assert_int_equal(nh_map_stats(m, &stats), NH_OK);
	return stats;
}

static void
put(struct nh_map *m, struct key key, uint64_t value)
{
	assert_int_equal(
		nh_map_put(m, &key, sizeof(key), &value, sizeof(value)), NH_OK);
}

static void
assert_has(const struct nh_map *m, struct key key, uint64_t value)
{
	size_t len = sizeof(value);
	uint64_t got = 0;

	assert_int_equal(nh_map_get(m, &key, sizeof(key), &got, &len), NH_OK);
	assert_int_equal(len, sizeof(value));
	assert_int_equal(got, value);
}

static void
assert_has_not(const struct nh_map *m, struct key key)
{
	size_t len = 0;

	assert_int_equal(nh_map_get(m, &key, sizeof(key), NULL, &len),
			 NH_ERR_NOTFOUND);
}

struct shown {
	uint8_t seen[MOST];
	unsigned left; /* 0: to the end */
};

static int
note(void *arg, const struct nh_bytes *key, const struct nh_bytes *value)
{
	struct shown *s = arg;
	uint64_t v;

	assert_int_equal(key->len, sizeof(struct key));
	assert_int_equal(value->len, sizeof(v));
	memcpy(&v, value->data, sizeof(v));
	assert_true(v < MOST);
	assert_int_equal(s->seen[v]++, 0);
	return s->left && --s->left == 0;
}

/* Values 0 .. n - 1, each once, with a stop after every so many. */
static void
assert_scan(const struct nh_map *m, unsigned n, unsigned every)
{
	struct nh_cursor cursor = { 0 };
	struct shown s = { .left = 0 };

	while (!cursor.done) {
		int err;

		s.left = every;
		err = nh_map_scan(m, &cursor, note, &s);
		assert_int_equal(err, cursor.done ? NH_OK : NH_ERR_STOPPED);
	}
	for (unsigned i = 0; i < MOST; i++)
		assert_int_equal(s.seen[i], i < n);
}

static void
spread_and_back(int arch)
{
	struct nh_map *m = prefix_map(arch);

	for (unsigned i = 0; i < MOST; i++)
		put(m, key_at(i, 0), MOST);
	for (unsigned i = 0; i < MOST; i++)
		put(m, key_at(i, 0), i);
	assert_in_range(map_stats(m).reseeds, 1, 10);
	assert_int_equal(map_stats(m).salted, 1);
	assert_true(map_stats(m).overflow_lines < MOST / 10);
	for (unsigned i = 0; i < MOST; i++) {
		assert_has(m, key_at(i, 0), i);
		assert_has_not(m, key_at(i, 1));
		assert_has_not(m, key_at(i + MOST, 0));
	}
	assert_scan(m, MOST, 0);
	assert_scan(m, MOST, 97);
	for (unsigned i = 10; i < MOST; i++) {
		struct key key = key_at(i, 0);

		assert_int_equal(nh_map_delete(m, &key, sizeof(key)), NH_OK);
	}
	assert_int_equal(map_stats(m).salted, 1);
	assert_scan(m, 10, 3);
	assert_int_equal(nh_map_shrink(m), NH_OK);
	assert_int_equal(map_stats(m).salted, 0);
	assert_scan(m, 10, 3);
	nh_map_destroy(m);
}

static void
test_keys_of_one_block_are_spread(void **state)
{
	(void)state;
	spread_and_back(NH_ARCH_AUTO);
	spread_and_back(NH_ARCH_GENERIC);
}

/* No salt tells equal hashes apart: told now and then, and never moved for. */
static void
test_equal_hashes_are_told_and_left_alone(void **state)
{
	struct nh_map *m = prefix_map(NH_ARCH_AUTO);

	(void)state;
	for (unsigned i = 0; i < MOST; i++)
		put(m, key_at(0, i), i);
	assert_int_equal(map_stats(m).reseeds, 0);
	assert_in_range(map_stats(m).storms, 3, 80);
	for (unsigned i = 0; i < MOST; i++)
		assert_has(m, key_at(0, i), i);
	assert_scan(m, MOST, 0);
	nh_map_destroy(m);
}

/* Ten hashes of one block with a hundred keys each: spread a few times only. */
static void
test_equal_hashes_among_others_stay_together(void **state)
{
	struct nh_map *m = prefix_map(NH_ARCH_AUTO);

	(void)state;
	for (unsigned i = 0; i < 1000; i++)
		put(m, key_at(i % 10, i), i);
	assert_in_range(map_stats(m).reseeds, 1, 40);
	for (unsigned i = 0; i < 1000; i++)
		assert_has(m, key_at(i % 10, i), i);
	assert_scan(m, 1000, 0);
	assert_scan(m, 1000, 7);
	assert_int_equal(nh_map_clear(m), NH_OK);
	assert_int_equal(map_stats(m).salted, 0);
	assert_int_equal(nh_map_len(m), 0);
	assert_int_equal(map_stats(m).entry_bytes, 0);
	nh_map_destroy(m);
}

/* -------------------------------------------------------------------- races */

struct race {
	struct nh_map *m;
	nh_atomic stop, gets, misses;
};

/* Key 0 always is there; what it has says so. */
static void *
read_on(void *arg)
{
	struct race *r = arg;
	uint64_t n = 0, lost = 0;

	/* relaxed: only to stop. */
	while (!nh_load_relaxed(&r->stop)) {
		struct key key = key_at(7, 0);
		uint64_t got = 0;
		size_t len = sizeof(got);

		n++;
		lost += nh_map_get(r->m, &key, sizeof(key), &got, &len) !=
				NH_OK ||
			got < 1000000;
	}
	/* relaxed: looked at after the thread was joined. */
	nh_add_relaxed(&r->gets, n);
	/* relaxed: as above. */
	nh_add_relaxed(&r->misses, lost);
	return NULL;
}

static void
test_threads_find_a_key_while_its_segment_gets_salts(void **state)
{
	struct race r = { .m = prefix_map(NH_ARCH_GENERIC) };
	pthread_t reader[2];

	(void)state;
	put(r.m, key_at(7, 0), 1000000);
	for (unsigned i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&reader[i], NULL, read_on, &r),
				 0);
	for (unsigned turn = 0; turn < 60; turn++) {
		for (unsigned i = 8; i < 108; i++)
			put(r.m, key_at(i, 0), i);
		put(r.m, key_at(7, 0), 1000000 + turn);
		for (unsigned i = 8; i < 108; i++) {
			struct key key = key_at(i, 0);

			assert_int_equal(nh_map_delete(r.m, &key, sizeof(key)),
					 NH_OK);
		}
		assert_int_equal(nh_map_shrink(r.m), NH_OK);
	}
	/* relaxed: only to stop. */
	nh_store_relaxed(&r.stop, 1);
	for (unsigned i = 0; i < 2; i++)
		pthread_join(reader[i], NULL);
	/* relaxed: the threads were joined. */
	assert_int_equal(nh_load_relaxed(&r.misses), 0);
	/* relaxed: as above. */
	assert_true(nh_load_relaxed(&r.gets) > 100);
	assert_in_range(map_stats(r.m).reseeds, 60, 1000);
	nh_map_destroy(r.m);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_keys_of_one_block_are_spread),
		cmocka_unit_test(test_equal_hashes_are_told_and_left_alone),
		cmocka_unit_test(test_equal_hashes_among_others_stay_together),
		cmocka_unit_test(
			test_threads_find_a_key_while_its_segment_gets_salts),
	};

	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests_name("storm_bytes", tests, NULL, NULL);
}

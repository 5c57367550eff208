/*
 * u64_fixture.h - what the unit tests of nh_u64 share: a map for each test
 */
#ifndef NH_TESTS_U64_FIXTURE_H
#define NH_TESTS_U64_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "numahash.h"
#include "tests/model/kit.h"

#define FIXTURE_SEED 20260101

/* A test that is given a fresh map in *state. */
#define ON_MAP(test) \
	cmocka_unit_test_setup_teardown(test, fixture_setup, fixture_teardown)

/* map_make - a map by this configuration; the test fails if there is none */
static inline struct nh_u64 *
map_make(const struct nh_config *config)
{
	int err = NH_ERR_SYSTEM;
	struct nh_u64 *m = nh_u64_create(config, &err);

	assert_non_null(m);
	assert_int_equal(err, NH_OK);
	return m;
}

static inline int
fixture_setup(void **state)
{
	struct nh_config config = config_make(FIXTURE_SEED);

	*state = map_make(&config);
	return 0;
}

static inline int
fixture_teardown(void **state)
{
	nh_u64_destroy(*state);
	return 0;
}

/*
 * fixture_filter - with an argument, run only the tests whose names match it:
 * '*thread*' are those worth the time under ThreadSanitizer
 */
static inline void
fixture_filter(int argc, char **argv)
{
	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
}

static inline void
assert_value(const struct nh_u64 *m, uint64_t key, uint64_t value)
{
	uint64_t got = POISON;

	assert_int_equal(nh_u64_get(m, key, &got), NH_OK);
	assert_int_equal(got, value);
}

static inline void
assert_absent(const struct nh_u64 *m, uint64_t key)
{
	uint64_t got = POISON;

	assert_int_equal(nh_u64_get(m, key, &got), NH_ERR_NOTFOUND);
	assert_int_equal(got, POISON);
}

/* put_range - key numbers from .. to - 1, each with itself as the value */
static inline void
put_range(struct nh_u64 *m, enum spread spread, uint64_t from, uint64_t to)
{
	for (uint64_t i = from; i < to; i++)
		assert_int_equal(nh_u64_put(m, key_of(spread, i), i), NH_OK);
}

static inline void
delete_range(struct nh_u64 *m, enum spread spread, uint64_t from, uint64_t to)
{
	for (uint64_t i = from; i < to; i++)
		assert_int_equal(nh_u64_delete(m, key_of(spread, i)), NH_OK);
}

static inline void
assert_range(const struct nh_u64 *m, enum spread spread, uint64_t from,
	     uint64_t to)
{
	for (uint64_t i = from; i < to; i++)
		assert_value(m, key_of(spread, i), i);
}

/* count_pair - the callback of a scan that counts in an unsigned */
static inline int
count_pair(void *arg, uint64_t key, uint64_t value)
{
	(void)key;
	(void)value;
	++*(unsigned *)arg;
	return 0;
}

struct first_keys {
	uint64_t *key;
	size_t count, most;
};

static inline int
note_first_key(void *arg, uint64_t key, uint64_t value)
{
	struct first_keys *first = arg;

	(void)value;
	first->key[first->count++] = key;
	return first->count == first->most;
}

/* first_keys - the n keys that a scan shows first */
static inline void
first_keys(const struct nh_u64 *m, uint64_t *key, size_t n)
{
	struct first_keys first = { key, 0, n };
	struct nh_cursor cursor = { 0 };

	assert_int_equal(nh_u64_scan(m, &cursor, note_first_key, &first),
			 NH_ERR_STOPPED);
}

#endif

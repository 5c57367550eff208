/*
 * map_fixture.h - what the unit tests of nh_map share: a map for each test
 */
#ifndef NH_TESTS_MAP_FIXTURE_H
#define NH_TESTS_MAP_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "numahash.h"
#include "tests/model/kit.h"

#define FIXTURE_SEED 20260101
#define UNTOUCHED 0xa5 /* what buffers hold before a call */

/* A test that is given a fresh map in *state. */
#define ON_MAP(test) \
	cmocka_unit_test_setup_teardown(test, fixture_setup, fixture_teardown)

/* map_make - a map by this configuration; the test fails if there is none */
static inline struct nh_map *
map_make(const struct nh_config *config)
{
	int err = NH_ERR_SYSTEM;
	struct nh_map *m = nh_map_create(config, &err);

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
	nh_map_destroy(*state);
	return 0;
}

/* fixture_filter - as in u64_fixture.h */
static inline void
fixture_filter(int argc, char **argv)
{
	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
}

static inline struct nh_stats
map_stats(const struct nh_map *m)
{
	struct nh_stats stats = { .size = sizeof(stats) };

	assert_int_equal(nh_map_stats(m, &stats), NH_OK);
	return stats;
}

static inline uint64_t
map_migrations(const struct nh_map *m)
{
	struct nh_stats stats = map_stats(m);

	return stats.grows + stats.shrinks;
}

/* -------------------------------------------------------------------- words */

/* Keys and values that are words. */
static inline int
word_put(struct nh_map *m, const char *key, const char *value)
{
	return nh_map_put(m, key, strlen(key), value, strlen(value));
}

static inline int
word_insert(struct nh_map *m, const char *key, const char *value)
{
	return nh_map_insert(m, key, strlen(key), value, strlen(value));
}

static inline int
word_delete(struct nh_map *m, const char *key)
{
	return nh_map_delete(m, key, strlen(key));
}

static inline int
word_cas(struct nh_map *m, const char *key, const char *expected,
	 const char *desired)
{
	return nh_map_compare_and_swap(m, key, strlen(key), expected,
				       strlen(expected), desired,
				       strlen(desired));
}

static inline void
assert_bytes(const struct nh_map *m, const void *key, size_t key_len,
	     const void *value, size_t value_len)
{
	size_t room = value_len + 3, len = room;
	unsigned char *got = malloc(room);

	assert_non_null(got);
	memset(got, UNTOUCHED, room);
	assert_int_equal(nh_map_get(m, key, key_len, got, &len), NH_OK);
	assert_int_equal(len, value_len);
	if (value_len)
		assert_memory_equal(got, value, value_len);
	for (size_t i = value_len; i < room; i++)
		assert_int_equal(got[i], UNTOUCHED);
	free(got);
}

static inline void
assert_no_bytes(const struct nh_map *m, const void *key, size_t key_len)
{
	unsigned char got[8];
	size_t len = sizeof(got);

	memset(got, UNTOUCHED, sizeof(got));
	assert_int_equal(nh_map_get(m, key, key_len, got, &len),
			 NH_ERR_NOTFOUND);
	assert_int_equal(len, sizeof(got));
	for (size_t i = 0; i < sizeof(got); i++)
		assert_int_equal(got[i], UNTOUCHED);
}

static inline void
assert_word(const struct nh_map *m, const char *key, const char *value)
{
	assert_bytes(m, key, strlen(key), value, strlen(value));
}

static inline void
assert_no_word(const struct nh_map *m, const char *key)
{
	assert_no_bytes(m, key, strlen(key));
}

/* ------------------------------------------------------------------ numbers */

#define NUMBER_MOST 64

/* number_key, number_value - the strings of a number: their lengths */
static inline size_t
number_key(uint64_t i, char *to)
{
	return (size_t)snprintf(to, NUMBER_MOST, "%s%llu",
				i % 3 ? "key " : "a somewhat longer key, ",
				(unsigned long long)i);
}

static inline size_t
number_value(uint64_t i, char *to)
{
	static const char filler[] = "................................";

	return (size_t)snprintf(to, NUMBER_MOST, "%llu%.*s",
				(unsigned long long)i, (int)(i * 7 % 33),
				filler);
}

static inline int
number_put(struct nh_map *m, uint64_t i)
{
	char key[NUMBER_MOST], value[NUMBER_MOST];
	size_t key_len = number_key(i, key);

	return nh_map_put(m, key, key_len, value, number_value(i, value));
}

static inline int
number_delete(struct nh_map *m, uint64_t i)
{
	char key[NUMBER_MOST];

	return nh_map_delete(m, key, number_key(i, key));
}

static inline bool
number_is_there(const struct nh_map *m, uint64_t i)
{
	char key[NUMBER_MOST], want[NUMBER_MOST], got[NUMBER_MOST];
	size_t len = sizeof(got), want_len = number_value(i, want);

	if (nh_map_get(m, key, number_key(i, key), got, &len) != NH_OK)
		return false;
	assert_int_equal(len, want_len);
	assert_memory_equal(got, want, len);
	return true;
}

static inline void
put_range(struct nh_map *m, uint64_t from, uint64_t to)
{
	for (uint64_t i = from; i < to; i++)
		assert_int_equal(number_put(m, i), NH_OK);
}

static inline void
delete_range(struct nh_map *m, uint64_t from, uint64_t to)
{
	for (uint64_t i = from; i < to; i++)
		assert_int_equal(number_delete(m, i), NH_OK);
}

static inline void
assert_range(const struct nh_map *m, uint64_t from, uint64_t to)
{
	for (uint64_t i = from; i < to; i++)
		assert_true(number_is_there(m, i));
}

/* number_of - what number_put() put there; UINT64_MAX: nothing of the kind */
static inline uint64_t
number_of(const struct nh_bytes *key, const struct nh_bytes *value)
{
	char want[NUMBER_MOST], text[NUMBER_MOST];
	uint64_t i;

	if (value->len >= NUMBER_MOST)
		return UINT64_MAX;
	memcpy(text, value->data, value->len);
	text[value->len] = 0;
	i = strtoull(text, NULL, 10);
	if (number_value(i, want) != value->len ||
	    memcmp(want, value->data, value->len) ||
	    number_key(i, want) != key->len ||
	    memcmp(want, key->data, key->len))
		return UINT64_MAX;
	return i;
}

/* count_shown - the callback of a scan that counts in an unsigned */
static inline int
count_shown(void *arg, const struct nh_bytes *key, const struct nh_bytes *value)
{
	(void)key;
	(void)value;
	++*(unsigned *)arg;
	return 0;
}

/* ------------------------------------------------------------------- update */

/* What an update callback is told to do, and what it was shown. */
struct answer {
	int verdict;
	struct nh_bytes store;
	unsigned calls;
	bool present;
	char key[32], value[32];
	size_t key_len, value_len;
};

/* give_answer - the callback of nh_map_update() that takes a struct answer */
static inline int
give_answer(void *arg, const struct nh_bytes *key, bool present,
	    struct nh_bytes *value)
{
	struct answer *a = arg;

	a->calls++;
	a->present = present;
	a->key_len = key->len;
	a->value_len = value->len;
	if (key->len < sizeof(a->key))
		memcpy(a->key, key->data, key->len);
	if (value->len && value->len < sizeof(a->value))
		memcpy(a->value, value->data, value->len);
	*value = a->store;
	return a->verdict;
}

#endif

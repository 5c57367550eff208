/*
 * shard_fixture.h - what the tests of sharded maps share: rules and keys
 *
 * A key is a number of 8 bytes and some more; its value tells the key and a
 * version.  A rule has a salt: other salts put nearly all keys elsewhere.
 */
#ifndef NH_TESTS_SHARD_FIXTURE_H
#define NH_TESTS_SHARD_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "numahash.h"
#include "tests/model/kit.h"

#define FIXTURE_SEED 20260103
#define SEGMENTS 256

struct salt {
	uint64_t number;
	unsigned spread; /* over so many segments, from segment number on */
};

struct key {
	uint64_t number;
	char text[11];
} __attribute__((packed));

static inline struct key
key_make(uint64_t number)
{
	struct key key = { .number = number, .text = "of a tenant" };

	return key;
}

static inline unsigned
salted(void *arg, const void *key, size_t len)
{
	const struct salt *salt = arg;
	uint64_t number;

	assert_int_equal(len, sizeof(struct key));
	memcpy(&number, key, sizeof(number));
	return (unsigned)(salt->number +
			  mix64(number ^ salt->number) % salt->spread);
}

static inline struct nh_map *
map_make(const struct nh_config *config)
{
	int err = NH_ERR_SYSTEM;
	struct nh_map *m = nh_map_create(config, &err);

	assert_non_null(m);
	assert_int_equal(err, NH_OK);
	return m;
}

/* sharded_make - a map by this rule; NULL: by hash */
static inline struct nh_map *
sharded_make(struct salt *salt)
{
	struct nh_config config = config_make(FIXTURE_SEED);

	config.capacity = 0;
	config.fixed = false;
#ifdef __SANITIZE_THREAD__
	/* Accesses of 16 bytes are invisible to ThreadSanitizer. */
	config.arch = NH_ARCH_GENERIC;
#endif
	config.segment = salt ? salted : NULL;
	config.segment_arg = salt;
	return map_make(&config);
}

static inline int
reshard_to(struct nh_map *m, struct salt *salt)
{
	return nh_map_reshard(m, salt ? salted : NULL, salt);
}

static inline int
put(struct nh_map *m, uint64_t number, uint64_t version)
{
	struct key key = key_make(number);
	uint64_t value[2] = { number, version };

	return nh_map_put(m, &key, sizeof(key), value, sizeof(value));
}

static inline int
get(const struct nh_map *m, uint64_t number, uint64_t *version)
{
	struct key key = key_make(number);
	uint64_t value[2];
	size_t len = sizeof(value);
	int err = nh_map_get(m, &key, sizeof(key), value, &len);

	if (err)
		return err;
	assert_int_equal(len, sizeof(value));
	assert_int_equal(value[0], number);
	*version = value[1];
	return NH_OK;
}

static inline int
forget(struct nh_map *m, uint64_t number)
{
	struct key key = key_make(number);

	return nh_map_delete(m, &key, sizeof(key));
}

/* put_range - each number from .. to - 1 with this version */
static inline void
put_range(struct nh_map *m, uint64_t from, uint64_t to, uint64_t version)
{
	for (uint64_t i = from; i < to; i++)
		assert_int_equal(put(m, i, version), NH_OK);
}

static inline void
assert_range(const struct nh_map *m, uint64_t from, uint64_t to,
	     uint64_t version)
{
	for (uint64_t i = from; i < to; i++) {
		uint64_t got = POISON;

		assert_int_equal(get(m, i, &got), NH_OK);
		assert_int_equal(got, version);
	}
}

static inline void
assert_none(const struct nh_map *m, uint64_t from, uint64_t to)
{
	uint64_t got;

	for (uint64_t i = from; i < to; i++)
		assert_int_equal(get(m, i, &got), NH_ERR_NOTFOUND);
}

static inline struct nh_segment_stats
segment_stats(const struct nh_map *m, unsigned segment)
{
	struct nh_segment_stats stats = { .size = sizeof(stats) };

	assert_int_equal(nh_map_segment_stats(m, segment, &stats), NH_OK);
	return stats;
}

/* assert_placed - each number from .. to - 1, and no other, is where it belongs
 */
static inline void
assert_placed(const struct nh_map *m, struct salt *salt, uint64_t from,
	      uint64_t to)
{
	uint64_t count[SEGMENTS] = { 0 };

	for (uint64_t i = from; i < to; i++) {
		struct key key = key_make(i);

		count[salted(salt, &key, sizeof(key)) % SEGMENTS]++;
	}
	for (unsigned i = 0; i < SEGMENTS; i++)
		assert_int_equal(segment_stats(m, i).entries, count[i]);
}

/* ------------------------------------------------------------------- scans */

#define SEEN_MOST 100000

/* What a scan has shown; it may stop after so many pairs. */
struct seen {
	uint8_t times[SEEN_MOST];
	unsigned count, stop_at;
	void (*then)(void *arg); /* in the callback, unless NULL */
	void *arg;
};

static inline int
see(void *arg, const struct nh_bytes *key, const struct nh_bytes *value)
{
	struct seen *seen = arg;
	uint64_t number, own;

	assert_int_equal(key->len, sizeof(struct key));
	assert_int_equal(value->len, 2 * sizeof(uint64_t));
	memcpy(&number, key->data, sizeof(number));
	memcpy(&own, value->data, sizeof(own));
	assert_int_equal(number, own);
	assert_true(number < SEEN_MOST);
	seen->times[number]++;
	seen->count++;
	if (seen->then)
		seen->then(seen->arg);
	return seen->count == seen->stop_at;
}

/* assert_seen - each number from .. to - 1 was shown exactly once */
static inline void
assert_seen(const struct seen *seen, uint64_t from, uint64_t to)
{
	for (uint64_t i = from; i < to; i++)
		assert_int_equal(seen->times[i], 1);
}

static inline void
fixture_filter(int argc, char **argv)
{
	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
}

#endif

/*
 * pin_fixture.h - what the tests of pins share: maps of byte strings
 */
#ifndef NH_TESTS_PIN_FIXTURE_H
#define NH_TESTS_PIN_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "numahash.h"
#include "tests/model/kit.h"

#define FIXTURE_SEED 20260101

/* pin_map - a map that keeps such records, of this module */
static inline struct nh_map *
pin_map(int arch, int debug, uint64_t age_ms)
{
	struct nh_config config = config_make(FIXTURE_SEED);
	int err = NH_ERR_SYSTEM;
	struct nh_map *m;

	if (arch != NH_ARCH_AUTO)
		config.arch = arch;
	config.debug = debug;
	config.pin_age_ms = age_ms;
	m = nh_map_create(&config, &err);
	assert_non_null(m);
	assert_int_equal(err, NH_OK);
	return m;
}

static inline struct nh_stats
map_stats(const struct nh_map *m)
{
	struct nh_stats stats = { .size = sizeof(stats) };

	assert_int_equal(nh_map_stats(m, &stats), NH_OK);
	return stats;
}

static inline void
put_text(struct nh_map *m, const char *key, const char *value)
{
	assert_int_equal(nh_map_put(m, key, strlen(key), value, strlen(value)),
			 NH_OK);
}

static inline struct nh_pin
pin_text(struct nh_map *m, const char *key)
{
	struct nh_pin pin;

	assert_int_equal(nh_pin(m, key, strlen(key), &pin), NH_OK);
	return pin;
}

static inline void
assert_pin(const struct nh_pin *pin, const char *value)
{
	assert_int_equal(pin->len, strlen(value));
	assert_memory_equal(pin->value, value, pin->len);
}

static inline void
assert_text(const struct nh_map *m, const char *key, const char *value)
{
	char got[256];
	size_t len = sizeof(got);

	assert_int_equal(nh_map_get(m, key, strlen(key), got, &len), NH_OK);
	assert_int_equal(len, strlen(value));
	assert_memory_equal(got, value, len);
}

/* put_others - n keys of 4 bytes with values that take a freed one's memory */
static inline void
put_others(struct nh_map *m, unsigned n, const char *value)
{
	for (uint32_t i = 0; i < n; i++)
		assert_int_equal(
			nh_map_put(m, &i, sizeof(i), value, strlen(value)),
			NH_OK);
}

static inline void
delete_others(struct nh_map *m, unsigned n)
{
	for (uint32_t i = 0; i < n; i++)
		assert_int_equal(nh_map_delete(m, &i, sizeof(i)), NH_OK);
}

#endif

/*
 * kit.h - what the tests of nh_u64 share: random numbers, keys, configurations
 *
 * A test works with key numbers 0, 1, 2, ...; a spread turns a number into a
 * 64-bit key and back.  So a reference needs no table of its own: it is an
 * array indexed by key number.
 */
#ifndef NH_TESTS_KIT_H
#define NH_TESTS_KIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "numahash.h"

/* What results hold before a call that must not write them. */
#define POISON UINT64_C(0xdeadbeefcafef00d)

/* xorshift64*: the same numbers everywhere for the same seed. */
struct rng {
	uint64_t state;
};

/* mix64 - a bijection of 64 bits that scatters (the finisher of splitmix64) */
static inline uint64_t
mix64(uint64_t x)
{
	x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
	return x ^ (x >> 31);
}

/* unmix64 - the inverse of mix64 */
static inline uint64_t
unmix64(uint64_t x)
{
	x = (x ^ (x >> 31) ^ (x >> 62)) * UINT64_C(0x319642b2d24d8ec3);
	x = (x ^ (x >> 27) ^ (x >> 54)) * UINT64_C(0x96de1b173f119089);
	return x ^ (x >> 30) ^ (x >> 60);
}

static inline struct rng
rng_make(uint64_t seed)
{
	uint64_t state = mix64(seed + UINT64_C(0x9e3779b97f4a7c15));

	return (struct rng){ state ? state : 1 };
}

static inline uint64_t
rng_next(struct rng *rng)
{
	rng->state ^= rng->state >> 12;
	rng->state ^= rng->state << 25;
	rng->state ^= rng->state >> 27;
	return rng->state * UINT64_C(0x2545f4914f6cdd1d);
}

/* rng_below - 0 .. n - 1, for n below 2^32 */
static inline uint64_t
rng_below(struct rng *rng, uint64_t n)
{
	return ((rng_next(rng) >> 32) * n) >> 32;
}

enum spread {
	SPREAD_UP,    /* 0, 1, 2, ... */
	SPREAD_DOWN,  /* UINT64_MAX and down */
	SPREAD_HIGH,  /* differences in the high bits only */
	SPREAD_MIXED, /* anywhere */
};

static inline uint64_t
key_of(enum spread spread, uint64_t number)
{
	switch (spread) {
	case SPREAD_UP:
		return number;
	case SPREAD_DOWN:
		return ~number;
	case SPREAD_HIGH:
		return number << 40 | number >> 24;
	case SPREAD_MIXED:
		break;
	}
	return mix64(number);
}

static inline uint64_t
key_number(enum spread spread, uint64_t key)
{
	switch (spread) {
	case SPREAD_UP:
		return key;
	case SPREAD_DOWN:
		return ~key;
	case SPREAD_HIGH:
		return key >> 40 | key << 24;
	case SPREAD_MIXED:
		break;
	}
	return unmix64(key);
}

/* config_make - the defaults of this process with a seed of our own */
static inline struct nh_config
config_make(uint64_t seed)
{
	struct nh_config config;

	nh_config_init(&config);
	config.seed = seed;
	return config;
}

/* stats_of - the counters of a map; all ones if there are none */
static inline struct nh_stats
stats_of(const struct nh_u64 *m)
{
	struct nh_stats stats = { .size = sizeof(stats) };

	if (nh_u64_stats(m, &stats) != NH_OK)
		__builtin_memset(&stats, 0xff, sizeof(stats));
	return stats;
}

static inline struct nh_memory
memory_of_process(void)
{
	struct nh_memory memory = { .size = sizeof(memory) };

	if (nh_memory_stats(&memory) != NH_OK)
		__builtin_memset(&memory, 0xff, sizeof(memory));
	return memory;
}

/* migrations_of - how often segments of a map got a new table so far */
static inline uint64_t
migrations_of(const struct nh_u64 *m)
{
	struct nh_stats stats = stats_of(m);

	return stats.grows + stats.shrinks;
}

/* What an update callback is told to do, and what it was shown. */
struct verdict {
	int verdict;
	uint64_t store;
	unsigned calls;
	uint64_t key, value;
	bool present;
};

/* give_verdict - the callback of nh_u64_update() that takes a struct verdict */
static inline int
give_verdict(void *arg, uint64_t key, bool present, uint64_t *value)
{
	struct verdict *v = arg;

	v->calls++;
	v->key = key;
	v->present = present;
	v->value = *value;
	*value = v->store;
	return v->verdict;
}

#endif

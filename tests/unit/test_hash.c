/*
 * test_hash.c - a bijection that spreads what keys are like
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <string.h>

#include "lib/hash.h"
#include "lib/line.h"
#include "tests/model/kit.h"

#define KEYS 200000
#define LINES 76921 /* 2.6 keys to a line of four: a load of 65 % */
#define SEGMENTS 256

static void
test_every_key_comes_back_from_its_hash(void **state)
{
	(void)state;
	for (uint64_t seed = 0; seed < 200; seed++) {
		struct nh_hash hash;
		struct rng rng = rng_make(seed);

		nh_hash_init(&hash, seed * seed * seed);
		for (unsigned i = 0; i < 2000; i++) {
			uint64_t key = rng_next(&rng) >> i % 64;

			assert_int_equal(nh_unhash(&hash, nh_hash(&hash, key)),
					 key);
			assert_int_equal(nh_hash(&hash, nh_unhash(&hash, key)),
					 key);
			key = ~key;
			assert_int_equal(nh_unhash(&hash, nh_hash(&hash, key)),
					 key);
		}
	}
}

static void
test_the_inverses_are_inverses(void **state)
{
	(void)state;
	for (uint64_t seed = 0; seed < 10000; seed++) {
		struct nh_hash hash;

		nh_hash_init(&hash, seed);
		assert_int_equal(hash.k1 * hash.inverse1, 1);
		assert_int_equal(hash.k2 * hash.inverse2, 1);
	}
}

static void
test_another_seed_is_another_hash(void **state)
{
	struct nh_hash one, other, again;

	(void)state;
	for (uint64_t seed = 0; seed < 10000; seed++) {
		nh_hash_init(&one, seed);
		nh_hash_init(&again, seed);
		nh_hash_init(&other, seed + 1);
		assert_memory_equal(&one, &again, sizeof(one));
		assert_int_not_equal(one.seed, other.seed);
		assert_int_not_equal(one.k1, other.k1);
		assert_int_not_equal(one.k2, other.k2);
		assert_int_not_equal(nh_hash(&one, 0), nh_hash(&other, 0));
	}
}

/* -------------------------------------------------------------- distribution
 */

static uint64_t
key_up(uint64_t i)
{
	return i;
}

static uint64_t
key_down(uint64_t i)
{
	return ~i;
}

static uint64_t
key_cache_lines(uint64_t i)
{
	return UINT64_C(0x7f0000000000) + 64 * i;
}

static uint64_t
key_pages(uint64_t i)
{
	return i << 12;
}

static uint64_t
key_megabytes(uint64_t i)
{
	return i << 20;
}

static uint64_t
key_high(uint64_t i)
{
	return i << 46;
}

/* Two counters side by side, as a compound key has them. */
static uint64_t
key_grid(uint64_t i)
{
	return i / 500 << 32 | i % 500;
}

static uint64_t
key_odd_stride(uint64_t i)
{
	return i * 1000003;
}

static uint64_t
key_random(uint64_t i)
{
	return mix64(i);
}

static uint64_t (*const patterns[])(uint64_t) = {
	key_up,	  key_down, key_cache_lines, key_pages,	 key_megabytes,
	key_high, key_grid, key_odd_stride,  key_random,
};

#define PATTERNS (sizeof(patterns) / sizeof(*patterns))

/* Keys beyond the first four of their line, were they thrown at random. */
static double
poisson_overflow(void)
{
	double mean = (double)KEYS / LINES;
	double p = exp(-mean), sum = 0;

	for (int k = 0; k < 40; k++, p *= mean / k)
		if (k > NH_LINE_SLOTS)
			sum += (k - NH_LINE_SLOTS) * p;
	return sum * LINES;
}

static unsigned
count_overflow(const struct nh_hash *hash, uint64_t (*key)(uint64_t))
{
	static unsigned char line[LINES];
	unsigned over = 0;

	memset(line, 0, sizeof(line));
	for (uint64_t i = 0; i < KEYS; i++) {
		uint64_t h = nh_hash(hash, key(i));
		uint64_t at = nh_line_index(h, LINES);

		over += ++line[at] > NH_LINE_SLOTS;
	}
	return over;
}

/*
 * Allowed are a twentieth and six deviations.  A multiplicative hash may spread
 * a regular set more evenly than chance does, but it must not spread one worse.
 */
static double
most_overflow(void)
{
	double fair = poisson_overflow();

	return fair * 1.05 + 6 * sqrt(fair);
}

static void
test_no_pattern_overflows_more_than_chance(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 20; seed++)
		for (unsigned k = 0; k < PATTERNS; k++) {
			struct nh_hash hash;
			unsigned over;

			nh_hash_init(&hash, seed);
			over = count_overflow(&hash, patterns[k]);
			if (over > most_overflow())
				fail_msg("pattern %u, seed %u: %u, not %.0f", k,
					 (unsigned)seed, over,
					 poisson_overflow());
		}
}

/* The top 8 bits choose the segment, and the next ones the line within. */
static void
test_segments_get_equal_shares(void **state)
{
	double mean = (double)KEYS / SEGMENTS;

	(void)state;
	for (uint64_t seed = 1; seed <= 8; seed++)
		for (unsigned k = 0; k < PATTERNS; k++) {
			unsigned share[SEGMENTS] = { 0 };
			struct nh_hash hash;

			nh_hash_init(&hash, seed);
			for (uint64_t i = 0; i < KEYS; i++)
				share[nh_hash(&hash, patterns[k](i)) >> 56]++;
			for (unsigned s = 0; s < SEGMENTS; s++)
				assert_true(fabs(share[s] - mean) <
					    7 * sqrt(mean));
		}
}

/* As a segment's table sees them: the word has not the top 8 bits. */
static void
test_lines_of_a_segment_fill_as_by_chance(void **state)
{
	(void)state;
	for (unsigned k = 0; k < PATTERNS; k++) {
		static unsigned char line[SEGMENTS][300];
		struct nh_hash hash;
		unsigned over = 0;

		nh_hash_init(&hash, 77);
		memset(line, 0, sizeof(line));
		for (uint64_t i = 0; i < KEYS; i++) {
			uint64_t h = nh_hash(&hash, patterns[k](i));
			uint64_t at = nh_line_index(nh_word_of(h), 300);

			over += ++line[h >> 56][at] > NH_LINE_SLOTS;
		}
		/* 256 * 300 lines: nearly as many as LINES. */
		if (over > most_overflow())
			fail_msg("pattern %u: %u, not %.0f", k, over,
				 poisson_overflow());
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_key_comes_back_from_its_hash),
		cmocka_unit_test(test_the_inverses_are_inverses),
		cmocka_unit_test(test_another_seed_is_another_hash),
		cmocka_unit_test(test_no_pattern_overflows_more_than_chance),
		cmocka_unit_test(test_segments_get_equal_shares),
		cmocka_unit_test(test_lines_of_a_segment_fill_as_by_chance),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

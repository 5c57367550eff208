/*
 * kit.h - what the tests of the baseline share: cmocka and random numbers
 */
#ifndef TESTS_BASELINE_KIT_H
#define TESTS_BASELINE_KIT_H

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>
#include <sys/random.h>
#include <cmocka.h>

/* A test that should hang, hangs no longer than this. */
#define TEST_SECONDS 300

/* kit_seed - NUMAHASH_TEST_SEED or a random one; printed, to repeat a run. */
static inline uint64_t
kit_seed(void)
{
	const char *text = getenv("NUMAHASH_TEST_SEED");
	uint64_t seed = 0;

	if (text)
		seed = strtoull(text, NULL, 0);
	else if (getrandom(&seed, sizeof seed, 0) != sizeof seed)
		fail_msg("no random seed");
	print_message("NUMAHASH_TEST_SEED=%" PRIu64 "\n", seed);
	return seed;
}

/* kit_random - SplitMix64: any state will do, and each call moves it on. */
static inline uint64_t
kit_random(uint64_t *state)
{
	uint64_t x = *state += UINT64_C(0x9e3779b97f4a7c15);

	x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
	return x ^ x >> 31;
}

#endif

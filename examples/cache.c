/*
 * cache.c - compute once, remember for a while, forget by a scan
 *
 * What is cached is how many steps a number takes to 1 in the Collatz sequence.
 * A value has two parts: the time it is good until, and the result.
 *
 *	| good until (32 bits) | result (32 bits) |
 */
#include <inttypes.h>
#include <numahash.h>
#include <pthread.h>
#include <stdio.h>

#define THREADS 4
#define NUMBERS 1000
#define GOOD_FOR 60 /* seconds */

static struct nh_u64 *cache;
static uint64_t now; /* seconds; a service would ask the clock */

static uint32_t
collatz_steps(uint64_t n)
{
	uint32_t steps = 0;

	for (; n > 1; steps++)
		n = n % 2 ? 3 * n + 1 : n / 2;
	return steps;
}

/*
 * Several threads that miss at once each compute, but one stores; the others
 * take what it stored, so all give the same answer.
 */
static int
cache_get(uint64_t key, uint32_t *result)
{
	uint64_t value, computed;
	int err = nh_u64_get(cache, key, &value);

	if (err == NH_OK && value >> 32 > now) {
		*result = (uint32_t)value;
		return NH_OK;
	}
	computed = (now + GOOD_FOR) << 32 | collatz_steps(key);
	if (err == NH_OK) /* old: take its place, unless another has */
		nh_u64_compare_and_swap(cache, key, value, computed);
	err = nh_u64_load_or_store(cache, key, computed, &value, NULL);
	if (err == NH_OK)
		*result = (uint32_t)value;
	return err;
}

/* Not a plain delete: what was renewed since the scan saw it must stay. */
static int
forget_if_old(void *forgotten, uint64_t key, uint64_t value)
{
	if (value >> 32 <= now &&
	    nh_u64_compare_and_delete(cache, key, value) == NH_OK)
		++*(unsigned *)forgotten;
	return 0;
}

/* The longest way of all numbers, or 0 when memory was out. */
static void *
find_longest(void *arg)
{
	uint32_t steps, *longest = arg;

	for (uint64_t n = 1 + now; n <= NUMBERS + now; n++) {
		if (cache_get(n, &steps)) {
			*longest = 0;
			break;
		}
		if (steps > *longest)
			*longest = steps;
	}
	return NULL;
}

static int
run(void)
{
	struct nh_cursor cursor = { 0 };
	uint32_t longest[THREADS] = { 0 };
	pthread_t thread[THREADS];
	unsigned forgotten = 0;

	for (int i = 0; i < THREADS; i++)
		if (pthread_create(&thread[i], NULL, find_longest, &longest[i]))
			return 1;
	for (int i = 0; i < THREADS; i++)
		pthread_join(thread[i], NULL);
	nh_u64_scan(cache, &cursor, forget_if_old, &forgotten);
	printf("at %3" PRIu64 " s: longest %u, %u forgotten, %" PRIu64
	       " remembered\n",
	       now, longest[0], forgotten, nh_u64_len(cache));
	for (int i = 0; i < THREADS; i++)
		if (!longest[i] || longest[i] != longest[0])
			return 1;
	return 0;
}

int
main(void)
{
	int err = NH_OK;

	cache = nh_u64_create(NULL, &err);
	if (!cache) {
		fprintf(stderr, "cache: %s\n", nh_strerror(err));
		return 1;
	}
	for (now = 0; now <= 100 && !err; now += 25)
		err = run();
	nh_u64_destroy(cache);
	return err;
}

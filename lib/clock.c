/*
 * clock.c - in a file of its own, so that tests can put another in its place
 */
#include "lib/clock.h"

#include <time.h>

uint64_t
nh_clock_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

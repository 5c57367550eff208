/*
 * idle_fixture.h - a clock that tests move, for maps with idle reclaim
 *
 * Linked with --wrap=nh_clock_ns.
 */
#ifndef NH_TESTS_IDLE_FIXTURE_H
#define NH_TESTS_IDLE_FIXTURE_H

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

#include "tests/unit/u64_fixture.h"

#define TIMEOUT_MS 1000
#define STEP_MS (TIMEOUT_MS / 2)
#define NS_PER_MS 1000000

uint64_t __real_nh_clock_ns(void);
uint64_t __wrap_nh_clock_ns(void);

static _Atomic(uint64_t) clock_ms; /* 0: the real one */

uint64_t
__wrap_nh_clock_ns(void)
{
	return clock_ms ? clock_ms * NS_PER_MS : __real_nh_clock_ns();
}

/* idle_config - without a thread; the clock begins to stand still */
static inline struct nh_config
idle_config(uint32_t least)
{
	struct nh_config config = config_make(FIXTURE_SEED);

	config.idle = true;
	config.idle_timeout_ms = TIMEOUT_MS;
	config.check_interval_ms = 0;
	config.min_idle_count = least;
	clock_ms = 1000000;
	return config;
}

#endif
